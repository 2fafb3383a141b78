"""Power, families and reducers: figures that can be checked by hand."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.stats.families import holm
from e2i_eval.core.stats.paired import mcnemar
from e2i_eval.core.stats.power import cost_to_resolve_usd, detectable_drop, pairs_needed
from e2i_eval.core.stats.reducers import mean, pass_at_k, pass_hat_k

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


@pytest.mark.parametrize(("drop", "discordance", "pairs"), [(0.10, 0.1, 98), (0.10, 0.2, 199), (0.05, 0.1, 399)])
def test_pairs_needed(drop: float, discordance: float, pairs: int) -> None:
    """At alpha .01 one-sided and a power of .8; and the inverse gives the drop back."""
    assert pairs_needed(drop, discordance) == pairs
    assert detectable_drop(pairs, discordance) == pytest.approx(drop, abs=5e-4)


def test_132_cases_see_a_ten_point_drop_and_not_a_five_point_one() -> None:
    """The size of the reference platform's golden set."""
    seen = detectable_drop(132, 0.1)

    assert seen == pytest.approx(0.086, abs=0.001)


def test_the_power_is_there() -> None:
    """98 pairs at a discordance of .1 of which all are for the worse: the exact test finds it as often as said."""
    broken = np.random.default_rng(1).binomial(98, 0.1, size=2_000)
    found = [mcnemar(int(each), 0, alternative="less") < 0.01 for each in broken]

    assert statistics.fmean(found) >= 0.8


def test_too_few_pairs_see_nothing() -> None:
    """Five cases cannot show a drop at any size below their discordance."""
    assert detectable_drop(5, 0.1) is None


@pytest.mark.parametrize(("drop", "discordance"), [(0.0, 0.1), (0.2, 0.1), (0.1, 1.1)])
def test_a_drop_that_does_not_fit_is_refused(drop: float, discordance: float) -> None:
    """A drop is a part of the changes."""
    with pytest.raises(ValueError, match="does not fit"):
        pairs_needed(drop, discordance)


def test_the_cost_of_an_answer() -> None:
    """What is missing, times the price of one; unknown stays unknown."""
    assert cost_to_resolve_usd(needed=199, done=132, cost_usd=0.02) == pytest.approx(1.34)
    assert cost_to_resolve_usd(needed=98, done=132, cost_usd=0.02) == 0.0
    assert cost_to_resolve_usd(needed=199, done=132, cost_usd=None) is None
    assert cost_to_resolve_usd(needed=float("inf"), done=132, cost_usd=0.02) is None


def test_holm_by_hand() -> None:
    """Three values: times 3, 2 and 1, and never less than the one before."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    assert holm([]) == ()


@given(P_VALUES)
def test_adjusted_values_only_grow_and_keep_their_order(p_values: list[float]) -> None:
    """And stay below 1; nobody overtakes."""
    adjusted = holm(p_values)

    for raw, high in zip(p_values, adjusted, strict=True):
        assert raw - 1e-12 <= high <= 1 + 1e-9
    for one, other in itertools.combinations(range(len(p_values)), 2):
        if p_values[one] < p_values[other]:
            assert adjusted[one] <= adjusted[other]


def test_what_is_no_p_value_is_refused() -> None:
    """NaN is not a small number."""
    with pytest.raises(ValueError, match="is no p-value"):
        holm([0.1, float("nan")])


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(1, n))))
def test_reducers_count_all_choices(count: tuple[int, int, int]) -> None:
    """Over all ways to take k of n repetitions: how often one passes, how often all do."""
    passed, scored, k = count
    taken = list(itertools.combinations([True] * passed + [False] * (scored - passed), k))

    assert pass_at_k(passed, scored, k) == pytest.approx(statistics.fmean(map(any, taken)))
    assert pass_hat_k(passed, scored, k) == pytest.approx(statistics.fmean(map(all, taken)))
    assert mean(passed, scored) == pytest.approx(passed / scored)


def test_too_few_repetitions_are_unknown() -> None:
    """Neither 0 nor 1."""
    assert pass_at_k(2, 2, 3) is None
    assert pass_hat_k(0, 2, 3) is None
    assert mean(0, 0) is None


def test_what_is_no_repetition_is_refused() -> None:
    """More passed than were scored, and none taken."""
    with pytest.raises(ValueError, match="is no count"):
        pass_at_k(3, 2, 1)
    with pytest.raises(ValueError, match="is no count"):
        pass_hat_k(1, 2, 0)
