"""The set verdict: what one set of pairs says of each part of a target's time. Pure.

A part seems slower when the one-sided signed-rank test (Wilcoxon 1945) of ``head - base - floor`` has p < .005,
corrected over all targets (Holm 1979). It does not when the whole interval of the Hodges-Lehmann shift (1963) lies
below the floor. Everything else is undecided, which is reason for more pairs while there is time, and then for
another set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.stats.families import holm
from e2i_eval.core.stats.shift import hodges_lehmann, signed_rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.benchmark.ab.sample import SamplePair
    from e2i_eval.core.estimate import Estimate
    from e2i_eval.core.latency_shift import LatencyPart

__all__ = [
    "CONFIDENCE",
    "FLOOR_MS",
    "FLOOR_SHARE",
    "LEVEL",
    "Look",
    "SetVerdict",
    "adjusted",
    "look",
    "pooled",
]

LEVEL = 0.005
"""Of each of the two tests that must say so. Looking again after more pairs raises the chance of a false alarm in one
set to about twice that; in two of three, with a floor between no change and an alarm, it stays below 1 in 1,000."""

CONFIDENCE = 0.95
FLOOR_MS = 5.0
FLOOR_SHARE = 0.05
"""Two processes that run the same code differ by a few per cent: addresses, cache lines, page sharing."""

SetVerdict = Literal["slower", "not slower", "undecided"]


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
        differences: head minus base in ms, one a pair.
    """

    part: LatencyPart
    pairs: int
    base_ms: float
    head_ms: float
    shift_ms: Estimate
    floor_ms: float
    p_value: float
    differences: tuple[float, ...] = field(repr=False)

    def verdict(self, p_value: float | None = None) -> SetVerdict:
        """Judge the part; ``p_value`` replaces its own by a corrected one."""
        if (self.p_value if p_value is None else p_value) < LEVEL:
            return "slower"
        return "not slower" if self.shift_ms.high <= self.floor_ms else "undecided"


def look(pairs: Sequence[SamplePair], part: LatencyPart) -> Look:
    """Look at one part of some pairs.

    Raises:
        UnknownError: there are too few.
    """
    base = [pair.base.part(part) for pair in pairs]
    head = [pair.head.part(part) for pair in pairs]
    base_ms = median(base) if base else 0.0
    return _look(
        part,
        [one - other for one, other in zip(head, base, strict=True)],
        base_ms=base_ms,
        head_ms=median(head) if head else 0.0,
        floor_ms=max(FLOOR_MS, FLOOR_SHARE * base_ms),
    )


def pooled(looks: Sequence[Look]) -> Look:
    """Look at the pairs of several sets as if they were one; medians are those of the sets' medians.

    That each set is of two other processes widens the interval, as it should: it is part of what is not known.
    """
    return _look(
        looks[0].part,
        [difference for each in looks for difference in each.differences],
        base_ms=median(each.base_ms for each in looks),
        head_ms=median(each.head_ms for each in looks),
        floor_ms=min(each.floor_ms for each in looks),
    )


def _look(part: LatencyPart, differences: Sequence[float], *, base_ms: float, head_ms: float, floor_ms: float) -> Look:
    return Look(
        part=part,
        pairs=len(differences),
        base_ms=base_ms,
        head_ms=head_ms,
        shift_ms=hodges_lehmann(differences, confidence=CONFIDENCE),
        floor_ms=floor_ms,
        p_value=signed_rank(differences, margin=floor_ms),
        differences=tuple(differences),
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
