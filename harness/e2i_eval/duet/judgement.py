"""Judgement: what the pairs of one target say of each part of its time. Pure.

A part has become slower when the one-sided signed-rank test (Wilcoxon 1945) of ``head - base - floor`` has p < .005
in two of at most three sets of pairs, of which the first is corrected over all targets (Holm 1979) and each is made in
fresh processes. It has not when the whole interval of the Hodges-Lehmann shift (1963) lies below the floor. Everything
else is undecided, which is reason for more pairs while there is time, then for another set, and then ``inconclusive``.
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

__all__ = [
    "CONFIDENCE",
    "FLOOR_MS",
    "FLOOR_SHARE",
    "LEVEL",
    "Look",
    "Standing",
    "adjusted",
    "look",
    "shift_of",
    "wants_another",
]

LEVEL = 0.005
"""Of each of the two tests that must say so. Looking again after more pairs raises the chance of a false alarm in one
set to about twice that; in two of three, with a floor between no change and an alarm, it stays below 1 in 1,000."""

MAJORITY = 2
"""So many of at most three sets decide."""

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


def shift_of(target: str, first: Look, *, standing: Standing, later: Sequence[Look] = ()) -> LatencyShift:
    """Return what is reported of one part of a target.

    Args:
        target: its name.
        first: what the first set of pairs says.
        standing: where the part stands by that, corrected over all targets.
        later: what the second and third sets say, as far as there are any; this part may need fewer.
    """
    used = _used(standing, later)
    said = used[-1] if used else first
    status, reason = _verdict(first, standing, used)
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


def wants_another(standings: Sequence[Standing]) -> bool:
    """Tell whether a further set is due: after a first one that is not clear, and after two that disagree."""
    if len(standings) == 1:
        return standings[0] != "not slower"
    return len(standings) == 2 and standings.count("slower") == 1  # noqa: PLR2004  of a majority of three


def _used(standing: Standing, later: Sequence[Look]) -> list[Look]:
    """Return the sets that a part had reason for; another part may have had reason for more."""
    used: list[Look] = []
    for each in later:
        if not wants_another([standing, *(one.standing() for one in used)]):
            break
        used.append(each)
    return used


def _verdict(first: Look, standing: Standing, later: Sequence[Look]) -> tuple[LatencyStatus, str]:
    """Two of at most three sets decide; each is of two processes of its own."""
    standings = [standing, *(each.standing() for each in later)]
    if standing == "not slower":
        return "pass", f"{_shift(first)}: not beyond {first.floor_ms:.1f} ms"
    floor = f"{first.floor_ms:.1f} ms"
    if not later:
        what = "seems slower" if standing == "slower" else f"cannot be told from the floor of {floor}"
        return "inconclusive", f"{_shift(first)}: {what}, and could not be measured again"
    seen = f"{_shift(first)}, in fresh processes {' and '.join(map(_shift, later))}"
    if standings.count("slower") >= MAJORITY:
        return "fail", f"slower twice: {seen}; both beyond {floor}"
    if standings == ["undecided", "not slower"]:
        return "pass", f"could not be told at first, and is not slower: {seen}"
    if standings.count("not slower") >= MAJORITY:
        return "pass", f"seemed slower once, and is not: {seen}"
    return "inconclusive", f"{len(standings)} sets do not tell it from the floor of {floor}: {seen}"


def _shift(seen: Look) -> str:
    estimate = seen.shift_ms
    return f"{estimate.value:+.1f} ms ({estimate.low:+.1f} to {estimate.high:+.1f}, {seen.pairs} pairs)"
