"""The evaluator: takes one case from inputs to verdicts, in whatever process runs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.checks import judge
from e2i_eval.checks.behaviour_of import observed, prompt_measurements
from e2i_eval.checks.contract import Oracle, contract_checks
from e2i_eval.checks.coverage import GraphWatch
from e2i_eval.checks.expectations import golden_checks
from e2i_eval.checks.judges.verdicts import judge_measurements
from e2i_eval.checks.measurements import measure
from e2i_eval.checks.rag import rag_check, rag_measurements
from e2i_eval.checks.trajectory import trajectory_check
from e2i_eval.core.behaviour import Behaviour
from e2i_eval.core.errors import UnknownError
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.scratch import Scratch
from e2i_eval.core.stats.repeats import disagreement
from e2i_eval.core.stored_output import KeptOutput
from e2i_eval.runner.evaluation.case_records import CaseRecords, unrecorded
from e2i_eval.runner.evaluation.evaluation import Evaluation
from e2i_eval.runner.evaluation.targets import TargetCalls, Targets
from e2i_eval.runner.judging import Judged, unasked
from e2i_eval.runner.outage import excused
from e2i_eval.runner.report import CaseResult
from e2i_eval.runner.target import BuiltTarget, build_target

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

    from e2i_eval.checks import NamedCheck
    from e2i_eval.checks.contract import Contract
    from e2i_eval.core.case import Case
    from e2i_eval.core.clock import Clock
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.ports import Claude, Pricing, Tracking
    from e2i_eval.core.run import Run
    from e2i_eval.core.trace import Logged, Trace
    from e2i_eval.runner.config.settings import Settings, TargetSettings
    from e2i_eval.runner.evaluation.session_ref import SessionRef
    from e2i_eval.runner.evaluation.targets import Called
    from e2i_eval.runner.judging import JudgeRunner

__all__ = ["Evaluator"]

NOTHING_SPENT = {"claude_calls": 0.0, "cost_usd": 0.0}
"""What is measured of a case that judges what another one evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One time of running a case: for which item, as which run on the server, as which of how many repetitions."""

    nodeid: str
    run_id: str
    repeat: int
    planned: int


class Evaluator:
    """Evaluates cases one after another; targets are built once and kept."""

    def __init__(  # noqa: PLR0913  the composition root hands over everything the outside world is
        self,
        *,
        settings: Settings,
        session: SessionRef,
        claude: Claude,
        tracking: Tracking,
        clock: Clock,
        price: Pricing,
        secrets: tuple[str, ...],
        build: Callable[[TargetSettings], BuiltTarget] = build_target,
        standing: Callable[[str], tuple[NamedCheck, ...]] = lambda _target: (),
        judging: JudgeRunner | None = None,
    ) -> None:
        self._is_live = settings.claude == "live"
        self._targets = Targets(settings, build)
        self._records = CaseRecords(session, Scratch(Path(session.scratch)), tracking)
        self._calls = TargetCalls(
            self._targets,
            claude=claude,
            tracking=tracking,
            clock=clock,
            watch=GraphWatch(Path(session.scratch)),
            on_broken=self._records.broken,
        )
        self._tracking = tracking
        self._price = price
        self._secrets = secrets
        self._standing = standing
        self._judging = judging

    def target(self, name: str) -> BuiltTarget:
        """Return a target as it is evaluated.

        Raises:
            E2iError: it cannot be built.
        """
        return self._targets.built(name)

    def rebuilt(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Build a target anew for the block: what it read when it was built may be another now."""
        return self._targets.rebuilt(name)

    def close(self) -> None:
        """End what the evaluator holds; it cannot be used afterwards."""
        self._calls.close()

    def evaluate(
        self,
        case: Case,
        nodeid: str,
        *,
        checks: tuple[NamedCheck, ...] = (),
        repeat: int = 0,
        planned: int = 0,
        first: CaseResult | None = None,
    ) -> Evaluation:
        """Call the case's target, gather the evidence, judge it, and record it.

        ``checks`` are made besides those that every case of the target is judged by.
        ``repeat`` counts the runs of the case from 0, of ``planned`` at most; with ``first`` it must come out as that
        one did.

        Raises:
            UsageError: the target cannot be built, its contract cannot be read, a check of the project is none, or a
                judge is not described.
        """
        if self._judging is not None and case.expect.judges:
            self._judging.rules(case)  # a judge that nobody described is said before anything runs
        contract = self._targets.contract(case.target)
        every = (*self._targets.checks(case), *checks)
        case_run, unknown = self._case_run(case, nodeid)
        called = self._calls.call(case, case_run, unknown)
        evidence = self._evidence(case, called, case_run, unknown)
        turn = Turn(nodeid=nodeid, run_id=case_run.run_id if case_run else "", repeat=repeat, planned=planned)
        result = self._result(turn, called, evidence, contract, every)
        if first is not None and (differing := disagreement(first, result)):
            result = result.with_verdict(differing)
        return Evaluation(result=self._recorded(result, case, case_run), evidence=evidence)

    def open_run(self, case: Case, nodeid: str) -> CaseRun:
        """Create a run on the server for calls that are measured and not judged.

        Raises:
            UnknownError: the server did not answer, or refused.
        """
        return self._records.open(case, nodeid)

    def rehearse(self, case: Case, nodeid: str) -> None:
        """Call a case's target once to see what it asks; what it logs goes to a run of its own, and nothing is judged.

        Raises:
            E2iError: the target cannot be built, or the server does not answer.
        """
        target = self._targets.built(case.target)
        case_run = self._records.open(replace(case, id=f"{case.id} (rehearsal)"), nodeid)
        try:
            self._calls.rehearse(target, case, case_run)
        finally:
            self._records.rehearsed(case_run)

    def conclude(self, case: Case, nodeid: str, checks: tuple[NamedCheck, ...], basis: Evaluation) -> CaseResult:
        """Judge evidence that is there already, as a case of its own; the verdicts go to the traces of ``basis``."""
        case_run, unknown = self._case_run(case, nodeid)
        evidence = replace(basis.evidence, case=case)
        result = CaseResult(
            case_id=case.id,
            target=case.target,
            nodeid=nodeid,
            where=case.where(),
            verdicts=(*judge(checks, evidence), *((unrecorded(unknown),) if unknown else ())),
            measurements=NOTHING_SPENT,
            trace_ids=_trace_ids(evidence),
            run_id=case_run.run_id if case_run else "",
            behaviour=Behaviour(),
        )
        return self._recorded(result, case, case_run)

    def _case_run(self, case: Case, nodeid: str) -> tuple[CaseRun | None, str]:
        """Open a case's run; without one, say why, and the case is evaluated all the same."""
        try:
            return self._records.open(case, nodeid), ""
        except UnknownError as error:
            return None, str(error)

    def _evidence(self, case: Case, called: Called, case_run: CaseRun | None, unknown: str) -> Evidence:
        traces: tuple[Trace, ...] | None = None
        logged: Logged | None = None
        if case_run is not None:
            try:
                traces, logged = self._tracking.read(case_run)
            except UnknownError as error:
                unknown = str(error)
        return Evidence(
            case=case,
            run=called.run,
            exchanges=called.capture.exchanges,
            notes=called.capture.notes,
            traces=traces,
            logged=logged,
            unknown=unknown,
            secrets=self._secrets,
        )

    def _result(
        self, turn: Turn, called: Called, evidence: Evidence, contract: Contract, checks: tuple[NamedCheck, ...]
    ) -> CaseResult:
        """Judge the evidence, the answer by models last: they see nothing of it, and it holds nothing of them."""
        case, oracle = evidence.case, Oracle(contract)
        behaviour, unobserved = observed(evidence, contract.secrets.patterns)
        made = judge((*self._checks(case, contract, oracle), *checks), evidence)
        verdicts = (*made, *called.unsent, *unobserved)
        if self._is_live:
            verdicts = excused(verdicts, evidence.exchanges)
        judged = self._judged(case, called.run, turn)
        measurements = {
            **measure(evidence, verdicts, self._price),
            **prompt_measurements(behaviour),
            **(rag_measurements(case.expect.rag, evidence, contract) if case.expect.rag else {}),
            **(judge_measurements(judged.judgements) if judged.judgements else {}),
        }
        return CaseResult(
            case_id=case.id,
            target=case.target,
            nodeid=turn.nodeid,
            where=case.where(),
            verdicts=(*verdicts, *judged.verdicts),
            measurements=measurements,
            trace_ids=_trace_ids(evidence),
            run_id=turn.run_id,
            behaviour=behaviour,
            repeat=turn.repeat,
            planned=turn.planned,
            calls=oracle.call_records(evidence),
            exercised=called.watched.exercised(evidence),
            output=None if called.run.error else KeptOutput.of(called.run.output, case.expect),
            judgements=judged.judgements,
        )

    def _checks(self, case: Case, contract: Contract, oracle: Oracle) -> tuple[NamedCheck, ...]:
        """Return the checks that every case of the target is judged by, and those that this one asks for."""
        expect = case.expect
        return (
            *golden_checks(case, price=self._price),
            *([trajectory_check(expect.trajectory, contract.calls.other_models)] if expect.trajectory else ()),
            *([rag_check(expect.rag, contract)] if expect.rag else ()),
            *contract_checks(contract, price=self._price, oracle=oracle),
            *self._standing(case.target),
        )

    def _judged(self, case: Case, run: Run, turn: Turn) -> Judged:
        if not case.expect.judges:
            return Judged()
        return self._judging.judge(case, run, turn) if self._judging is not None else unasked(case)

    def _recorded(self, result: CaseResult, case: Case, case_run: CaseRun | None) -> CaseResult:
        """Have the judgement written; the result says when it is not there."""
        if case_run is None:
            return result
        return self._records.judged(case_run, result, case.expect)


def _trace_ids(evidence: Evidence) -> tuple[str, ...]:
    return tuple(trace.trace_id for trace in evidence.traces or ())
