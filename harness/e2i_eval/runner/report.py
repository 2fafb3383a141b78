"""The report of a session: what was evaluated, how it was judged, what it measured."""

# ruff: noqa: TC001  from_json reads the types at run time

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from e2i_eval.checks.coverage import Exercised, TargetCoverage
from e2i_eval.checks.judges.verdicts import judge_totals
from e2i_eval.core.behaviour import Behaviour
from e2i_eval.core.call_record import CallRecord
from e2i_eval.core.decision import Decision
from e2i_eval.core.json_codec import fields_from_json, fields_to_json
from e2i_eval.core.judgement import Judgement
from e2i_eval.core.latency_shift import LatencyShift
from e2i_eval.core.overhead_result import OverheadResult
from e2i_eval.core.prompt_table import folded, unfolded
from e2i_eval.core.stats.repeats import CaseVerdict, tally
from e2i_eval.core.stored_output import KeptOutput
from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.json_value import JsonObject

__all__ = ["CaseResult", "CaseStatus", "Report", "TargetSummary", "summarise"]

REPORT_SCHEMA = 1

CaseStatus = Literal["pass", "fail", "error"]
"""``error``: nothing was found wrong, but something could not be judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """How one case went.

    Attributes:
        case_id: ``<target>/<name>``.
        target: its target.
        nodeid: the pytest item.
        where: ``file:line`` of the case.
        verdicts: one a check, in the order they were made.
        measurements: numbers by name, units in the names; what could not be measured is absent.
        trace_ids: the traces it left on the server.
        run_id: the case's run on the server; empty when there is none.
        behaviour: what the target did; None when it could not be observed.
        repeat: which repetition of the case this is, from 0.
        planned: the most repetitions of the case; 0 when it stands for itself.
        calls: each call as the wire has it beside what the server has; empty when no trace could be read.
        quarantine: why and until when the case must not block; empty when it may.
        exercised: the parts of its target's graph it exercised; None when that is no graph, or it is not known.
        output: what the target returned; None when it raised, or when the case judges what another one evaluated.
        judgements: what models said of the answer; their tokens and cost are no part of the case's own.
    """

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    case_id: str
    target: str
    nodeid: str
    where: str
    verdicts: tuple[Verdict, ...]
    measurements: Mapping[str, float] = field(default_factory=dict)
    trace_ids: tuple[str, ...] = ()
    run_id: str = ""
    behaviour: Behaviour | None = None
    repeat: int = 0
    planned: int = 0
    calls: tuple[CallRecord, ...] = ()
    quarantine: str = ""
    exercised: Exercised | None = None
    output: KeptOutput | None = None
    judgements: tuple[Judgement, ...] = ()

    @property
    def status(self) -> CaseStatus:
        """The worst of the verdicts: fail, then error, then pass."""
        statuses = {verdict.status for verdict in self.verdicts}
        return "fail" if "fail" in statuses else "error" if "error" in statuses else "pass"

    def with_verdict(self, verdict: Verdict) -> CaseResult:
        """Return the result with a verdict more, on what went wrong after everything else was judged."""
        return replace(self, verdicts=(*self.verdicts, verdict))

    def to_json(self) -> dict[str, object]:
        """Return the result as plain JSON, its status for a reader; a measurement that is no number is left out."""
        data = fields_to_json(self)
        head = {name: data[name] for name in ("case_id", "target", "nodeid", "where")}
        finite = {name: value for name, value in self.measurements.items() if math.isfinite(value)}
        return {**head, "status": self.status, **data, "measurements": finite}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSummary:
    """One row of the table.

    Attributes:
        target: its name; ``total`` for all of them.
        passed: cases that passed; a case counts once, however often it ran.
        failed: cases in which something is wrong.
        errors: cases that could not be judged completely.
        inconclusive: cases whose repetitions leave them open.
        quarantined: cases that do not pass and must not block; counted here alone.
        input_tokens: all input, cached included, over all runs of all cases.
        output_tokens: over all runs of all cases.
        calls: requests to Claude that were answered, over all runs of all cases.
        cost_usd: at the dated prices; None when a price is unknown.
        latency_p50_ms: median of what the caller waited.
        latency_max_ms: the longest wait.
        logging: share of the compared fields of the log that agree with the wire, 0 to 1; None when none was compared.
        judged: what judging took, by metric; empty without judges.
    """

    target: str
    passed: int
    failed: int
    errors: int
    input_tokens: int
    output_tokens: int
    calls: int
    cost_usd: float | None
    latency_p50_ms: float
    latency_max_ms: float
    logging: float | None
    inconclusive: int = 0
    quarantined: int = 0
    judged: Mapping[str, float] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """All cases."""
        return self.passed + self.failed + self.errors + self.inconclusive + self.quarantined

    @property
    def is_well(self) -> bool:
        """Whether there are cases, and each of them passes or is in quarantine."""
        return self.passed + self.quarantined == self.cases > 0

    def metrics(self) -> dict[str, float]:
        """Return the numbers for a run of the tracking server; what is unknown is absent."""
        numbers: dict[str, float | None] = {
            "cases": self.cases,
            "cases_passed": self.passed,
            "cases_failed": self.failed,
            "cases_error": self.errors,
            "cases_inconclusive": self.inconclusive or None,
            "cases_quarantined": self.quarantined or None,
            "pass_rate": self.passed / self.cases if self.cases else None,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "claude_calls": self.calls,
            "cost_usd": self.cost_usd,
            "latency_p50_ms": self.latency_p50_ms,
            "latency_max_ms": self.latency_max_ms,
            "logging_completeness": self.logging,
            **self.judged,
        }
        return {name: float(value) for name, value in numbers.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole session.

    Attributes:
        session: id, start, duration, mode, server, run and experiment.
        environment: versions and machine.
        cases: in the order they ended; each repetition of a case is one.
        problems: what went wrong with the session itself, one sentence each.
        decisions: what the gate's rules say; empty when there are none.
        overheads: what logging costs the caller; empty when it was not measured.
        latency: base against head; empty without ``--e2i-ab``.
        notes: what a reader should know and nobody has to fix, one sentence each.
        repeated: what the repetitions of each repeated case come to; ``case_verdicts`` has all cases.
        coverage: which parts of each target's graph the cases exercise.
    """

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    session: JsonObject
    environment: JsonObject
    cases: tuple[CaseResult, ...]
    problems: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    overheads: tuple[OverheadResult, ...] = ()
    latency: tuple[LatencyShift, ...] = ()
    notes: tuple[str, ...] = ()
    repeated: tuple[CaseVerdict, ...] = ()
    coverage: tuple[TargetCoverage, ...] = ()

    def case_verdicts(self) -> tuple[CaseVerdict, ...]:
        """Return one verdict a case, however often it ran, in the order in which the cases began."""
        return tally(self.cases, self.repeated)

    def blocking_verdicts(self) -> tuple[CaseVerdict, ...]:
        """Return the verdicts that may fail the session: all but those of quarantined cases that do not pass."""
        held = {case.case_id for case in self.cases if case.quarantine}
        return tuple(each for each in self.case_verdicts() if each.case_id not in held or each.status == "pass")

    def targets(self) -> tuple[TargetSummary, ...]:
        """Return a summary a target, by name."""
        names = sorted({case.target for case in self.cases})
        return tuple(
            summarise(name, [case for case in self.cases if case.target == name], self.repeated) for name in names
        )

    def to_json(self) -> dict[str, object]:
        """Return the report as plain JSON, schema 1; calls have keys of ``prompts`` in place of their prompt."""
        data = fields_to_json(self)
        cases, prompts = folded(data["cases"])
        return {
            "schema": REPORT_SCHEMA,
            "session": data["session"],
            "environment": data["environment"],
            "targets": {row.target: row.metrics() for row in self.targets()},
            "cases": cases,
            "prompts": prompts,
            **{name: value for name, value in data.items() if name != "cases"},
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Report:
        """Read what ``to_json`` wrote."""
        return fields_from_json(cls, {**data, "cases": unfolded(data["cases"], data.get("prompts", {}))})


def summarise(name: str, cases: list[CaseResult], repeated: Sequence[CaseVerdict] = ()) -> TargetSummary:
    """Add up ``cases`` into one row called ``name``; ``repeated`` says what the repetitions of some come to."""
    verdicts = tally(cases, repeated)
    held = {case.case_id for case in cases if case.quarantine}
    statuses = [verdict.status for verdict in verdicts if verdict.case_id not in held or verdict.status == "pass"]
    latencies = [case.measurements["latency_ms"] for case in cases if "latency_ms" in case.measurements]
    costs = [case.measurements.get("cost_usd") for case in cases]
    return TargetSummary(
        target=name,
        passed=statuses.count("pass"),
        failed=statuses.count("fail"),
        errors=statuses.count("error"),
        inconclusive=statuses.count("inconclusive"),
        quarantined=len(verdicts) - len(statuses),
        input_tokens=_sum(cases, "input_tokens"),
        output_tokens=_sum(cases, "output_tokens"),
        calls=_sum(cases, "claude_calls"),
        cost_usd=None if None in costs else math.fsum(cost for cost in costs if cost is not None),
        latency_p50_ms=statistics.median(latencies) if latencies else 0.0,
        latency_max_ms=max(latencies, default=0.0),
        logging=_logging(cases),
        judged=judge_totals(case.measurements for case in cases),
    )


def _sum(cases: list[CaseResult], measurement: str) -> int:
    return int(sum(case.measurements.get(measurement, 0) for case in cases))


def _logging(cases: list[CaseResult]) -> float | None:
    scores = [verdict.score for case in cases for verdict in case.verdicts if verdict.check == "logging"]
    known = [score for score in scores if score is not None]
    return math.fsum(known) / len(known) if known else None
