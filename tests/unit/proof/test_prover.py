"""The prover says caught from survived, notices false alarms, and never takes silence for proof."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks.contract.contract import Contract
from e2i_eval.core.case import Case
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run
from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.faults import Fault
from e2i_eval.faults.fault import Need
from e2i_eval.faults.proof import FaultInjector, InjectionResult, Prover, trial_line, verdict_lines
from e2i_eval.runner.evaluation import Evaluation
from e2i_eval.runner.report import CaseResult
from e2i_eval.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.faults import ControlRun
    from e2i_eval.tracking.traffic import Handling, HttpRequest

FINDING = Finding(message="a span is lost", field="span", expected="1", actual="none")


class NoBorder:
    """A border nothing passes."""

    @contextlib.contextmanager
    def intercepting(self, decide: Callable[[HttpRequest], Handling] | None) -> Iterator[None]:
        """Intercept nothing."""
        assert decide is not None
        yield


class World:
    """Evaluates a case as the fault in force at the moment makes it end."""

    def __init__(self, failing: tuple[str, ...] = ("logging",), *, flaky: bool = False) -> None:
        self.is_broken = False
        self.failing = failing
        self.flaky = flaky
        self.evaluated = 0

    @contextlib.contextmanager
    def fault(self, _control_run: ControlRun, applied: Callable[[], None]) -> Iterator[None]:
        """Break the world."""
        self.is_broken = True
        applied()
        yield
        self.is_broken = False

    def evaluate(self, case: Case, nodeid: str) -> Evaluation:
        """Return what the checks say."""
        self.evaluated += 1
        failing = self.failing if self.is_broken else ("values",) if self.flaky and self.evaluated > 1 else ()
        verdicts = tuple(
            Verdict(
                check=check, status="fail" if check in failing else "pass", findings=(FINDING,) * (check in failing)
            )
            for check in ("logging", "trace", "values")
        )
        result = CaseResult(case_id=case.id, target=case.target, nodeid=nodeid, where="", verdicts=verdicts)
        run = Run(output={}, error=None, started_at_s=0.0, duration_s=0.1)
        return Evaluation(result=result, evidence=Evidence(case=case, run=run, traces=()))


def fault(world: World, *, says: str = "lost", needs: tuple[Need, ...] = ()) -> Fault:
    """Return a fault that ``logging`` must notice."""
    return Fault(
        name="span-lost",
        kind="missing",
        place="log",
        summary="A span is lost.",
        source="own",
        checks=("logging",),
        says=says,
        needs=needs,
        model=world.fault,
    )


def prove(world: World, broken: Fault, *, repeat: int = 1) -> InjectionResult:
    """Apply one fault to one case."""
    prover = Prover(
        injector=FaultInjector(NoBorder()),
        evaluate=world.evaluate,
        contract=lambda _target: Contract(),
        cases={"agent": [Case(id="agent/one", target="agent", inputs={})]},
        clock=ManualClock(),
    )
    return prover.prove([broken], repeat=repeat, report=lambda _trial: None)


def test_the_right_check_catches() -> None:
    """The proof holds, and the row says who noticed."""
    world = World()
    proof = prove(world, fault(world))

    assert proof.holds
    assert [trial.outcome for trial in proof.trials] == ["caught"]
    assert trial_line(proof.trials[0]).split() == ["span-lost", "missing", "agent", "logging", "caught"]
    assert verdict_lines(proof)[0].startswith("1 of 1 applied faults caught (95 % interval 20.7 % to 100.0 %)")


def test_a_disabled_check_lets_the_fault_survive() -> None:
    """Nobody notices, and the proof does not hold."""
    world = World(failing=())
    proof = prove(world, fault(world))

    assert not proof.holds
    assert proof.survivors[0].fault == "span-lost"
    assert any(line.startswith("survived: span-lost in agent/one") for line in verdict_lines(proof))


@pytest.mark.parametrize(("failing", "says"), [(("trace",), "lost"), (("logging",), "something else")])
def test_another_check_or_another_reason_is_told_apart(failing: tuple[str, ...], says: str) -> None:
    """It was caught, and not as it should have been."""
    world = World(failing=failing)
    proof = prove(world, fault(world, says=says))

    assert [trial.outcome for trial in proof.trials] == ["caught elsewhere"]
    assert len(proof.caught_elsewhere) == 1


def test_an_alarm_without_a_fault_is_false() -> None:
    """A control that fails spoils the proof."""
    world = World(flaky=True)
    proof = prove(world, fault(world))

    assert not proof.holds
    assert [control.alarms for control in proof.false_alarms] == [("values", "baseline")]


def test_a_case_is_controlled_before_and_after_each_repetition() -> None:
    """Each broken evaluation stands between two sound ones."""
    world = World()
    proof = prove(world, fault(world), repeat=3)

    assert len(proof.trials) == 3
    assert len(proof.controls) == 4
    assert world.evaluated == 7


def test_what_no_case_has_is_not_covered_and_proves_nothing() -> None:
    """Fail closed: nothing applied is no proof."""
    world = World()
    proof = prove(world, fault(world, needs=(Need(what="no case has a tool call", is_met=lambda _control_run: False),)))

    assert not proof.holds
    assert proof.kill_rate is None
    assert verdict_lines(proof)[0] == "no fault could be applied: nothing is proved"
    assert "not covered: span-lost: no case has a tool call" in verdict_lines(proof)


def test_a_fault_that_changes_nothing_is_not_covered() -> None:
    """It neither survived nor was it caught."""
    world = World()

    @contextlib.contextmanager
    def nothing(_control_run: ControlRun, _applied: Callable[[], None]) -> Iterator[None]:
        yield

    idle = Fault(
        name="idle", kind="wrong", place="log", summary="Nothing.", source="own", checks=("logging",), model=nothing
    )
    proof = prove(world, idle)

    assert proof.not_covered[0].reason == "it changed nothing in agent/one"
