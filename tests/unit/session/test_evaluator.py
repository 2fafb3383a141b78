"""From one case to its verdicts, with fakes for everything outside."""

from __future__ import annotations

import sys
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.case import Case, Expectation
from e2i_eval.core.errors import UsageError
from e2i_eval.runner.config.settings import Settings, TargetSettings
from e2i_eval.runner.evaluation import Evaluator, SessionRef
from e2i_eval.testing import InMemoryTracking, ManualClock, ScriptedClaude

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.trace import Logged, Trace

    Make = Callable[..., Evaluator]

NODEID = "golden/cases/shop/one.yaml::shop/one"


class Witness(InMemoryTracking):
    """Remembers in which order it was asked."""

    def __init__(self, steps: list[str], **kwargs: Any) -> None:  # noqa: ANN401  the fake's own arguments
        super().__init__(**kwargs)
        self.steps = steps

    @contextmanager
    def active(self, case_run: CaseRun | None) -> Iterator[None]:
        """Say whose case becomes active."""
        self.steps.append(f"active {case_run.case_id if case_run else None}")
        with super().active(case_run):
            yield

    def flush(self, timeout_s: float) -> bool:
        """Say that traces are sent."""
        self.steps.append("flush")
        return super().flush(timeout_s)

    def read(self, case_run: CaseRun, *, settle_s: float = 2.0) -> tuple[tuple[Trace, ...], Logged]:
        """Say that evidence is read."""
        self.steps.append("read")
        return super().read(case_run, settle_s=settle_s)

    def record_case(self, case_run: CaseRun, **judged: Any) -> None:  # noqa: ANN401  the port's own arguments
        """Say that the judgement is written."""
        self.steps.append(f"record passed={judged['passed']}")
        super().record_case(case_run, **judged)


@pytest.fixture
def steps() -> list[str]:
    """What happened, in order."""
    return []


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, steps: list[str]) -> types.ModuleType:
    """A module with entries that say when they are called."""
    module = types.ModuleType("shop")

    def build() -> Callable[[dict[str, Any]], object]:
        steps.append("build")
        return answer

    def answer(inputs: dict[str, Any]) -> object:
        steps.append("call")
        return {"answer": inputs["question"]}

    def build_nothing() -> None:
        steps.append("build")
        message = "no shelf"
        raise ValueError(message)

    def break_flush() -> None:
        message = "the spool is gone"
        raise ConnectionError(message)

    module.build, module.build_nothing, module.break_flush = build, build_nothing, break_flush  # type: ignore[attr-defined]
    module.log = lambda: steps.append("logging")  # type: ignore[attr-defined]
    module.flush = lambda: steps.append("target's flush")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


@pytest.fixture
def make(tmp_path: Path, shop: types.ModuleType) -> Iterator[Make]:
    """Return a function that makes an evaluator of one target called ``shop``."""
    assert shop
    made: list[Evaluator] = []

    def evaluator(tracking: InMemoryTracking, **keys: str) -> Evaluator:
        target = TargetSettings(name="shop", where="pyproject.toml:7", **{"entry": "shop:build", **keys})  # type: ignore[arg-type]
        session = SessionRef(session_id="s", name="n", uri="", scratch=str(tmp_path), tags={}, params={})
        settings = Settings(
            root=tmp_path,
            golden=tmp_path,
            targets={"shop": target},
            claude="mock",
            only=(),
            store=None,
            tracking_uri=None,
            report=tmp_path,
            cache=tmp_path,
            tests=(),
            prices=None,
        )
        made.append(
            Evaluator(
                settings=settings,
                session=session,
                claude=ScriptedClaude(),
                tracking=tracking,
                clock=ManualClock(),
                price=lambda *_: 0.0,
                secrets=(),
            )
        )
        return made[-1]

    yield evaluator
    for each in made:
        each.close()


def case(name: str = "one", output: object = "Hello.") -> Case:
    """Return a case that asks for ``output``."""
    expect = Expectation(output={"answer": output}, has_output=True)
    return Case(id=f"shop/{name}", target="shop", inputs={"question": "Hello."}, expect=expect)


def verdicts(evaluator: Evaluator, name: str = "one") -> dict[str, str]:
    """Evaluate a case and return status by check."""
    return {each.check: each.status for each in evaluator.evaluate(case(name), NODEID).result.verdicts}


def test_the_order_of_steps(make: Make, steps: list[str]) -> None:
    """Logging is on before the target is built, all is sent before it is read, and read before it is judged."""
    evaluator = make(Witness(steps), logging="shop:log", flush="shop:flush")

    evaluator.evaluate(case(), NODEID)
    first, steps[:] = list(steps), []
    evaluator.evaluate(case("two"), NODEID)

    rest = ["call", "target's flush", "flush", "read", "record passed=True"]
    assert first == ["active shop/one", "logging", "build", *rest]
    assert steps == ["active shop/two", *rest]


