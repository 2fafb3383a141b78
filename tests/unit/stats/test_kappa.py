"""Kappa against tables computed by hand, and where it says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.stats.kappa import confusion, kappa, kappa_interval

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)

Pairs = list[tuple[float, float]]

SCORES = st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0])
SCALE = (1.0, 2.0, 3.0, 4.0, 5.0)


def pairs_of(table: list[list[int]]) -> Pairs:
    """Return pairs of scores 1, 2, ... with these counts."""
    return [
        (float(row + 1), float(column + 1))
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # 50 grants, two readers: observed 35/50, by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5
        ([[20, 5], [10, 15]], 0.4),
        # the same share agrees, 60/100, but one answer is usual: chance 0.54
        ([[45, 15], [25, 15]], (0.60 - 0.54) / 0.46),
        # as often right as by chance, and less
        ([[25, 25], [25, 25]], 0.0),
        ([[0, 10], [10, 0]], -1.0),
        # three steps: disagreement (1 + 2 + 4) / 10, by chance 1.28: rows 4 3 3, columns 4 3 3
        ([[3, 0, 1], [0, 3, 0], [1, 0, 2]], 1 - 0.8 / ((12 + 12 + 9 + 9 + 4 * 12 + 4 * 12) / 100)),
        # one step off counts a quarter of two steps off
        ([[4, 1, 0], [0, 4, 1], [0, 0, 0]], 1 - 0.2 / ((5 * 5 + 5 * 4 + 5 * 1 + 4 * 5 * 1) / 100)),
    ],
)
def test_tables_computed_by_hand(table: list[list[int]], expected: float) -> None:
    """Observed disagreement over that by chance, from one."""
    scale = tuple(float(at + 1) for at in range(len(table)))

    assert kappa(pairs_of(table), scale) == pytest.approx(expected)


def test_one_score_throughout_says_nothing() -> None:
    """Then chance alone agrees as well; so it is with no pair at all."""
    with pytest.raises(UnknownError, match="one and the same score"):
        kappa([(3.0, 3.0)] * 20, SCALE)
    with pytest.raises(UnknownError, match="no pair"):
        kappa_interval([], SCALE)


def test_without_disagreement_few_cases_prove_little() -> None:
    """The lower end is n / (n + 1.96^2), and not one."""
    pairs = pairs_of([[2, 0], [0, 2]])

    few, many = kappa_interval(pairs, (1, 2)), kappa_interval(pairs * 20, (1, 2))

    assert (few.value, few.high) == (1.0, 1.0)
    assert few.low == pytest.approx(4 / (4 + 3.8415), abs=1e-4)
    assert many.low > 0.95


def test_the_interval_is_near_the_known_one() -> None:
    """For 50 pairs with kappa 0.4 the large-sample error (Fleiss, Cohen and Everitt 1969) is about 0.127."""
    estimate = kappa_interval(pairs_of([[20, 5], [10, 15]]), (1, 2))

    assert estimate.low == pytest.approx(0.4 - 1.96 * 0.127, abs=0.06)
    assert estimate.high == pytest.approx(0.4 + 1.96 * 0.127, abs=0.06)
    assert estimate == kappa_interval(pairs_of([[20, 5], [10, 15]]), (1, 2))


@QUICK
@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=20))
def test_it_has_no_side(pairs: Pairs) -> None:
    """Who is first does not matter, nor a scale that is turned round; it stays between -1 and 1."""
    swapped = [(two, one) for one, two in pairs]
    turned = [(6 - one, 6 - two) for one, two in pairs]
    try:
        value = kappa(pairs, SCALE)
    except UnknownError:
        assert len({score for pair in pairs for score in pair}) == 1
        return

    assert value == pytest.approx(kappa(swapped, SCALE)) == pytest.approx(kappa(turned, SCALE))
    assert -1 - 1e-9 <= value <= 1


def test_a_score_off_the_scale_is_refused() -> None:
    """It has no place in the table."""
    with pytest.raises(ValueError, match="not both on the scale"):
        confusion([(1.0, 7.0)], SCALE)
