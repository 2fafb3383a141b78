"""Call records of one case: what the oracle compared, kept for the person who reads the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.call_comparison import compare_call
from e2i_eval.checks.contract.matching import match
from e2i_eval.checks.contract.model_call import canonical
from e2i_eval.checks.contract.model_span import model_spans
from e2i_eval.checks.contract.wire_call import WireCall, wire_calls
from e2i_eval.core.call_record import CallRecord, FieldRecord
from e2i_eval.core.redaction import PATTERNS, mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.comparison import FieldComparison
    from e2i_eval.checks.contract.contract import Contract
    from e2i_eval.checks.contract.matching import Matching
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.redaction import Mask

__all__ = ["call_records"]

SHOWN_CHARS = 160
"""Of each value: a report of two thousand cases has to stay a file that opens."""


def call_records(evidence: Evidence, contract: Contract) -> tuple[CallRecord, ...]:
    """Return a record for each call on the wire and for each span without one; none when no trace could be read."""
    if evidence.traces is None:
        return ()
    try:
        return _records(evidence, contract)
    except Exception:  # noqa: BLE001  the check ``logging`` broke on the same evidence, and says so
        return ()


def _records(evidence: Evidence, contract: Contract) -> tuple[CallRecord, ...]:
    masked = mask(evidence.secrets, {**PATTERNS, **contract.secrets.patterns})
    matching = match(wire_calls(evidence.exchanges), model_spans(evidence.traces or (), contract.calls.other_models))
    paired = [
        CallRecord(
            call=str(call),
            span=str(span),
            fields=tuple(_field(call, each, masked) for each in compare_call(call, span, contract.calls)),
        )
        for call, span in matching.pairs
    ]
    return (*paired, *_alone(matching))


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
    shown, told = _shown(wire, masked), _shown(comparison.actual, masked)
    is_same = comparison.outcome == "agrees" and shown == told
    return FieldRecord(
        name=masked(comparison.field), wire=shown, server=None if is_same else told, outcome=comparison.outcome
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