def test_the_result_names_everything(make: Make) -> None:
    """Case, item, run and what was measured."""
    tracking = InMemoryTracking()
    result = make(tracking).evaluate(case(), NODEID).result

    assert (result.case_id, result.target, result.nodeid) == ("shop/one", "shop", NODEID)
    assert tracking.runs[result.run_id].verdicts == result.verdicts
    assert result.measurements["claude_calls"] == 0
    assert {each.check: each.status for each in result.verdicts}["output"] == "pass"


def test_runs_are_nested_and_opened_once(make: Make) -> None:
    """One session, one target below it, one run a case below that."""
    tracking = InMemoryTracking()
    evaluator = make(tracking)
    for name in ("one", "two"):
        evaluator.evaluate(case(name), NODEID)
    levels = [run.parent_id for run in tracking.runs.values()]

    assert levels == [None, "session s n", "s shop", "s shop"]


@pytest.mark.parametrize("dies_after", range(4))
def test_a_dead_server_makes_unknown_not_pass(make: Make, dies_after: int) -> None:
    """Whichever request is the first to fail, the answer is judged, and what needs the server is an error."""
    found = verdicts(make(InMemoryTracking(dies_after=dies_after)))

    assert found["output"] == "pass"
    assert found["logging"] == "error"
    assert "fail" not in found.values()


def test_a_judgement_that_cannot_be_recorded(make: Make) -> None:
    """Everything could be judged, but a person who opens the server would not find it."""
    found = verdicts(make(InMemoryTracking(dies_after=4)))

    assert found["recording"] == "error"
    assert found["logging"] != "error"


def test_a_dead_server_is_not_flushed_to(make: Make) -> None:
    """There is nothing to wait for."""
    tracking = InMemoryTracking(dies_after=0)
    evaluation = make(tracking, flush="shop:break_flush").evaluate(case(), NODEID)

    assert tracking.flushes == 0
    assert evaluation.evidence.run.flush_s == 0
    assert "the tracking server in memory is switched off" in evaluation.evidence.unknown


def test_a_flush_that_raises_is_a_finding(make: Make) -> None:
    """It says what to look at; MLflow's own queue is flushed all the same, and the answer kept."""
    tracking = InMemoryTracking()
    evaluation = make(tracking, flush="shop:break_flush").evaluate(case(), NODEID)
    (flush,) = (each for each in evaluation.result.verdicts if each.check == "flush")

    assert flush.status == "fail"
    assert "flush = 'shop:break_flush' raised ConnectionError: the spool is gone" in flush.findings[0].message
    assert flush.findings[0].where == "pyproject.toml:7"
    assert tracking.flushes == 1
    assert evaluation.evidence.run.output == {"answer": "Hello."}


def test_traces_that_are_not_sent_in_time_are_an_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace that is missing then may be late, not lost."""
    tracking = InMemoryTracking()
    monkeypatch.setattr(tracking, "flush", lambda _: False)

    assert verdicts(make(tracking))["flush"] == "error"


def test_a_target_that_does_not_build_is_tried_once(make: Make, steps: list[str]) -> None:
    """Each of its cases says why, and ends its run."""
    tracking = InMemoryTracking()
    evaluator = make(tracking, entry="shop:build_nothing")
    for name in ("one", "two"):
        with pytest.raises(UsageError, match="no shelf"):
            evaluator.evaluate(case(name), NODEID)

    assert steps == ["build"]
    assert [tracking.runs[name].status for name in ("shop/one", "shop/two")] == ["FAILED", "FAILED"]
    assert "no shelf" in tracking.runs["shop/one"].logged.tags["e2i_eval.error"]


def test_a_target_that_does_not_exist(make: Make) -> None:
    """The nearest name is offered, and no run is opened."""
    tracking = InMemoryTracking()
    unknown = Case(id="shpo/one", target="shpo", inputs={})
    with pytest.raises(UsageError) as caught:
        make(tracking).evaluate(unknown, NODEID)

    assert str(caught.value) == "there is no target 'shpo'\n  fix: did you mean 'shop'?"
    assert tracking.runs == {}


@pytest.mark.parametrize("error", [SystemExit(3), RuntimeError("broken")])
def test_a_target_that_raises_is_evidence(make: Make, shop: types.ModuleType, error: BaseException) -> None:
    """Also one that wants to end the process."""

    def entry(inputs: object) -> object:
        assert inputs
        raise error

    shop.entry = entry  # type: ignore[attr-defined]
    evaluation = make(InMemoryTracking(), entry="shop:entry").evaluate(case(), NODEID)

    assert evaluation.evidence.run.error is not None
    assert evaluation.evidence.run.error.type == type(error).__name__
    assert evaluation.result.status == "fail"


def test_ctrl_c_is_not_evidence(make: Make, shop: types.ModuleType) -> None:
    """It ends the session."""

    def entry(inputs: object) -> object:
        assert inputs
        raise KeyboardInterrupt

    shop.entry = entry  # type: ignore[attr-defined]

    with pytest.raises(KeyboardInterrupt):
        make(InMemoryTracking(), entry="shop:entry").evaluate(case(), NODEID)
