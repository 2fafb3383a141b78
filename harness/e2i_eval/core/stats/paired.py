"""Paired comparison: the same cases under two versions, clustered by what they have in common.

Cases of one agent, or of one scenario, succeed and fail together; taken one by one they pretend to be
more evidence than they are (Miller, "Adding Error Bars to Evals", arXiv 2411.00640, 2024).
So the unit is the cluster. A difference is always *head minus base*, of means over repetitions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Clusters = Mapping[str, Sequence[float]]

__all__ = ["Alternative", "cluster_interval", "mcnemar", "sign_flip"]

Alternative = Literal["less", "greater", "two-sided"]
"""``less``: the head is lower than the base. ``greater``: it is higher."""

EXACT_CLUSTERS = 16
"""Up to 65,536 sign patterns are all looked at, which takes a millisecond."""

DRAWS = 99_999
CHUNK = 4_096
SEED = 20_241
"""The same numbers give the same p-value: a gate must not roll dice."""

SMALLEST_SIZE = 2
"""Below two clusters nothing is known about how clusters differ."""


def sign_flip(differences_by_cluster: Clusters, *, alternative: Alternative) -> float:
    """Return the p-value of the cluster sign-flip permutation test for no change.

    If nothing changed, the sum of each cluster's differences is as likely negative as positive, jointly and
    independently over clusters. The p-value is the share of sign patterns whose total is at least as extreme as
    the one seen (Fisher 1935; for few clusters Canay, Romano and Shaikh, Econometrica 85, 2017).
    With up to 16 clusters that differ at all every pattern is counted; above, 99,999 random ones with the
    observed one counted among them (Phipson and Smyth, SAGMB 9, 2010), from a fixed seed.

    The smallest possible value is one in ``2 ** clusters``: fewer than seven clusters can never reach .01.

    Args:
        differences_by_cluster: head minus base, the cases of a cluster under its name.
        alternative: which change is looked for.

    Returns:
        0 < p <= 1; exactly 1 when no cluster differs.

    Raises:
        UnknownError: there is no difference to judge, or one of them is no number.
    """
    sums = [math.fsum(values) for values in _checked(differences_by_cluster).values()]
    moved = np.array([each for each in sums if each != 0.0], dtype=np.float64)  # zeros flip to themselves
    if moved.size == 0:
        return 1.0
    observed = math.fsum(moved)
    if moved.size <= EXACT_CLUSTERS:
        totals = _all_totals(moved)
        return float(np.mean(_extreme(totals, observed, alternative, moved)))
    hits = sum(int(np.sum(_extreme(totals, observed, alternative, moved))) for totals in _drawn_totals(moved))
    return (hits + 1) / (DRAWS + 1)


def mcnemar(broken: int, fixed: int, *, alternative: Alternative) -> float:
    """Return the p-value of McNemar's exact test: of the cases that changed, did more break than were fixed?

    For one agent alone, whose cases are taken as independent (McNemar, Psychometrika 12, 1947; exact by the
    binomial distribution). Cases that did not change say nothing about the direction and are left out.

    Args:
        broken: cases that passed on the base and fail on the head.
        fixed: cases that failed on the base and pass on the head.
        alternative: which change is looked for; ``less`` asks whether the head passes less often.

    Returns:
        The p-value; 1 when nothing changed.

    Raises:
        ValueError: a count is negative.
    """
    if min(broken, fixed) < 0:
        msg = f"{broken} broken and {fixed} fixed are no counts"
        raise ValueError(msg)
    if broken + fixed == 0:
        return 1.0
    from scipy.stats import binomtest  # type: ignore[import-untyped]  # noqa: PLC0415  half a second

    return float(binomtest(fixed, broken + fixed, alternative=alternative).pvalue)


def cluster_interval(differences_by_cluster: Clusters, *, confidence: float = 0.95) -> Estimate:
    """Estimate the mean difference with a cluster-robust interval.

    The squared standard error is the sum over clusters of (sum of deviations from the mean) squared,
    times G / (G - 1), over n squared (Liang and Zeger, Biometrika 73, 1986; for evaluations Miller 2024, eq. 4);
    the quantile is Student's with G - 1 degrees of freedom (Bester, Conley and Hansen, J. Econometrics 165, 2011).
    Clusters of very different sizes make it too narrow.

    Args:
        differences_by_cluster: head minus base, the cases of a cluster under its name.
        confidence: of the two-sided interval.

    Raises:
        UnknownError: there are fewer than two clusters, or a difference is no number.
    """
    clusters = _at_least_two(_checked(differences_by_cluster))
    groups, count = len(clusters), sum(map(len, clusters.values()))
    mean = math.fsum(each for values in clusters.values() for each in values) / count
    squares = math.fsum(math.fsum(each - mean for each in values) ** 2 for values in clusters.values())
    error = math.sqrt(squares * groups / (groups - 1)) / count
    from scipy.stats import t  # noqa: PLC0415  half a second

    reach = float(t.ppf((1 + confidence) / 2, groups - 1)) * error
    method = f"cluster-robust t({groups - 1})"
    return Estimate(value=mean, low=mean - reach, high=mean + reach, confidence=confidence, method=method)


def _checked(clusters: Clusters) -> Clusters:
    named = {name: values for name, values in clusters.items() if len(values)}
    if not named:
        msg = "there is no pair to compare"
        raise UnknownError(msg)
    broken = [name for name, values in named.items() if not all(map(math.isfinite, values))]
    if broken:
        msg = f"a difference in {', '.join(broken)} is no number"
        raise UnknownError(msg)
    return named


def _at_least_two(clusters: Clusters) -> Clusters:
    if len(clusters) < SMALLEST_SIZE:
        msg = f"an interval over clusters needs at least {SMALLEST_SIZE} of them, there is {len(clusters)}"
        raise UnknownError(msg)
    return clusters


def _all_totals(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the total of every sign pattern, ``2 ** len(sums)`` of them."""
    totals = np.zeros(1)
    for each in sums:
        totals = np.concatenate([totals + each, totals - each])
    return totals


def _drawn_totals(sums: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the totals of ``DRAWS`` random sign patterns, made piece by piece to stay small in memory."""
    draw = np.random.default_rng(SEED)
    starts = range(0, DRAWS, CHUNK)
    return [
        np.where(draw.random((min(CHUNK, DRAWS - start), sums.size)) < 1 / 2, sums, -sums).sum(axis=1)
        for start in starts
    ]


def _extreme(
    totals: NDArray[np.float64], observed: float, alternative: Alternative, sums: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which totals are at least as extreme as the observed one; equal up to rounding counts as equal."""
    slack = 1e-12 * float(np.abs(sums).sum())
    if alternative == "less":
        return totals <= observed + slack
    if alternative == "greater":
        return totals >= observed - slack
    return np.abs(totals) >= abs(observed) - slack
