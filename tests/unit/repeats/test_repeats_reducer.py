"""Reducers and plans: what is configured is read at the door, and what makes no sense is refused there."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.errors import UsageError
from e2i_eval.core.stats.repeats import ALL_PASS, RepeatPlan, RepeatWish, parse_reducer, parse_times, repeat_plans
from e2i_eval.core.stats.sequential import RateTest, operating

WHERE = "pyproject.toml:7"


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("mean:0.9", 0.9, 0.7),
        ("mean:0.3", 0.3, 0.15),
        ("mean:0.9:0.5", 0.9, 0.5),
        ("pass^3:0.729", 0.9, 0.7),
        ("pass@3:0.992", 0.8, 0.6),
        ("pass@2:0.99:0.75", 0.9, 0.5),
    ],
)
def test_a_demand_below_one_is_a_test_of_the_rate_of_one_attempt(text: str, good: float, bad: float) -> None:
    """Whichever number is judged, it grows with that rate."""
    rule = parse_reducer(text, where=WHERE).rule(10)

    assert isinstance(rule, RateTest)
    assert (rule.good, rule.bad) == pytest.approx((good, bad))


@given(st.floats(0.05, 0.99), st.sampled_from(["mean", "pass@2", "pass@5", "pass^2", "pass^4"]))
def test_error_rates_of_every_reducer_are_kept(good: float, kind: str) -> None:
    """A case that is as good as demanded fails at most 1.06 times in a hundred, however often it is repeated."""
    rule = parse_reducer(f"{kind}:{good:.6f}", where=WHERE).rule(40)
    assert isinstance(rule, RateTest)

    assert operating(rule, rate=rule.good, most=40).fails <= 0.01 / 0.95 + 1e-12
    assert operating(rule, rate=rule.bad, most=40).passes <= 0.05 / 0.99 + 1e-12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("median", "is none"),
        ("mean", "lacks the pass rate"),
        ("mean:90%", "is none"),
        ("mean:0", "above 0 and up to 1"),
        ("mean:1.5", "above 0 and up to 1"),
        ("mean:0.9:0.95", "must fail from a number above 0 and below"),
        ("mean:1:0.9", "which is below 1"),
        ("pass@", "lacks the number of attempts"),
        ("pass@0", "lacks the number of attempts"),
        ("mean3:0.9", "does not take"),
        ("all:0.9", "all does not take"),
        ("pass@3x", "is none"),
    ],
)
def test_what_is_no_reducer_is_refused(text: str, said: str) -> None:
    """With its place and what to write instead."""
    with pytest.raises(UsageError, match=said) as caught:
        parse_reducer(text, where=WHERE)

    assert str(caught.value).startswith(f"{WHERE}: the reducer {text!r}")
    assert "write all, mean:0.9, pass@3 or pass^3" in str(caught.value)


def test_scores_are_the_reducers() -> None:
    """Pass rate, chance of one in k, chance of all k; unknown when too few were scored."""
    assert parse_reducer("mean:0.9", where="").score(9, 10) == 0.9
    assert parse_reducer("pass@2", where="").score(1, 4) == pytest.approx(0.5)
    assert parse_reducer("pass^2", where="").score(3, 4) == pytest.approx(0.5)
    assert parse_reducer("pass^3", where="").score(2, 2) is None


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_a_number_of_repetitions_is_a_whole_one(value: str) -> None:
    """And at least 1."""
    with pytest.raises(UsageError, match=f"--e2i-repeat={value} is no number of repetitions"):
        parse_times(value)


def test_the_flag_wins_over_the_target_and_that_over_the_rest() -> None:
    """And the reducer stays the target's."""
    wishes = {
        "a": RepeatWish(times=3, reduce="mean:0.9", where=WHERE),
        "b": RepeatWish(times=None, reduce=None, where=WHERE),
    }
    said = repeat_plans(wishes, flag=parse_times("7"), general=2, exact=False)
    quiet = repeat_plans(wishes, flag=parse_times(None), general=2, exact=True)

    assert {name: plan.times for name, plan in said.items()} == {"a": 7, "b": 7}
    assert {name: plan.times for name, plan in quiet.items()} == {"a": 3, "b": 2}
    assert said["a"].reducer.good == 0.9
    assert quiet["b"] == RepeatPlan(times=2, reducer=ALL_PASS, exact=True)


def test_one_run_in_mock_is_simply_that() -> None:
    """Also of a target with a reducer, which is for live runs."""
    reducer = parse_reducer("pass^3", where="")

    assert RepeatPlan(reducer=reducer, exact=True).is_single
    assert not RepeatPlan(reducer=reducer, exact=False).is_single
    assert not RepeatPlan(times=2).is_single


def test_more_repetitions_are_asked_for_where_the_walk_leads() -> None:
    """From 9 of 10 towards passing, from 3 of 6 towards failing; none once it is decided."""
    rule = parse_reducer("mean:0.9", where="").rule(10)

    assert rule.expected_more(9, 1) is not None
    assert 10 < (rule.expected_more(9, 1) or 0) < 100
    assert (rule.expected_more(3, 3) or 0) <= 6
    assert rule.expected_more(12, 0) == 0
    assert not math.isnan(rule.expected_more(0, 0) or 0)
