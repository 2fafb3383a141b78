"""Judging the spans a contract demands."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.demand_check import judge_value
from e2i_eval.checks.contract.scope import Unresolved, found
from e2i_eval.core.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.contract import SpanDemand
    from e2i_eval.checks.contract.demand_check import Judged
    from e2i_eval.checks.contract.scope import ContractScope
    from e2i_eval.core.trace import Span, Trace

__all__ = ["judge_span"]


def judge_span(demand: SpanDemand, traces: tuple[Trace, ...], scope: ContractScope) -> Iterator[Judged]:
    """Yield an outcome for the span being there, and one for each value demanded of it."""
    if not scope.holds(demand.when):
        return
    try:
        name = str(scope.resolve(demand.name))
    except Unresolved:
        name = demand.name
    spans = list(_candidates(demand, name, traces))
    if len(spans) < demand.count:
        yield _absent(demand, name, len(spans), traces)
        return
    yield None
    for span in spans:
        yield from _values(demand, span, scope)


def _candidates(demand: SpanDemand, name: str, traces: tuple[Trace, ...]) -> Iterator[Span]:
    for trace in traces:
        for span in (trace.root,) if demand.root else trace.spans:
            if span is not None and fnmatchcase(span.name, name) and demand.type in {None, span.type}:
                yield span


def _absent(demand: SpanDemand, name: str, count: int, traces: tuple[Trace, ...]) -> Finding:
    what = f"{'root ' if demand.root else ''}{demand.type or ''} span {name!r}".replace("  ", " ").strip()
    there = [span for trace in traces for span in ((trace.root,) if demand.root else trace.spans) if span is not None]
    listed = ", ".join(f"{span.name} ({span.type})" for span in there[:8]) or "no span"
    more = f" and {len(there) - 8} more" if len(there) > 8 else ""  # noqa: PLR2004  as cut above
    return Finding(
        message=f"{what} is not logged" if not count else f"{what} is logged {count} times",
        field=f"span {name}",
        expected=f"{demand.count} x {what}",
        actual=f"{listed}{more}",
        where=demand.where,
    )


def _values(demand: SpanDemand, span: Span, scope: ContractScope) -> Iterator[Judged]:
    sides = {
        "inputs": (demand.inputs, span.inputs),
        "outputs": (demand.outputs, span.outputs),
        "attributes": (demand.attributes, dict(span.attributes)),
    }
    for side, (demands, logged) in sides.items():
        for path, inner in demands.items():
            if not scope.holds(inner.when):
                continue
            field = f"{side}.{path}"
            values = [value for value in found(logged, path) if value not in (None, "")]
            if not values:
                message = f"{span} has no {field}"
                yield Finding(message=message, field=field, expected="a value", span=str(span), where=inner.where)
            for value in values:
                yield from judge_value(field, value, inner, scope, span=str(span))
