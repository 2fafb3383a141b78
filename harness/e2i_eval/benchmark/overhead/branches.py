"""Branches: whether nodes of a graph ran at the same time."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.trace import Span, Trace

__all__ = ["ran_in_parallel"]


def ran_in_parallel(traces: Iterable[Trace]) -> bool:
    """Tell whether in some trace two nodes right below the same span overlap in time."""
    return any(_overlap(one, two) for trace in traces for one, two in combinations(trace.spans, 2))


def _overlap(one: Span, two: Span) -> bool:
    if one.parent_id is None or one.parent_id != two.parent_id or not (one.node and two.node):
        return False
    if one.duration_s is None or two.duration_s is None:
        return False
    latest_start_s = max(one.started_at_s, two.started_at_s)
    return latest_start_s < min(one.started_at_s + one.duration_s, two.started_at_s + two.duration_s)
