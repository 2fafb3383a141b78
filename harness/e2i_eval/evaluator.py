"""The evaluator: takes one case from inputs to verdicts, in whatever process runs it."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.behaviour import Behaviour
from e2i_eval.behaviour_of import observed, prompt_measurements
from e2i_eval.checks import judge
from e2i_eval.contract import Contract, call_records, contract_checks, load_contract
from e2i_eval.coverage import GraphWatch
from e2i_eval.errors import E2iError, UnknownError, UsageError
from e2i_eval.evidence import Evidence
from e2i_eval.golden import golden_checks
from e2i_eval.judges.verdicts import judge_measurements
from e2i_eval.judging import unasked
from e2i_eval.kept_output import KeptOutput
from e2i_eval.measurements import measure
from e2i_eval.outage import excused
from e2i_eval.rag_measures import rag_check, rag_measurements
from e2i_eval.repeats import disagreement
from e2i_eval.report import CaseResult
from e2i_eval.scratch import Scratch
from e2i_eval.target import RAISED_BY_TARGETS, BuiltTarget, build_target, plain
from e2i_eval.trajectory import trajectory_check
from e2i_eval.verdict import Finding, Verdict
from e2i_eval.waiting import waited_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.case import Case, Expectation
    from e2i_eval.case_run import CaseRun
    from e2i_eval.checks import Check
    from e2i_eval.clock import Clock
    from e2i_eval.json_value import JsonObject, JsonValue
    from e2i_eval.judging import Bench
    from e2i_eval.ports import Claude, Price, Tape, Tracking
    from e2i_eval.run import Run
    from e2i_eval.settings import Settings, TargetSettings
    from e2i_eval.trace import Logged, Trace

__all__ = ["Evaluation", "Evaluator", "SessionRef"]

FLUSH_TIMEOUT_S = 10.0
NOTHING_SPENT = {"claude_calls": 0.0, "cost_usd": 0.0}
"""What is measured of a case that judges what another one evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRef:
    """What a process needs to take part in a session; crosses to xdist workers as JSON.

    Attributes:
        session_id: 32 hex digits.
        name: for a person.
        uri: the tracking server.
        scratch: folder the session's processes share.
        tags: for the session's run.
        params: for the session's run.
        artifacts: the folder in which the session's own server keeps files; empty for a server of the team's.
        live: the folder of the live run's journal; empty in the other modes.
    """

    session_id: str
    name: str
    uri: str
    scratch: str
    tags: JsonObject
    params: JsonObject
    artifacts: str = ""
    live: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the reference as plain JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, data: JsonObject) -> SessionRef:
        """Read what ``to_json`` wrote."""
        return cls(**data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A judged case with the evidence it was judged by.

    Attributes:
        result: the judgement.
        evidence: what it was judged by.
        is_kept: it was judged in a run that was interrupted, and nothing is left of the evidence.
    """

    result: CaseResult
    evidence: Evidence
    is_kept: bool = False


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
        price: Price,
        secrets: tuple[str, ...],
        build: Callable[[TargetSettings], BuiltTarget] = build_target,
        standing: Callable[[str], tuple[Check, ...]] = lambda _target: (),
        judging: Bench | None = None,
    ) -> None:
        self._settings = settings
        self._session = session
        self._scratch = Scratch(Path(session.scratch))
        self._claude = claude
        self._tracking = tracking
        self._clock = clock
        self._price = price
        self._secrets = secrets
        self._build = build
        self._standing = standing
        self._judging = judging
        self._targets: dict[str, BuiltTarget | E2iError] = {}
        self._contracts: dict[str, Contract] = {}
        self._runner = asyncio.Runner()
        self._watch = GraphWatch(Path(session.scratch))

    def close(self) -> None:
        """End what the evaluator holds; it cannot be used afterwards."""
        self._runner.close()

    def evaluate(
        self,
        case: Case,
        nodeid: str,
        *,
        checks: tuple[Check, ...] = (),
        repeat: int = 0,
        first: CaseResult | None = None,
    ) -> Evaluation:
        """Call the case's target, gather the evidence, judge it, and record it.

        ``checks`` are made besides those that every case of the target is judged by.
        ``repeat`` counts the runs of the case from 0; with ``first`` it must come out as that one did.

        Raises:
            UsageError: the target cannot be built, its contract cannot be read, or a judge is not described.
        """
        contract = self._contract(case.target)
        if self._judging is not None:
            self._judging.rules(case)
        case_run, unknown = self._case_run(case, nodeid)
        with self._tracking.active(case_run):
            target = self._built(case, case_run)
            watched = self._watch.call(target.name, target.runnable)
            with contextlib.ExitStack() as stack:
                tape = self._taped(stack, case, case_run)
                # a target that changes the folder must not move the cases after it
                stack.enter_context(contextlib.chdir(Path.cwd()))
                run = target.call(case.inputs, clock=self._clock, runner=self._runner, config=watched.config)
            flush_s, unsent = self._flush(target, unknown=unknown)
            held_back_s = waited_s(tape.exchanges)
            run = replace(run, flush_s=flush_s, duration_s=max(0.0, run.duration_s - held_back_s))
        evidence = self._evidence(case, run, tape, case_run, unknown)
        checks = (
            *golden_checks(case, price=self._price),
            *trajectory_check(case, other_models=contract.calls.other_models),
            *rag_check(case, contract),
            *contract_checks(contract, price=self._price),
            *self._standing(case.target),
            *checks,
        )
        behaviour, unobserved = observed(evidence, contract.secrets.patterns)
        verdicts = (*judge(checks, evidence), *unsent, *unobserved)
        if self._settings.claude == "live":
            verdicts = excused(verdicts, evidence.exchanges)
        result = self._result(evidence, verdicts, nodeid, case_run)
        measured = {**result.measurements, **prompt_measurements(behaviour), **rag_measurements(evidence, contract)}
        result = replace(result, behaviour=behaviour, repeat=repeat, measurements=measured)
        output = None if run.error else KeptOutput.of(run.output, case.expect)
        result = replace(result, exercised=watched.exercised(evidence), output=output)
        result = self._judged(result, case, run)
        if first is not None and (differing := disagreement(first, result)):
            result = replace(result, verdicts=(*result.verdicts, differing))
        return Evaluation(result=self._recorded(result, evidence, case_run), evidence=evidence)

    def target(self, name: str) -> BuiltTarget:
        """Return a target as it is evaluated.

        Raises:
            E2iError: it cannot be built.
        """
        return self._target(name)

    def open_run(self, case: Case, nodeid: str) -> CaseRun:
        """Create a run on the server for calls that are measured and not judged.

        Raises:
            UnknownError: the server did not answer, or refused.
        """
        case_run, unknown = self._case_run(case, nodeid)
        if case_run is None:
            raise UnknownError(unknown)
        return case_run

    def rehearse(self, case: Case, nodeid: str) -> None:
        """Call a case's target once to see what it asks; what it logs goes to a run of its own, and nothing is judged.

        Raises:
            E2iError: the target cannot be built, or the server does not answer.
        """
        target = self._target(case.target)
        case_run = self.open_run(replace(case, id=f"{case.id} (rehearsal)"), nodeid)
        try:
            with self._tracking.active(case_run):
                with contextlib.chdir(Path.cwd()):
                    target.call(case.inputs, clock=self._clock, runner=self._runner)
                self._flush(target, unknown="")
        finally:
            self._tracking.record_case(
                case_run,
                passed=True,
                verdicts=(),
                measurements={},
                params={},
                tags={"e2i_eval.status": "rehearsal"},
                traces=(),
                expectations={},
            )

    def conclude(self, case: Case, nodeid: str, checks: tuple[Check, ...], basis: Evaluation) -> CaseResult:
        """Judge evidence that is there already, as a case of its own; the verdicts go to the traces of ``basis``."""
        case_run, unknown = self._case_run(case, nodeid)
        unrecorded = (Verdict(check="recording", status="error", reason=f"unknown: {unknown}"),) if unknown else ()
        evidence = replace(basis.evidence, case=case)
        verdicts = (*judge(checks, evidence), *unrecorded)
        result = self._result(evidence, verdicts, nodeid, case_run)
        result = replace(result, measurements=NOTHING_SPENT, behaviour=Behaviour(), calls=())
        return self._recorded(result, evidence, case_run)

    @contextlib.contextmanager
    def rebuilt(self, target: str) -> Iterator[None]:
        """Build ``target`` anew for the block: what it read when it was built may be another now."""
        before = self._targets.pop(target, None)
        try:
            yield
        finally:
            self._targets.pop(target, None)
            if before is not None:
                self._targets[target] = before

    def _contract(self, target: str) -> Contract:
        if target not in self._contracts:
            file = self._configured(target).contract
            self._contracts[target] = load_contract(file, target, root=self._settings.root)
        return self._contracts[target]

    def _configured(self, target: str) -> TargetSettings:
        known = self._settings.targets
        if target not in known:
            near = difflib.get_close_matches(target, known, n=1)
            what = f"there is no target {target!r}"
            raise UsageError(what, fix=f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}")
        return known[target]

    def _built(self, case: Case, case_run: CaseRun | None) -> BuiltTarget:
        try:
            return self._target(case.target)
        except E2iError as error:
            self._end_unjudged(case, case_run, error)
            raise

    def _taped(self, stack: contextlib.ExitStack, case: Case, case_run: CaseRun | None) -> Tape:
        """Open the tape of a case; one whose recording cannot be read is not run."""
        try:
            return stack.enter_context(self._claude.tape(case))
        except E2iError as error:
            self._end_unjudged(case, case_run, error)
            raise

    def _target(self, name: str) -> BuiltTarget:
        """Build a target once; one that does not build says so for each of its cases, without being tried again."""
        if name not in self._targets:
            try:
                self._targets[name] = self._build(self._configured(name))
            except E2iError as error:
                self._targets[name] = error
        built = self._targets[name]
        if isinstance(built, E2iError):
            raise built
        return built

    def _case_run(self, case: Case, nodeid: str) -> tuple[CaseRun | None, str]:
        session = self._session
        try:
            session_run_id = self._scratch.once(
                "session",
                lambda: self._tracking.open_session(
                    session_id=session.session_id, name=session.name, tags=session.tags, params=session.params
                ),
            )
            target_run_id = self._tracking.open_target(
                session_run_id=session_run_id, session_id=session.session_id, target=case.target, tags={}
            )
            opened = self._tracking.open_case(
                target_run_id=target_run_id, session_id=session.session_id, case=case, nodeid=nodeid
            )
        except UnknownError as error:
            return None, str(error)
        return opened, ""

    def _flush(self, target: BuiltTarget, *, unknown: str) -> tuple[float, tuple[Verdict, ...]]:
        """Send what logging still holds; with a server known to be dead there is nothing to wait for.

        Returns:
            Seconds it took, and what is wrong with it.
        """
        if unknown:
            return 0.0, ()
        start_s = self._clock.elapsed_s()
        unsent: list[Verdict] = []
        try:
            target.send(runner=self._runner)
        except RAISED_BY_TARGETS as error:
            unsent.append(_flush_raised(self._configured(target.name), error))
        if not self._tracking.flush(FLUSH_TIMEOUT_S):
            reason = f"unknown: MLflow's own queue had not been sent after {FLUSH_TIMEOUT_S:g} s"
            unsent.append(Verdict(check="flush", status="error", reason=reason))
        return self._clock.elapsed_s() - start_s, tuple(unsent)

    def _evidence(self, case: Case, run: Run, tape: Tape, case_run: CaseRun | None, unknown: str) -> Evidence:
        traces: tuple[Trace, ...] | None = None
        logged: Logged | None = None
        if case_run is not None:
            try:
                traces, logged = self._tracking.read(case_run)
            except UnknownError as error:
                unknown = str(error)
        return Evidence(
            case=case,
            run=run,
            exchanges=tape.exchanges,
            notes=tape.notes,
            traces=traces,
            logged=logged,
            unknown=unknown,
            secrets=self._secrets,
        )

    def _result(
        self, evidence: Evidence, verdicts: tuple[Verdict, ...], nodeid: str, case_run: CaseRun | None
    ) -> CaseResult:
        return CaseResult(
            case_id=evidence.case.id,
            target=evidence.case.target,
            nodeid=nodeid,
            where=evidence.case.where(),
            verdicts=verdicts,
            measurements=measure(evidence, verdicts, self._price),
            trace_ids=tuple(trace.trace_id for trace in evidence.traces or ()),
            run_id=case_run.run_id if case_run else "",
            calls=call_records(evidence, self._contract(evidence.case.target)),
        )

    def _judged(self, result: CaseResult, case: Case, run: Run) -> CaseResult:
        """Have the answer judged by models, which comes last: the evidence is closed, and holds none of it."""
        judged = self._judging.judge(case, run, result) if self._judging is not None else unasked(case)
        return replace(
            result,
            verdicts=(*result.verdicts, *judged.verdicts),
            judgements=judged.judgements,
            measurements={**result.measurements, **judge_measurements(judged.judgements)},
        )

    def _recorded(self, result: CaseResult, evidence: Evidence, case_run: CaseRun | None) -> CaseResult:
        """Write the judgement to the server; when that fails, the result says that it is not there."""
        if case_run is None:
            return result
        try:
            self._tracking.record_case(
                case_run,
                passed=result.status == "pass",
                verdicts=result.verdicts,
                measurements=result.measurements,
                params={},
                tags={
                    "e2i_eval.status": result.status,
                    "e2i_eval.case": result.case_id,
                    **({"e2i_eval.repeat": str(result.repeat)} if result.repeat else {}),
                },
                traces=result.trace_ids,
                expectations=_expectations(evidence.case.expect),
            )
        except UnknownError as error:
            unrecorded = Verdict(check="recording", status="error", reason=f"unknown: {error}")
            return replace(result, verdicts=(*result.verdicts, unrecorded))
        return result

    def _end_unjudged(self, case: Case, case_run: CaseRun | None, error: E2iError) -> None:
        """End the run of a case whose target could not be built; what went wrong is told by who catches ``error``."""
        if case_run is None:
            return
        with contextlib.suppress(UnknownError):
            self._tracking.record_case(
                case_run,
                passed=False,
                verdicts=(),
                measurements={},
                params={},
                tags={"e2i_eval.status": "error", "e2i_eval.case": case.id, "e2i_eval.error": str(error)},
                traces=(),
                expectations={},
            )


def _flush_raised(settings: TargetSettings, error: BaseException) -> Verdict:
    message = f"flush = {settings.flush!r} raised {type(error).__name__}: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    finding = Finding(field="flush", message=f"{message} ({last.filename}:{last.lineno})", where=settings.where)
    return Verdict(check="flush", status="fail", reason="the target's flush broke", findings=(finding,))


def _expectations(expect: Expectation) -> dict[str, JsonValue]:
    """Return what a case expects of its output, for the trace's expectations."""
    expected: dict[str, JsonValue] = {}
    if expect.has_output:
        expected["output"] = expect.output
    if expect.values:
        expected["values"] = plain(expect.values)
    if expect.error:
        expected["error"] = plain(expect.error)
    return expected
