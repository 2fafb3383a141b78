"""Wilson's interval: where it lies, and that it keeps its word."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.stats.rates import wilson

COUNTS = st.integers(1, 300).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_it_is_the_score_interval(count: tuple[int, int], confidence: float) -> None:
    """Both ends are where the score test of the rate just does not reject."""
    passed, total = count
    estimate = wilson(passed, total, confidence=confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)

    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    for end in (estimate.low, estimate.high):
        distance = abs(estimate.value - end)
        assert distance == pytest.approx(z * math.sqrt(end * (1 - end) / total), abs=1e-7)


@given(COUNTS)
def test_passing_and_failing_mirror_each_other(count: tuple[int, int]) -> None:
    """The rate of failures has the mirrored interval."""
    passed, total = count
    one, other = wilson(passed, total), wilson(total - passed, total)

    assert one.low == pytest.approx(1 - other.high, abs=1e-12)
    assert one.high == pytest.approx(1 - other.low, abs=1e-12)


def test_it_covers_where_the_textbook_interval_does_not() -> None:
    """At 20 runs of a rate of .95, worked out exactly: .92 against .64, which promised .95."""
    chances = [math.comb(20, k) * 0.95**k * 0.05 ** (20 - k) for k in range(21)]
    intervals = [wilson(k, 20) for k in range(21)]
    wilsons = sum(chance for chance, each in zip(chances, intervals, strict=True) if each.low <= 0.95 <= each.high)
    walds = sum(
        chance for k, chance in enumerate(chances) if abs(k / 20 - 0.95) <= 1.96 * math.sqrt(k * (20 - k) / 8000)
    )

    assert wilsons == pytest.approx(0.925, abs=0.005)
    assert walds == pytest.approx(0.641, abs=0.01)


def test_nothing_scored_is_no_rate() -> None:
    """Unknown is neither 0 nor 1."""
    with pytest.raises(UnknownError, match="nothing was scored"):
        wilson(0, 0)


@pytest.mark.parametrize(("passed", "total"), [(-1, 3), (4, 3)])
def test_what_is_no_count_is_refused(passed: int, total: int) -> None:
    """A bug upstream does not become an interval."""
    with pytest.raises(ValueError, match="is no count"):
        wilson(passed, total)
