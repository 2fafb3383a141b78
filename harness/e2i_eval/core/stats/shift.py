"""Shift: by how much pairs moved, by ranks, so that one wild value does not decide.

For latencies, which have heavy tails and no negative values, but whose paired differences are near symmetric.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from e2i_eval.core.stats.paired import Alternative

__all__ = ["hodges_lehmann", "signed_rank", "smallest_count"]

EXACT_PAIRS = 200
"""Up to here the signed-rank distribution is counted out (a few ms); above, the normal approximation is exact enough.

At 200 pairs the two differ by less than 1e-4 in any tail.
"""


def hodges_lehmann(differences: Sequence[float], *, confidence: float = 0.95) -> Estimate:
    """Estimate the centre of paired differences with the interval that belongs to the signed-rank test.

    The estimate is the median of all Walsh averages ``(d_i + d_j) / 2``, i <= j (Hodges and Lehmann, Annals of
    Mathematical Statistics 34, 1963); the interval ends at two of them, picked by the exact signed-rank
    distribution (Tukey 1949; Hollander, Wolfe and Chicken 2014, section 3.3). It assumes that differences are
    independent and symmetric about the shift. Ties are allowed: the closed interval then covers rather more.

    Args:
        differences: one a pair.
        confidence: at least so often the interval contains the shift.

    Raises:
        UnknownError: there are too few pairs for such an interval (6 at .95, 8 at .99), or one is no number.
    """
    values = _checked(differences)
    _enough(values.size, confidence)
    rows, columns = np.triu_indices(values.size)
    walsh = np.sort((values[rows] + values[columns]) / 2)
    cut = _walsh_cut(values.size, (1 - confidence) / 2)
    return Estimate(
        value=float(np.median(walsh)),
        low=float(walsh[cut - 1]),
        high=float(walsh[walsh.size - cut]),
        confidence=confidence,
        method="Hodges-Lehmann",
    )


def signed_rank(differences: Sequence[float], *, margin: float = 0.0, alternative: Alternative = "greater") -> float:
    """Return the p-value of the signed-rank test that the differences lie beyond ``margin``.

    Wilcoxon (Biometrics Bulletin 1, 1945). Equal sizes share their mean rank and zeros are ranked, then dropped
    (Pratt, JASA 54, 1959); the distribution is that of all sign patterns of the ranks at hand, so ties are exact.

    Args:
        differences: one a pair.
        margin: what is subtracted first; with ``less`` the differences are compared with it from the other side.
        alternative: ``greater`` asks whether the shift is above ``margin``, ``less`` whether it is below.

    Returns:
        The p-value; 1 when every difference equals the margin.

    Raises:
        UnknownError: there is no pair, or a difference is no number.
    """
    values = _checked(differences) - margin
    doubled = _doubled_ranks(np.abs(values))[values != 0.0]
    signs = values[values != 0.0] > 0
    if doubled.size == 0:
        return 1.0
    seen = int(doubled[signs].sum())
    above, below = _tails(doubled, seen)
    if alternative == "greater":
        return above
    return below if alternative == "less" else min(1.0, 2 * min(above, below))


def smallest_count(confidence: float) -> int:
    """Return how many values an interval of ``confidence`` needs: 2 ** -n must not exceed half of the rest."""
    return math.ceil(-math.log2((1 - confidence) / 2) - 1e-9)


def _checked(values: Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        msg = "there is no pair to measure by"
        raise UnknownError(msg)
    if not np.isfinite(array).all():
        msg = f"{int((~np.isfinite(array)).sum())} of {array.size} differences are no numbers"
        raise UnknownError(msg)
    return array


def _enough(count: int, confidence: float) -> None:
    needed = smallest_count(confidence)
    if count < needed:
        msg = f"an interval of {confidence:.3g} confidence needs at least {needed} pairs, there are {count}"
        raise UnknownError(msg)


def _rank_distribution(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probability of every sum of ranks when each is in or out by a fair coin."""
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1.0
    for rank in ranks:
        moved = np.zeros_like(chances)
        moved[rank:] = chances[: chances.size - rank]
        chances = (chances + moved) / 2
    return chances


def _walsh_cut(count: int, tail: float) -> int:
    """Return which Walsh average from either end bounds the interval: the last whose tail is still within ``tail``."""
    if count <= EXACT_PAIRS:
        below = np.cumsum(_rank_distribution(np.arange(1, count + 1)))
        return int(np.searchsorted(below, tail * (1 + 1e-12), side="right"))
    spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    return math.floor(count * (count + 1) / 4 - NormalDist().inv_cdf(1 - tail) * spread)


def _doubled_ranks(sizes: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return twice the mean ranks, which are whole numbers."""
    ordered = np.sort(sizes)
    lowest = np.searchsorted(ordered, sizes, side="left")
    highest = np.searchsorted(ordered, sizes, side="right")
    ranks: NDArray[np.int64] = (lowest + highest + 1).astype(np.int64)
    return ranks


def _tails(doubled: NDArray[np.int64], seen: int) -> tuple[float, float]:
    """Return the chances of a sum of at least, and of at most, what was seen."""
    if doubled.size <= EXACT_PAIRS:
        chances = _rank_distribution(doubled)
        return min(1.0, float(chances[seen:].sum())), min(1.0, float(chances[: seen + 1].sum()))
    mean = float(doubled.sum()) / 2
    spread = math.sqrt(float((doubled.astype(np.float64) ** 2).sum())) / 2
    normal = NormalDist(mean, spread)
    return 1 - normal.cdf(seen - 1), normal.cdf(seen + 1)
