"""The order of spans: what happened after what, and what happened at once, as traces show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from e2i_eval.checks.compare.arrangement import AtOnce, Happening, InTurn, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from e2i_eval.core.trace import Span, Trace

__all__ = ["Witness", "in_order", "node_witness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A span that shows that something happened.

    Attributes:
        span: the span; what happened inside it comes right after it.
        happenings: what happened, in order.
        step: the step of its graph, which it shares with what ran at once; None where no step is logged.
    """

    span: Span
    happenings: tuple[Happening, ...]
    step: str | None = None

    @property
    def ended_at_s(self) -> float:
        """Seconds since the epoch; the start of a span that never ended."""
        return self.span.started_at_s + (self.span.duration_s or 0.0)


def node_witness(span: Span, name: str | None = None) -> Witness:
    """Return what the span of a LangGraph node shows: that the node ran, under ``name`` or the span's own."""
    return Witness(span=span, happenings=(Happening(name=name or span.name),), step=_step(span))


def in_order(traces: Sequence[Trace], witnesses: Callable[[Trace], Iterable[Witness]]) -> Part:
    """Return what the witnesses of all traces show, the traces in turn.

    Args:
        traces: as the server has them.
        witnesses: those of one trace, in order of start.
    """
    ordered = sorted(traces, key=lambda trace: trace.started_at_s)
    every = (_children(trace, witnesses(trace)) for trace in ordered)
    return InTurn(tuple(_in_steps(children[None], children) for children in every))


def _children(trace: Trace, witnesses: Iterable[Witness]) -> dict[str | None, list[Witness]]:
    """Return the witnesses by the id of the witness around them, None for the outermost."""
    known = {witness.span.span_id: witness for witness in witnesses}
    children: dict[str | None, list[Witness]] = {None: [], **{span_id: [] for span_id in known}}
    for witness in known.values():
        around = next((each.span_id for each in trace.ancestors(witness.span) if each.span_id in known), None)
        children[around].append(witness)
    return children


def _in_steps(witnesses: Sequence[Witness], children: dict[str | None, list[Witness]]) -> Part:
    return InTurn(tuple(_at_once(group, children) for group in _groups(witnesses)))


def _groups(witnesses: Sequence[Witness]) -> Iterator[Sequence[Witness]]:
    """Yield runs of witnesses of the same step; of those that name no step, runs of those that overlap in time."""
    for step, group in groupby(witnesses, key=lambda witness: witness.step):
        if step is not None:
            yield tuple(group)
        else:
            yield from _overlapping(group)


def _overlapping(witnesses: Iterable[Witness]) -> Iterator[Sequence[Witness]]:
    group: list[Witness] = []
    for witness in witnesses:
        if group and witness.span.started_at_s >= max(each.ended_at_s for each in group):
            yield tuple(group)
            group = []
        group.append(witness)
    if group:
        yield tuple(group)


def _step(span: Span) -> str | None:
    for holder in (span.attributes, span.attributes.get("metadata")):
        if isinstance(holder, dict) and holder.get("langgraph_step") is not None:
            return f"step {holder['langgraph_step']}"
    return None


def _at_once(witnesses: Sequence[Witness], children: dict[str | None, list[Witness]]) -> Part:
    return AtOnce(
        tuple(
            InTurn((*witness.happenings, _in_steps(children[witness.span.span_id], children))) for witness in witnesses
        )
    )
