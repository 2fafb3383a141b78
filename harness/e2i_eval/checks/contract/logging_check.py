"""The oracle: what the server kept of each call to Claude must be what was on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.call_comparison import compare_call, fields_of
from e2i_eval.checks.contract.matching import Matching, match
from e2i_eval.checks.contract.model_span import model_spans
from e2i_eval.checks.contract.token_comparison import compare_totals
from e2i_eval.checks.contract.unknown import unknown
from e2i_eval.checks.contract.wire_call import WireCall, wire_calls
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.comparison import FieldComparison
    from e2i_eval.checks.contract.contract import CallRules
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.redaction import Mask
    from e2i_eval.core.trace import Span, Trace

__all__ = ["NAME", "check_logging"]

NAME = "logging"


def check_logging(evidence: Evidence, rules: CallRules, mask: Mask) -> Verdict:
    """Reconcile the wire with the traces; the score is the share of compared fields that agree."""
    if evidence.traces is None:
        return unknown(NAME, evidence)
    calls = wire_calls(evidence.exchanges)
    matching = match(calls, model_spans(evidence.traces, rules.other_models))
    compared = [(call, span, each) for call, span in matching.pairs for each in compare_call(call, span, rules)]
    totals = [each for trace in evidence.traces for each in _totals(trace, calls, matching, rules)]
    findings = [
        *_structural(matching),
        *(each.finding(mask, call=str(call), span=str(span)) for call, span, each in compared if _is_wrong(each)),
        *(each.finding(mask, call="all calls", span=f"trace {id_}") for id_, each in totals if _is_wrong(each)),
    ]
    judged = [each for _, _, each in compared] + [each for _, each in totals]
    agreeing = sum(not _is_wrong(each) for each in judged)
    weight = len(judged) + _absent(matching)
    return _verdict(len(calls), agreeing, weight, tuple(findings))


def _verdict(calls: int, agreeing: int, weight: int, findings: tuple[Finding, ...]) -> Verdict:
    score = agreeing / weight if weight else None
    noun = "call" if calls == 1 else "calls"
    if not findings:
        return Verdict(check=NAME, status="pass", reason=f"{calls} {noun}, {weight} fields agree", score=score)
    problems = "1 disagreement" if len(findings) == 1 else f"{len(findings)} disagreements"
    reason = f"{problems} between wire and server: {calls} {noun}, {agreeing} of {weight} fields agree"
    return Verdict(check=NAME, status="fail", reason=reason, findings=findings, score=score)


def _is_wrong(comparison: FieldComparison) -> bool:
    return comparison.outcome != "agrees"


def _absent(matching: Matching) -> int:
    """Weigh what is not there at all: a lost call counts with all its fields, a span too many as one."""
    lost = sum(fields_of(call) for call in matching.unlogged)
    return lost + len(matching.attempts) + len(matching.duplicates) + len(matching.unexplained)


def _structural(matching: Matching) -> Iterator[Finding]:
    """Yield what is wrong before any field is compared: calls without span, spans without call."""
    logged = {id(call): span for call, span in matching.pairs}
    for call in matching.unlogged:
        message = f"no span on the server stands for {call}"
        yield Finding(message=message, field="span", expected="1 model span", actual="none", call=str(call))
    for call, found in matching.attempts:
        message = f"only some of the attempts of {call} have a span"
        expected = f"1 span for the call, or 1 for each of its {len(call.exchanges)} attempts"
        yield Finding(message=message, field="span", expected=expected, actual=f"{found} spans", call=str(call))
    for call, span in matching.duplicates:
        first = logged.get(id(call))
        message = f"{call} is logged twice"
        yield Finding(
            message=message,
            field="span",
            expected=f"1 model span{f': {first}' if first else ''}",
            actual=f"one more in trace {span.trace.trace_id}: {span}",
            call=str(call),
            span=str(span),
        )
    for span in matching.unexplained:
        message = f"{span} stands for a call that was never on the wire"
        yield Finding(message=message, field="span", expected="no span", actual=str(span), span=str(span))


def _totals(
    trace: Trace, calls: tuple[WireCall, ...], matching: Matching, rules: CallRules
) -> Iterator[tuple[str, FieldComparison]]:
    """Compare the totals of one trace with the calls it holds; of the only trace, with all calls."""
    here = [(call, span.span) for call, span in matching.pairs if span.trace.trace_id == trace.trace_id]
    homes = {span.trace.trace_id for _, span in matching.pairs}
    lost: list[tuple[WireCall, Span | None]] = []
    if homes <= {trace.trace_id} and (homes or len(calls) == len(matching.unlogged)):
        lost = [(call, None) for call in matching.unlogged]
    counting = [span for span in trace.spans if span.tokens is not None]
    for each in compare_totals(trace, [*here, *lost], counting):
        if each.outcome != "missing" or each.group in rules.demand:
            yield trace.trace_id, each
