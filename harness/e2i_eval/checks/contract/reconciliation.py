"""The reconciliation: what the server kept of each call to Claude must be what was on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.call_comparison import compare_call, fields_of
from e2i_eval.checks.contract.matching import Matching, match
from e2i_eval.checks.contract.model_call import canonical
from e2i_eval.checks.contract.model_span import model_spans
from e2i_eval.checks.contract.token_comparison import compare_totals
from e2i_eval.checks.contract.wire_call import WireCall, wire_calls
from e2i_eval.core.call_record import CallRecord, FieldRecord
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.checks.contract.comparison import FieldComparison
    from e2i_eval.checks.contract.contract import CallRules
    from e2i_eval.checks.contract.model_span import ModelSpan
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.redaction import Mask
    from e2i_eval.core.trace import Span, Trace

__all__ = ["NAME", "ComparedCall", "Reconciliation", "reconcile"]

NAME = "logging"

SHOWN_CHARS = 160
"""Of each value: a report of two thousand cases has to stay a file that opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCall:
    """A call beside the span that stands for it, field by field."""

    call: WireCall
    span: ModelSpan
    fields: tuple[FieldComparison, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The wire of one case held against its traces, once: a verdict and the call records are made of it.

    Attributes:
        calls: on the wire.
        matching: which span stands for which call, and what is left over on either side.
        compared: the calls that have their span.
        totals: each trace's totals beside those of the calls it holds, with the trace's id.
    """

    calls: tuple[WireCall, ...]
    matching: Matching
    compared: tuple[ComparedCall, ...]
    totals: tuple[tuple[str, FieldComparison], ...]

    def verdict(self, mask: Mask) -> Verdict:
        """Return the verdict of the check ``logging``; its score is the share of compared fields that agree."""
        findings = (
            *_structural(self.matching),
            *(
                field.finding(mask, call=str(each.call), span=str(each.span))
                for each in self.compared
                for field in each.fields
                if _is_wrong(field)
            ),
            *(
                each.finding(mask, call="all calls", span=f"trace {id_}")
                for id_, each in self.totals
                if _is_wrong(each)
            ),
        )
        judged = [*(field for each in self.compared for field in each.fields), *(each for _, each in self.totals)]
        agreeing = sum(not _is_wrong(each) for each in judged)
        return _verdict(len(self.calls), agreeing, len(judged) + _absent(self.matching), findings)

    def records(self, mask: Mask) -> tuple[CallRecord, ...]:
        """Return what was compared, for the reader of the report: a record for each call and each span without one."""
        paired = (
            CallRecord(
                call=str(each.call),
                span=str(each.span),
                fields=tuple(_field(each.call, field, mask) for field in each.fields),
            )
            for each in self.compared
        )
        return (*paired, *_alone(self.matching))


def reconcile(exchanges: Iterable[Exchange], traces: tuple[Trace, ...], rules: CallRules) -> Reconciliation:
    """Hold the wire against the traces."""
    calls = wire_calls(exchanges)
    matching = match(calls, model_spans(traces, rules.other_models))
    return Reconciliation(
        calls=calls,
        matching=matching,
        compared=tuple(
            ComparedCall(call=call, span=span, fields=tuple(compare_call(call, span, rules)))
            for call, span in matching.pairs
        ),
        totals=tuple(each for trace in traces for each in _totals(trace, calls, matching, rules)),
    )


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


def _alone(matching: Matching) -> Iterator[CallRecord]:
    for call in matching.unlogged:
        yield CallRecord(call=str(call), span="", note="the server has no span for this call")
    for call, span in matching.duplicates:
        yield CallRecord(call=str(call), span=str(span), note="this call is logged twice")
    for span in matching.unexplained:
        yield CallRecord(call="", span=str(span), note="no call on the wire explains this span")


def _field(call: WireCall, comparison: FieldComparison, masked: Mask) -> FieldRecord:
    wire = comparison.expected
    if wire is None and comparison.outcome == "agrees":
        wire = _setting(call, comparison.field)
    wire_text, server_text = _shown(wire, masked), _shown(comparison.actual, masked)
    is_same = comparison.outcome == "agrees" and wire_text == server_text
    return FieldRecord(
        name=masked(comparison.field),
        wire=wire_text,
        server=None if is_same else server_text,
        outcome=comparison.outcome,
    )


def _setting(call: WireCall, name: str) -> str | None:
    """Return a setting's value as sent; an agreeing comparison does not repeat it."""
    stated = call.truth.settings.get(name)
    if not stated:
        return None
    value = stated[0].value
    return value if isinstance(value, str) else canonical(value)


def _shown(text: str | None, masked: Mask) -> str | None:
    if text is None:
        return None
    hidden = masked(text)  # before it is cut: half a key is no longer recognised
    return hidden if len(hidden) <= SHOWN_CHARS else f"{hidden[:SHOWN_CHARS]}… ({len(hidden):,} characters)"
