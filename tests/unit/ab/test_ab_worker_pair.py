"""Two processes running one target: a call that hangs is an observation, and its process is replaced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from e2i_eval.benchmark.ab.worker_client import NotInThisRevisionError, WorkerClient, WorkerLateError
from e2i_eval.benchmark.ab.worker_pair import LEAST_CALL_TIMEOUT_S, TargetUnderTest, WorkerPair
from e2i_eval.core.errors import UnknownError, UsageError
from e2i_eval.core.mlflow_run import CaseRun
from e2i_eval.runner.config.settings import TargetSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.benchmark.ab.sample import VariantName

TROUBLED: dict[str, object] = {"agent_ms": 1.0, "claude_ms": 0.0, "logging_ms": 0.0, "trouble": "output: differs"}
FINE: dict[str, object] = {"agent_ms": 60.0, "claude_ms": 0.0, "logging_ms": 1.0}


class FakeWorker:
    """Answers as it is made to, and remembers what it was asked."""

    def __init__(
        self, call: Callable[[str], dict[str, object]], build: Callable[[], list[str]] = lambda: ["src"]
    ) -> None:
        self._call = call
        self._build = build
        self.asked: list[dict[str, Any]] = []
        self.is_closed = False

    def ask(self, _timeout_s: float, **message: object) -> object:
        """Answer."""
        self.asked.append(message)
        if message["do"] == "build":
            return self._build()
        return self._call(str(message["file"])) if message["do"] == "call" else None

    def close(self) -> None:
        """End."""
        self.is_closed = True


def fine(_file: str) -> dict[str, object]:
    """Answer a call that went well."""
    return FINE


def hang(_file: str) -> dict[str, object]:
    """Never answer."""
    what = "head: no answer"
    raise WorkerLateError(what)


def worker_pair(started: list[VariantName] | None = None, files: tuple[str, ...] = ("one", "two")) -> WorkerPair:
    """Return an ensemble whose replacements are well."""

    def start(variant: VariantName) -> WorkerClient:
        if started is not None:
            started.append(variant)
        return cast("WorkerClient", FakeWorker(fine))

    run = CaseRun(run_id="r", experiment_id="0", target_run_id="t", case_id="c", nodeid="n", started_ms=0)
    under_test = TargetUnderTest(
        settings=TargetSettings(name="support", entry="shop:build", where="pyproject.toml:1"),
        files={name: Path(name) for name in files},
        runs={"base": run, "head": run},
    )
    return WorkerPair(under_test, start)


def tried(pair: WorkerPair, *, base: FakeWorker | None = None, head: FakeWorker | None = None) -> str:
    """Prepare with these workers."""
    clients = {"base": base or FakeWorker(fine), "head": head or FakeWorker(fine)}
    return pair.prepare(cast("dict[VariantName, WorkerClient]", clients))


def test_the_base_learns_from_the_head_where_the_sources_are() -> None:
    """The head is built first, from wherever it is installed."""
    base = FakeWorker(fine)
    tried(worker_pair(), base=base, head=FakeWorker(fine, lambda: ["fixtures"]))

    assert base.asked[0]["roots"] == ["fixtures"]


def test_a_case_has_to_pass_in_both() -> None:
    """One that the base answers otherwise is left out, and said to be."""
    pair = worker_pair()
    case_id = tried(pair, base=FakeWorker(lambda file: TROUBLED if file == "one" else FINE))

    assert case_id == "two"
    assert pair.excluded == {"one": "base: output: differs"}


@pytest.mark.parametrize(
    ("head_ms", "chosen"),
    [
        ({"one": 20.0, "two": 80.0, "three": 40.0}, "two"),
        ({"one": 32.0, "two": 80.0, "three": 40.0}, "one"),
        ({"one": 24.0, "two": 83.0, "three": 40.0}, "two"),
    ],
)
def test_the_case_that_seems_slower_is_measured_or_else_the_longest(head_ms: dict[str, float], chosen: str) -> None:
    """A change on a way that one case alone goes would drown among the others."""
    base_ms = {"one": 20.0, "two": 80.0, "three": 40.0}
    base = FakeWorker(lambda file: {**FINE, "agent_ms": base_ms[file]})
    head = FakeWorker(lambda file: {**FINE, "agent_ms": head_ms[file]})
    pair = worker_pair(files=("one", "two", "three"))

    assert tried(pair, base=base, head=head) == chosen
    assert tried(pair) == chosen  # a second set is made with the same


def test_a_case_that_seems_slower_by_chance_does_not_hide_one_that_is() -> None:
    """Among many cases the slowest of single calls is a matter of luck: what seems slower is tried again."""
    took_ms = {"one": [20.0, 20.0, 20.0], "two": [120.0, 80.0], "three": [70.0, 70.0]}
    base = FakeWorker(lambda file: {**FINE, "agent_ms": {"one": 20.0, "two": 80.0, "three": 40.0}[file]})
    head = FakeWorker(lambda file: {**FINE, "agent_ms": took_ms[file].pop(0) if took_ms[file] else 20.0})

    assert tried(worker_pair(files=("one", "two", "three")), base=base, head=head) == "three"


def test_no_common_case_is_no_comparison() -> None:
    """A head that behaves otherwise cannot be compared."""
    with pytest.raises(
        UnknownError, match=r"no case of support passes in both revisions: one \(head: output: differs\)"
    ):
        tried(worker_pair(), head=FakeWorker(lambda _: TROUBLED))


def test_a_call_that_hangs_counts_and_its_process_is_replaced() -> None:
    """It took at least as long as it was waited for."""
    started: list[VariantName] = []
    head = FakeWorker(fine)
    pair = worker_pair(started)
    tried(pair, head=head)
    head._call = hang  # noqa: SLF001  from now on
    sample = pair.call("head", "one")

    assert sample.timed_out
    assert sample.agent_ms == LEAST_CALL_TIMEOUT_S * 1000
    assert (head.is_closed, started) == (True, ["head"])
    assert not pair.call("head", "one").timed_out


def test_a_base_without_the_target_says_so() -> None:
    """Not an error of anybody's."""

    def absent() -> list[str]:
        what = "base: no module"
        raise NotInThisRevisionError(what)

    with pytest.raises(UnknownError, match="the base has no 'shop:build': there is nothing to compare with"):
        tried(worker_pair(), base=FakeWorker(fine, absent))


def test_a_head_without_the_target_is_an_error() -> None:
    """That one has to be there."""

    def absent() -> list[str]:
        what = "head: no module"
        raise NotInThisRevisionError(what)

    with pytest.raises(UsageError, match="head: no module"):
        tried(worker_pair(), head=FakeWorker(fine, absent))


def test_a_case_that_passes_once_only_is_not_measured() -> None:
    """It seemed slower, and when it was tried again it did something else."""
    answers = [FINE, {**FINE, "agent_ms": 90.0}, TROUBLED]
    head = FakeWorker(lambda file: answers.pop(0) if file == "one" else FINE)
    pair = worker_pair()

    assert tried(pair, head=head) == "two"
    assert pair.excluded == {"one": "head: output: differs"}


def test_a_first_call_that_goes_wrong_does_not_rule_a_case_out() -> None:
    """It makes what is made once; the case passes when it is tried as all others are."""
    answers = [TROUBLED]
    head = FakeWorker(lambda _: answers.pop() if answers else FINE)

    assert tried(worker_pair(files=("one",)), head=head) == "one"
