"""Judgement: what the pairs of one target say of each part of its time. Pure.

A part has become slower when the one-sided signed-rank test (Wilcoxon 1945) of ``head - base - floor`` has p < .005
in a first set of pairs, corrected over all targets (Holm 1979), and once more in a second set made afresh. It has not
when the whole interval of the Hodges-Lehmann shift (1963) lies below the floor. Everything else is undecided, which is
reason for more pairs while there is time, then for a second set, and when that does not say "not slower" either, it is
``inconclusive``.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from e2i_eval.latency_shift import LatencyShift
from e2i_eval.stats.families import holm
from e2i_eval.stats.shift import hodges_lehmann, signed_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.duet.sample import Pair
    from e2i_eval.estimate import Estimate
    from e2i_eval.latency_shift import LatencyPart, LatencyStatus

__all__ = ["CONFIDENCE", "FLOOR_MS", "FLOOR_SHARE", "LEVEL", "Look", "Standing", "adjusted", "look", "shift_of"]

LEVEL = 0.005
"""Of each of the two tests that must both say so. Looking again after more pairs raises the chance of a false alarm in
one set to about twice that; in both, and with a floor between no change and an alarm, it stays far below 1 in 1,000."""

CONFIDENCE = 0.95
FLOOR_MS = 5.0
FLOOR_SHARE = 0.05
"""Two processes that run the same code differ by a few per cent for good: addresses, cache lines, page sharing."""

Standing = Literal["slower", "not slower", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a set of pairs says of one part.

    Attributes:
        part: which.
        pairs: how many.
        base_ms: median on the base.
        head_ms: median on the head.
        shift_ms: head minus base.
        floor_ms: what a shift has to exceed.
        p_value: one-sided, of a shift beyond the floor.
    """

    part: LatencyPart
    pairs: int
    base_ms: float
    head_ms: float
    shift_ms: Estimate
    floor_ms: float
    p_value: float

    def standing(self, p_value: float | None = None) -> Standing:
        """Say where the part stands; ``p_value`` replaces its own by a corrected one."""
        if (self.p_value if p_value is None else p_value) < LEVEL:
            return "slower"
        return "not slower" if self.shift_ms.high <= self.floor_ms else "undecided"


def look(pairs: Sequence[Pair], part: LatencyPart) -> Look:
    """Look at one part of some pairs.

    Raises:
        UnknownError: there are too few.
    """
    base = [pair.base.part(part) for pair in pairs]
    head = [pair.head.part(part) for pair in pairs]
    differences = [one - other for one, other in zip(head, base, strict=True)]
    base_ms = median(base) if base else 0.0
    floor_ms = max(FLOOR_MS, FLOOR_SHARE * base_ms)
    return Look(
        part=part,
        pairs=len(pairs),
        base_ms=base_ms,
        head_ms=median(head) if head else 0.0,
        shift_ms=hodges_lehmann(differences, confidence=CONFIDENCE),
        floor_ms=floor_ms,
        p_value=signed_rank(differences, margin=floor_ms),
    )


def adjusted(looks: Sequence[Look], *, others: Sequence[float], family: int) -> dict[LatencyPart, float]:
    """Return the looks' p-values by part, corrected (Holm) over all that a session looks at.

    Args:
        looks: of one target.
        others: p-values of the targets looked at before.
        family: how many looks there are in the session. Those to come count as saying nothing,
            which is the worst they can do to these.
    """
    known = [*(each.p_value for each in looks), *others]
    corrected = holm([*known, *[1.0] * (family - len(known))])
    return {each.part: p_value for each, p_value in zip(looks, corrected, strict=False)}


def shift_of(target: str, first: Look, *, standing: Standing, again: Look | None) -> LatencyShift:
    """Return what is reported of one part of a target.

    Args:
        target: its name.
        first: what the first set of pairs says.
        standing: where the part stands by that, corrected over all targets.
        again: what the second set says; None when the first gave no reason for one, or there is none.
    """
    said = again or first
    status, reason = _verdict(first, standing, again)
    return LatencyShift(
        target=target,
        part=first.part,
        pairs=said.pairs,
        base_ms=said.base_ms,
        head_ms=said.head_ms,
        shift_ms=said.shift_ms,
        floor_ms=said.floor_ms,
        p_value=said.p_value,
        status=status,
        reason=reason,
    )


def _verdict(first: Look, standing: Standing, again: Look | None) -> tuple[LatencyStatus, str]:
    if standing == "not slower":
        return "pass", f"{_shift(first)}: not beyond {first.floor_ms:.1f} ms"
    if again is None:
        what = "seems slower" if standing == "slower" else f"cannot be told from the floor of {first.floor_ms:.1f} ms"
        return "inconclusive", f"{_shift(first)}: {what}, and could not be measured again"
    seen = f"{_shift(first)}, in fresh processes {_shift(again)}"
    return _verdict_of_two(standing == "slower", again, seen)


def _verdict_of_two(seemed_slower: bool, again: Look, seen: str) -> tuple[LatencyStatus, str]:  # noqa: FBT001  private
    second = again.standing()
    if second == "not slower":
        begun = "seemed slower and is not" if seemed_slower else "could not be told at first, and is not slower"
        return "pass", f"{begun}: {seen}"
    if seemed_slower and second == "slower":
        return "fail", f"slower twice: {seen}; both beyond {again.floor_ms:.1f} ms"
    if seemed_slower:
        return "inconclusive", f"seemed slower, which a second set neither confirms nor refutes: {seen}"
    return "inconclusive", f"cannot be told from the floor of {again.floor_ms:.1f} ms in two sets: {seen}"


def _shift(seen: Look) -> str:
    estimate = seen.shift_ms
    return f"{estimate.value:+.1f} ms ({estimate.low:+.1f} to {estimate.high:+.1f}, {seen.pairs} pairs)"
