"""Shifts of pairs: intervals that keep their word, tests that are exact with ties."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon  # type: ignore[import-untyped]

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.stats.shift import hodges_lehmann, signed_rank, smallest_count

MS = st.integers(-2000, 2000).map(lambda tenths: tenths / 8)
DIFFERENCES = st.lists(MS, min_size=8, max_size=30)
SMALL = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=9)


@given(DIFFERENCES)
def test_an_interval_holds_its_estimate(differences: list[float]) -> None:
    """Ends are in order, within the data, and wider at a higher confidence."""
    estimate, surer = hodges_lehmann(differences), hodges_lehmann(differences, confidence=0.99)

    assert (
        min(differences)
        <= surer.low
        <= estimate.low
        <= estimate.value
        <= estimate.high
        <= surer.high
        <= max(differences)
    )


@given(DIFFERENCES, MS)
def test_a_shift_of_all_moves_the_estimate_as_far(differences: list[float], by: float) -> None:
    """And mirrored data give the mirrored interval."""
    estimate = hodges_lehmann(differences)
    moved = hodges_lehmann([each + by for each in differences])
    mirrored = hodges_lehmann([-each for each in differences])

    assert (moved.low, moved.value, moved.high) == pytest.approx(
        (estimate.low + by, estimate.value + by, estimate.high + by)
    )
    assert (mirrored.low, mirrored.high) == (-estimate.high, -estimate.low)


@pytest.mark.parametrize("count", [6, 7, 9, 10])
def test_the_interval_keeps_its_word(count: int) -> None:
    """Over all sign patterns of untied sizes, it misses zero at most one time in twenty."""
    sizes = 2.0 ** np.arange(count)
    patterns = itertools.product((1.0, -1.0), repeat=count)
    intervals = (hodges_lehmann(np.array(signs) * sizes, confidence=0.95) for signs in patterns)
    missed = sum(not each.low <= 0.0 <= each.high for each in intervals)

    assert 0 < missed / 2**count <= 0.05


def test_one_wild_pair_does_not_decide() -> None:
    """A neighbour that woke up once leaves the estimate where it was."""
    quiet = [10.0 + 0.1 * i for i in range(20)]

    assert hodges_lehmann([*quiet[:-1], 5_000.0]).value == pytest.approx(hodges_lehmann(quiet).value, abs=0.2)


@pytest.mark.parametrize(("confidence", "needed"), [(0.9, 5), (0.95, 6), (0.99, 8)])
def test_too_few_pairs_have_no_interval(confidence: float, needed: int) -> None:
    """The error says how many it takes."""
    assert smallest_count(confidence) == needed
    with pytest.raises(UnknownError, match=f"at least {needed} pairs, there are {needed - 1}"):
        hodges_lehmann([1.0] * (needed - 1), confidence=confidence)
    assert hodges_lehmann([1.0] * needed, confidence=confidence).low == 1.0


def counted(differences: list[float]) -> float:
    """Return the p-value of a shift above 0 by writing every sign pattern down, ranks ascending with ties shared."""
    sizes = np.abs(differences)
    ranks = np.array([(np.sum(sizes < size) + np.sum(sizes <= size) + 1) / 2 for size in sizes])[sizes > 0]
    seen = ranks[np.array(differences)[sizes > 0] > 0].sum()
    sums = [np.dot(ranks, signs) for signs in itertools.product((0, 1), repeat=len(ranks))]
    return float(np.mean([each >= seen for each in sums]))


@given(SMALL)
def test_signed_rank_is_exact_with_ties_and_zeros(differences: list[float]) -> None:
    """Small whole numbers, where every other value is tied."""
    assert signed_rank(differences) == pytest.approx(counted(differences))


def test_signed_rank_agrees_with_scipy_without_ties() -> None:
    """Exact below 200 pairs, and the same to four places above."""
    draw = np.random.default_rng(3)
    for count, slack in ((15, 1e-12), (150, 1e-12), (260, 1e-4)):
        differences = list(draw.normal(0.1, 1.0, count))
        expected = wilcoxon(differences, alternative="greater", method="exact").pvalue
        assert signed_rank(differences) == pytest.approx(expected, abs=slack)


@given(DIFFERENCES, st.integers(1, 80))
def test_a_greater_margin_is_harder_to_exceed(differences: list[float], eighths: int) -> None:
    """The p-value grows with the margin, and the two sides belong together."""
    margin = eighths / 8

    assert signed_rank(differences, margin=margin) >= signed_rank(differences) - 1e-12
    assert signed_rank(differences) == signed_rank([-each for each in differences], alternative="less")


def test_nothing_beyond_the_margin_is_no_evidence() -> None:
    """All pairs exactly at the margin."""
    assert signed_rank([5.0] * 20, margin=5.0) == 1.0


@pytest.mark.parametrize("differences", [[], [1.0, float("nan")] * 8])
def test_what_is_no_number_is_an_error(differences: list[float]) -> None:
    """A lost measurement never becomes a small difference."""
    for judge in (hodges_lehmann, signed_rank):
        with pytest.raises(UnknownError):
            judge(differences)
