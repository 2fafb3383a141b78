"""Comparing token counts, under either documented way to count a cached prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.comparison import FieldComparison

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.checks.contract.wire_call import WireCall
    from e2i_eval.core.exchange import Usage
    from e2i_eval.core.trace import Span, TokenTotals, Trace

__all__ = ["compare_tokens", "compare_totals"]

ALWAYS_TOTALLED = ("input_tokens", "output_tokens")


def compare_tokens(usage: Usage, stated: TokenTotals | None, place: str = "") -> Iterator[FieldComparison]:
    """Yield a comparison for each count of one call.

    ``input_tokens`` may be the API's own number (uncached) or all input; the total must fit the choice.
    A ``place`` names counts that are stated beside the span's own, of which absent ones do not count as missing.
    """
    prefix = f"{place} " if place else ""
    counted = _counts(usage, stated)
    for field, (accepted, actual) in counted.items():
        group = "tokens" if field in ALWAYS_TOTALLED else field
        if actual is None:
            if not place and field != "total_tokens" and any(accepted):
                yield FieldComparison(group=group, field=field, outcome="missing", expected=_either(accepted))
            continue
        agrees, expected = actual in accepted, _either(accepted)
        yield FieldComparison.judged(group, prefix + field, agrees=agrees, expected=expected, actual=str(actual))


def compare_totals(
    trace: Trace, calls: Sequence[tuple[WireCall, Span | None]], counting: Sequence[Span]
) -> Iterator[FieldComparison]:
    """Yield a comparison for each total of ``trace``: the sum over its ``calls``, each counted once.

    ``counting``: the spans that carry counts, named when the totals are too high.
    """
    usages = [(call.usage, span) for call, span in calls if call.usage is not None and call.is_whole]
    if not usages or any(call.usage is not None and not call.is_whole for call, _ in calls):
        return
    stated = trace.tokens
    accepted = _accepted_totals(usages)
    for field, values in accepted.items():
        name, actual = f"trace total of {field}", getattr(stated, field, None)
        if actual is not None:
            note = f"counted in {', '.join(map(str, counting))}" if actual > max(values) else ""
            agrees, expected = actual in values, _either(values)
            yield FieldComparison.judged(
                "trace_tokens", name, agrees=agrees, expected=expected, actual=str(actual), note=note
            )
        elif field in ALWAYS_TOTALLED:
            yield FieldComparison(group="trace_tokens", field=name, outcome="missing", expected=_either(values))


def _counts(usage: Usage, stated: TokenTotals | None) -> dict[str, tuple[tuple[int, ...], int | None]]:
    total_input, output = usage.total_input_tokens, usage.output_tokens
    logged = None if stated is None else stated.input_tokens
    totals: tuple[int, ...] = (total_input + output,)
    if logged == usage.input_tokens:
        totals = (*totals, usage.input_tokens + output)
    return {
        "input_tokens": ((usage.input_tokens, total_input), logged),
        "output_tokens": ((output,), None if stated is None else stated.output_tokens),
        "total_tokens": (totals, None if stated is None else stated.total_tokens),
        "cache_read_tokens": ((usage.cache_read_tokens,), None if stated is None else stated.cache_read_tokens),
        "cache_write_tokens": ((usage.cache_write_tokens,), None if stated is None else stated.cache_write_tokens),
    }


def _accepted_totals(usages: Sequence[tuple[Usage | None, Span | None]]) -> dict[str, tuple[int, ...]]:
    uncached = sum(usage.input_tokens for usage, _ in usages if usage)
    total = sum(usage.total_input_tokens for usage, _ in usages if usage)
    output = sum(usage.output_tokens for usage, _ in usages if usage)
    # Spans of one trace may count differently, when several libraries wrote them.
    mixed = sum(_as_logged(usage, span) for usage, span in usages if usage)
    return {
        "input_tokens": (uncached, total, mixed),
        "output_tokens": (output,),
        "total_tokens": (total + output, uncached + output, mixed + output),
        "cache_read_tokens": (sum(usage.cache_read_tokens for usage, _ in usages if usage),),
        # What the spans say of cache writes is judged there, known gaps included; the total must only be their sum.
        "cache_write_tokens": (
            sum(usage.cache_write_tokens for usage, _ in usages if usage),
            sum(span.tokens.cache_write_tokens or 0 for _, span in usages if span and span.tokens),
        ),
    }


def _as_logged(usage: Usage, span: Span | None) -> int:
    stated = span.tokens.input_tokens if span and span.tokens else None
    return usage.input_tokens if stated == usage.input_tokens else usage.total_input_tokens


def _either(values: tuple[int, ...]) -> str:
    return " or ".join(str(value) for value in dict.fromkeys(values))
