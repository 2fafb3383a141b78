"""Paired tests: exact where they can be, fair under no change, and hard to fool by clusters."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.stats import paired
from e2i_eval.core.stats.paired import Alternative, cluster_interval, mcnemar, sign_flip

SIZES = st.integers(-8, 8).map(lambda eighths: eighths / 8)
CLUSTERS = st.dictionaries(st.text(max_size=3), st.lists(SIZES, min_size=1, max_size=4), min_size=1, max_size=7)
SIDES: tuple[Alternative, ...] = ("less", "greater", "two-sided")


def counted(clusters: dict[str, list[float]], alternative: Alternative) -> float:
    """Return the p-value by writing every sign pattern down."""
    sums = [sum(values) for values in clusters.values()]
    totals = [
        sum(s * d for s, d in zip(signs, sums, strict=True)) for signs in itertools.product((1, -1), repeat=len(sums))
    ]
    seen = sum(sums)
    extreme = {
        "less": [total <= seen for total in totals],
        "greater": [total >= seen for total in totals],
        "two-sided": [abs(total) >= abs(seen) for total in totals],
    }
    return sum(extreme[alternative]) / len(totals)


@given(CLUSTERS, st.sampled_from(SIDES))
def test_sign_flip_counts_every_pattern(clusters: dict[str, list[float]], alternative: Alternative) -> None:
    """Leaving unmoved clusters out, and building totals one cluster at a time, changes nothing."""
    assert sign_flip(clusters, alternative=alternative) == pytest.approx(counted(clusters, alternative))


@given(CLUSTERS)
def test_sign_flip_is_symmetric(clusters: dict[str, list[float]]) -> None:
    """What is a drop one way round is a rise the other way round."""
    mirrored = {name: [-value for value in values] for name, values in clusters.items()}

    assert sign_flip(clusters, alternative="less") == sign_flip(mirrored, alternative="greater")


@given(CLUSTERS, st.sampled_from([1 / 8, 1 / 2]))
def test_a_greater_drop_is_never_less_significant(clusters: dict[str, list[float]], more: float) -> None:
    """Every cluster that falls further makes a fall no less plain."""
    fallen = {name: [-abs(value) for value in values] for name, values in clusters.items()}
    further = {name: [value - more for value in values] for name, values in fallen.items()}

    assert sign_flip(further, alternative="less") <= sign_flip(fallen, alternative="less")


@pytest.mark.parametrize("sums", [(1.0, 2.0, 3.0, 4.0), (1.0, 1.0, 1.0), (0.0, 2.0, 5.0)])
@pytest.mark.parametrize("alternative", SIDES)
def test_sign_flip_keeps_its_level_under_no_change(sums: tuple[float, ...], alternative: Alternative) -> None:
    """Over all equally likely data, p <= u happens with a chance of at most u, for every u."""
    patterns = itertools.product((1, -1), repeat=len(sums))
    values = sorted(
        sign_flip({str(i): [s * d] for i, (s, d) in enumerate(zip(signs, sums, strict=True))}, alternative=alternative)
        for signs in patterns
    )

    assert all(
        (rank + 1) / len(values) <= value + 1e-12 for rank, value in enumerate(values) if values.count(value) == 1
    )
    assert all(sum(other <= value for other in values) / len(values) <= value + 1e-12 for value in values)


def test_many_clusters_are_drawn_close_to_the_exact_value() -> None:
    """With more clusters than are counted out, all falling by one, the chance is 2 ** -20 and never 0."""
    clusters = {str(i): [-1.0] for i in range(20)}
    even = {str(i): [1.0 if i % 2 else -1.0] for i in range(20)}

    assert 0 < sign_flip(clusters, alternative="less") <= 3 / (paired.DRAWS + 1)
    assert sign_flip(even, alternative="less") == pytest.approx((1 + math.comb(20, 10) / 2**20) / 2, abs=0.006)
    assert sign_flip(even, alternative="less") == sign_flip(even, alternative="less")


def test_too_few_clusters_cannot_be_significant() -> None:
    """Six clusters that all fall are 1 in 64, however many cases they hold."""
    assert sign_flip({str(i): [-1.0] * 50 for i in range(6)}, alternative="less") == 1 / 64


def test_no_change_is_no_evidence() -> None:
    """An unchanged run has the greatest p-value there is."""
    assert sign_flip({"a": [0.0, 0.0], "b": [0.0]}, alternative="two-sided") == 1.0


@pytest.mark.parametrize("clusters", [{}, {"a": []}, {"a": [math.nan]}, {"a": [math.inf], "b": [0.0]}])
def test_what_is_unknown_is_not_unchanged(clusters: dict[str, list[float]]) -> None:
    """No pair, or one that is no number, is an error and not a pass."""
    with pytest.raises(UnknownError):
        sign_flip(clusters, alternative="less")


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_counts_coins(broken: int, fixed: int) -> None:
    """The chance that at least so many of all changes are for the worse, were it a fair coin."""
    total = broken + fixed
    chance = sum(math.comb(total, k) for k in range(broken, total + 1)) / 2**total

    assert mcnemar(broken, fixed, alternative="less") == pytest.approx(chance)
    assert mcnemar(broken, fixed, alternative="less") == pytest.approx(mcnemar(fixed, broken, alternative="greater"))


def test_an_interval_by_clusters_is_wider_than_one_by_cases() -> None:
    """Four cases that fall together are one observation."""
    together = {str(i): [float(i % 3)] * 4 for i in range(9)}
    apart = {f"{i}-{j}": [float(i % 3)] for i in range(9) for j in range(4)}
    wide, narrow = cluster_interval(together), cluster_interval(apart)

    assert wide.value == narrow.value == 1.0
    assert wide.high - wide.low == pytest.approx((narrow.high - narrow.low) * 2.0, rel=0.25)


def test_one_case_a_cluster_is_the_t_interval() -> None:
    """Without clusters it is the interval of every textbook."""
    values = [0.5, -0.25, 1.0, 0.0, 2.0]
    error = np.std(values, ddof=1) / math.sqrt(5)
    estimate = cluster_interval({str(i): [value] for i, value in enumerate(values)})

    assert estimate.method == "cluster-robust t(4)"
    assert estimate.high - estimate.value == pytest.approx(2.776445 * error, rel=1e-6)


def test_one_cluster_has_no_interval() -> None:
    """How clusters differ cannot be known from one."""
    with pytest.raises(UnknownError, match="at least 2"):
        cluster_interval({"a": [0.1, 0.2]})
