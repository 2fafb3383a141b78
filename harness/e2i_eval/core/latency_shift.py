"""How much slower or faster one part of a target became between two revisions, measured in pairs on one machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.estimate import Estimate  # noqa: TC001  from_json reads the types at run time

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = ["LatencyPart", "LatencyShift", "LatencyStatus", "shift_metrics"]

LatencyPart = Literal["agent", "claude", "logging"]
"""``agent``: the target's own code. ``claude``: time on the wire, virtual in mock. ``logging``: until sent."""

LatencyStatus = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyShift:
    """One part of one target, base against head.

    Attributes:
        target: what was called.
        part: which share of the time.
        pairs: number of interleaved pairs.
        base_ms: median on the base revision.
        head_ms: median on the head revision.
        shift_ms: head minus base.
        floor_ms: what a shift has to exceed before it counts.
        p_value: one-sided, of a shift beyond the floor.
        status: the judgement.
        reason: one sentence.
    """

    target: str
    part: LatencyPart
    pairs: int
    base_ms: float
    head_ms: float
    shift_ms: Estimate
    floor_ms: float
    p_value: float
    status: LatencyStatus
    reason: str


def shift_metrics(shifts: Iterable[LatencyShift], target: str) -> dict[str, float]:
    """Return the numbers for a target's run on the server; empty without a A/B latency test of it."""
    own = [each for each in shifts if each.target == target]
    return {
        f"duet_{each.part}_{name}_ms": value
        for each in own
        for name, value in (("base", each.base_ms), ("head", each.head_ms), ("shift", each.shift_ms.value))
    }
