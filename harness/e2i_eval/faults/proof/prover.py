"""The prover: finds a case for each fault, breaks it, and looks at who notices."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.core.stats.rates import wilson
from e2i_eval.faults import ControlRun
from e2i_eval.faults.proof.slowness import measured
from e2i_eval.faults.proof.trial import Control, InjectionResult, Trial
from e2i_eval.gate.baseline import baseline_of, compare
from e2i_eval.runner.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from e2i_eval.checks.contract import Contract
    from e2i_eval.core.case import Case
    from e2i_eval.core.clock import Clock
    from e2i_eval.faults import Fault
    from e2i_eval.faults.proof.injection import FaultInjector
    from e2i_eval.runner.evaluation import Evaluation
    from e2i_eval.runner.report import CaseResult

__all__ = ["Prover"]

CASES_OF_A_TARGET = 3
"""How many cases of each target are tried for one fault, of those whose file looks promising."""

BASELINE = "baseline"
OVERHEAD = "overhead"


class Prover:
    """Applies faults to cases; each case is evaluated unbroken first, and once more after each fault."""

    def __init__(
        self,
        *,
        injector: FaultInjector,
        evaluate: Callable[[Case, str], Evaluation],
        contract: Callable[[str], Contract],
        cases: Mapping[str, Sequence[Case]],
        clock: Clock,
    ) -> None:
        """Make a prover.

        Args:
            injector: puts faults in force.
            evaluate: evaluates a case, recorded under a name.
            contract: of a target.
            cases: the golden cases of each target.
            clock: time.
        """
        self._injector = injector
        self._evaluate = evaluate
        self._contract = contract
        self._cases = cases
        self._clock = clock
        self._seen: dict[str, Evaluation] = {}
        self._controls: list[Control] = []

    def prove(self, faults: Sequence[Fault], *, repeat: int, report: Callable[[Trial], None]) -> InjectionResult:
        """Apply each fault ``repeat`` times; ``report`` is given each trial when it is over."""
        start_s = self._clock.elapsed_s()
        trials: list[Trial] = []
        for number, fault in enumerate(faults):
            for trial in self._trials(fault, self._in_turn(number), repeat):
                trials.append(trial)
                report(trial)
        applied = [trial for trial in trials if trial.outcome != "not covered"]
        caught = sum(trial.outcome != "survived" for trial in applied)
        return InjectionResult(
            trials=tuple(trials),
            controls=tuple(self._controls),
            kill_rate=wilson(caught, len(applied)) if applied else None,
            duration_s=self._clock.elapsed_s() - start_s,
        )

    def _in_turn(self, number: int) -> list[str]:
        """Return the targets, another one first for each fault, so that all of them are broken by some."""
        names = list(self._cases)
        at = number % len(names) if names else 0
        return names[at:] + names[:at]

    def _trials(self, fault: Fault, targets: Sequence[str], repeat: int) -> Iterator[Trial]:
        why = "no case file looks as if it fitted: " + "; ".join(need.what for need in fault.needs)
        for case in self._candidates(fault, targets):
            control_run = self._control_run(case)
            if isinstance(control_run, str):
                why = control_run
                continue
            control_run = self._with_other(control_run, fault)
            if lacking := fault.lacks(control_run):
                why = lacking
                continue
            first = self._trial(fault, control_run)
            if first is None:
                why = f"it changed nothing in {case.id}"
                continue
            yield first
            self._control(control_run, fault)
            for _ in range(repeat - 1):
                yield self._trial(fault, control_run) or replace(first, outcome="survived", reason="it changed nothing")
                self._control(control_run, fault)
            return
        yield Trial(fault=fault.name, kind=fault.kind, expected=fault.checks, outcome="not covered", reason=why)

    def _candidates(self, fault: Fault, targets: Sequence[str]) -> Iterator[Case]:
        """Yield promising cases, the first of each target before the second of any."""
        promising = [
            [case for case in self._cases[target] if fault.may_fit(case)][:CASES_OF_A_TARGET] for target in targets
        ]
        for at in range(CASES_OF_A_TARGET):
            yield from (cases[at] for cases in promising if at < len(cases))

    def _control_run(self, case: Case) -> ControlRun | str:
        """Return the case's control run, made once; or why there is none."""
        if case.id not in self._seen:
            self._seen[case.id] = self._evaluate(case, f"prove::{case.id}")
            self._controls.append(_control_of(self._seen[case.id], self._seen[case.id], {}, after=""))
        evaluation = self._seen[case.id]
        if evaluation.result.status != "pass":
            return f"{case.id} does not pass unbroken"
        return ControlRun(evidence=evaluation.evidence, contract=self._contract(case.target))

    def _with_other(self, control_run: ControlRun, fault: Fault) -> ControlRun:
        """Add another case of the target that came to another answer, for faults that need one."""
        if not any(need.wants_other for need in fault.needs):
            return control_run
        for case in self._cases[control_run.case.target][: CASES_OF_A_TARGET + 1]:
            if case.id != control_run.case.id and not isinstance(other := self._control_run(case), str):
                candidate = replace(control_run, other=other.evidence)
                if not fault.lacks(candidate):
                    return candidate
        return control_run

    def _trial(self, fault: Fault, control_run: ControlRun) -> Trial | None:
        """Evaluate a case with a fault in force; None when the fault changed nothing."""
        case = fault.case(control_run.case) if fault.case else control_run.case
        if case is None:
            return None
        start_s = self._clock.elapsed_s()
        with self._injector.broken(fault, control_run) as counter:
            broken = self._evaluate(case, f"prove::{fault.name}")
        if not counter.count and case == control_run.case:
            return None
        said = _said(self._seen[case.id].result, broken.result)
        if BASELINE not in fault.checks:
            said.pop(BASELINE, None)
        if OVERHEAD in fault.checks:
            said |= self._overhead(fault, control_run)
        right = [check for check in fault.checks if re.search(fault.says, said.get(check, ""), re.IGNORECASE)]
        right = [check for check in right if check in said]
        return Trial(
            fault=fault.name,
            kind=fault.kind,
            expected=fault.checks,
            target=case.target,
            case_id=case.id,
            outcome="caught" if right else "caught elsewhere" if said else "survived",
            caught_by=tuple(said),
            reason=_first_line(said[right[0]] if right else next(iter(said.values()), "no check failed")),
            duration_s=self._clock.elapsed_s() - start_s,
        )

    def _overhead(self, fault: Fault | None, control_run: ControlRun) -> dict[str, str]:
        """Ask the gate's rule how much longer a caller waits with a fault than without; empty unless it fails."""
        decision = measured(
            control_run.case, lambda: (self._latency_ms(None, control_run), self._latency_ms(fault, control_run))
        )
        return {OVERHEAD: decision.reason} if decision.status == "fail" else {}

    def _latency_ms(self, fault: Fault | None, control_run: ControlRun) -> float:
        broken = self._injector.broken(fault, control_run) if fault else contextlib.nullcontext()
        with broken:
            result = self._evaluate(control_run.case, f"prove::{control_run.case.id}").result
        adjusted_ms = self._injector.adjusted_ms
        return result.measurements["latency_ms"] if adjusted_ms is None else adjusted_ms

    def _control(self, control_run: ControlRun, fault: Fault) -> None:
        case = control_run.case
        again = self._evaluate(case, f"prove::{case.id}")
        overhead = self._overhead(None, control_run) if OVERHEAD in fault.checks else {}
        self._controls.append(_control_of(self._seen[case.id], again, overhead, after=fault.name))


