"""The trace check: state, finished spans, and every tag, metric, param, artifact and span the contract demands."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.demand_check import judge_named
from e2i_eval.checks.contract.model_span import MODEL_TYPES
from e2i_eval.checks.contract.rag_check import judge_rag
from e2i_eval.checks.contract.scope import scope_of
from e2i_eval.checks.contract.span_check import judge_span
from e2i_eval.checks.contract.unknown import unknown
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.contract import Contract, DemandSection, TraceRules
    from e2i_eval.checks.contract.demand_check import Judged
    from e2i_eval.checks.contract.scope import ContractScope, Price
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.redaction import Mask
    from e2i_eval.core.trace import Logged, Trace

__all__ = ["NAME", "check_trace"]

NAME = "trace"
FINISHED = frozenset({"OK", "ERROR"})


def check_trace(evidence: Evidence, contract: Contract, mask: Mask, price: Price | None) -> Verdict:
    """Judge the traces and the run against ``contract``; the score is the share of demands that are met."""
    if evidence.traces is None:
        return unknown(NAME, evidence)
    outcomes = [*_states(evidence, contract.trace)]
    if contract.sections or contract.rag is not None:
        outcomes += _demands(evidence, contract, scope_of(evidence, price))
    findings = tuple(_masked(each, mask) for each in outcomes if each is not None)
    met = len(outcomes) - len(findings)
    score = met / len(outcomes) if outcomes else None
    if findings:
        noun = "demand is" if len(findings) == 1 else "demands are"
        reason = f"{len(findings)} of {len(outcomes)} {noun} not met"
        return Verdict(check=NAME, status="fail", reason=reason, findings=findings, score=score)
    if evidence.logged is None and contract.asks_the_run:
        return unknown(NAME, evidence)
    return Verdict(check=NAME, status="pass", reason=f"{met} demands met", score=score)


def _states(evidence: Evidence, rules: TraceRules) -> Iterator[Judged]:
    traces = evidence.traces or ()
    if rules.traces is not None:
        yield _count(traces, rules.traces)
    whole = [trace for trace in traces if not _is_of_a_call(trace)]
    wanted = _wanted_state(evidence, rules, len(whole))
    for trace in traces:
        yield _state(trace, wanted if trace in whole else None)
        yield from _unfinished(trace)
        yield from _orphans(trace)
    if whole and wanted is None and rules.state == "run" and evidence.run.error and all(t.state == "OK" for t in whole):
        message = "no trace records that the target raised"
        yield Finding(message=message, field="trace state", expected="ERROR", actual="OK")


def _count(traces: tuple[Trace, ...], wanted: int) -> Judged:
    if len(traces) == wanted:
        return None
    there = ", ".join(f"{trace.trace_id} ({trace.root.name if trace.root else 'no span'})" for trace in traces)
    message = f"the case has {len(traces)} traces"
    return Finding(message=message, field="traces", expected=str(wanted), actual=there or "none")


def _is_of_a_call(trace: Trace) -> bool:
    """Tell a trace of one call to Claude, whose state is the call's, from one of the target."""
    return trace.root is not None and trace.root.type in MODEL_TYPES


def _wanted_state(evidence: Evidence, rules: TraceRules, traces: int) -> str | None:
    """Return the state a trace must have; of several traces each may be the one of a failed part."""
    if rules.state == "run":
        if traces > 1:
            return None
        return "ERROR" if evidence.run.error else "OK"
    return None if rules.state == "any" else rules.state


def _state(trace: Trace, wanted: str | None) -> Judged:
    if trace.state == wanted or (wanted is None and trace.state in FINISHED):
        return None
    return Finding(
        message=f"trace {trace.trace_id} is {trace.state}",
        field="trace state",
        expected=wanted or "OK or ERROR",
        actual=trace.state,
        span=None if trace.root is None else str(trace.root),
    )


def _unfinished(trace: Trace) -> Iterator[Judged]:
    for span in trace.spans:
        if span.duration_s is None or span.status == "IN_PROGRESS":
            message, actual = f"{span} never ended", span.status
            yield Finding(message=message, field="span end", expected="an end", actual=actual, span=str(span))
        else:
            yield None


def _orphans(trace: Trace) -> Iterator[Finding]:
    """Spans arrive by requests of their own: the one around others may be lost without a trace's state telling."""
    known = {span.span_id for span in trace.spans}
    lost = {span.parent_id: span for span in trace.spans if span.parent_id and span.parent_id not in known}
    for parent_id, span in lost.items():
        message = f"the span around {span} is not on the server"
        yield Finding(message=message, field="parent span", expected=parent_id, actual=None, span=str(span))


def _demands(evidence: Evidence, contract: Contract, scope: ContractScope) -> Iterator[Judged]:
    traces = evidence.traces or ()
    for section in contract.sections:
        if not scope.holds(section.when):
            continue
        yield from _of_traces(section, traces, scope)
        if evidence.logged is not None:
            yield from _of_run(section, evidence.logged, scope)
        for demand in section.spans:
            yield from judge_span(demand, traces, scope)
    if contract.rag is not None:
        yield from judge_rag(contract.rag, evidence, scope)


def _of_traces(section: DemandSection, traces: tuple[Trace, ...], scope: ContractScope) -> Iterator[Judged]:
    """Demand tags and metadata of the main trace, which is the one that began first."""
    if not traces:
        return
    main = min(traces, key=lambda trace: trace.started_at_s)
    yield from judge_named("tag", section.tags, main.tags, scope)
    yield from judge_named("metadata", section.metadata, main.metadata, scope)


def _of_run(section: DemandSection, logged: Logged, scope: ContractScope) -> Iterator[Judged]:
    yield from judge_named("metric", section.metrics, logged.metrics, scope)
    yield from judge_named("param", section.params, logged.params, scope)
    yield from judge_named("artifact", section.artifacts, dict.fromkeys(logged.artifacts, ""), scope)
    yield from (_empty(path, section) for path in logged.empty if _is_asked_for(path, section, scope))


def _is_asked_for(path: str, section: DemandSection, scope: ContractScope) -> bool:
    return any(fnmatchcase(path, name) and scope.holds(each.when) for name, each in section.artifacts.items())


def _empty(path: str, section: DemandSection) -> Finding:
    where = next((each.where for name, each in section.artifacts.items() if fnmatchcase(path, name)), None)
    message = f"artifact {path} is empty"
    return Finding(message=message, field=f"artifact {path}", expected="content", actual="0 bytes", where=where)


def _masked(finding: Finding, mask: Mask) -> Finding:
    return replace(
        finding,
        message=mask(finding.message),
        expected=None if finding.expected is None else mask(finding.expected),
        actual=None if finding.actual is None else mask(finding.actual),
    )