def _control_of(first: Evaluation, again: Evaluation, overhead: Mapping[str, str], *, after: str) -> Control:
    said = {**_said(first.result, again.result), **overhead}
    return Control(
        case_id=again.result.case_id,
        alarms=tuple(said),
        reason=_first_line(next(iter(said.values()), "")),
        after=after,
    )


def _said(control_run: CaseResult, result: CaseResult) -> dict[str, str]:
    """Return what each check that did not pass said, and what differs from the control run as ``baseline``."""
    said = {
        verdict.check: "\n".join(
            [*(f"{each.field}: {each.message} {each.expected} {each.actual}" for each in verdict.findings)]
            or [verdict.reason]
        )
        for verdict in result.verdicts
        if verdict.status in {"fail", "error"}
    }
    if changes := _changes(control_run, result):
        said[BASELINE] = "\n".join(changes)
    return said


def _changes(control_run: CaseResult, result: CaseResult) -> list[str]:
    """Return what a baseline made of the control run sees in the other."""
    accepted = baseline_of(_report(control_run), name="control", reason="nothing is broken", at="")
    diff = compare(accepted, _report(result))
    return [
        f"{change.metric}: {change.kind} {change.call} {change.before} -> {change.after}".replace("\n", " ")
        for case in diff.cases
        for change in case.changes
    ]


def _report(result: CaseResult) -> Report:
    return Report(session={"claude": "mock"}, environment={}, cases=(replace(result, nodeid=result.case_id),))


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")
