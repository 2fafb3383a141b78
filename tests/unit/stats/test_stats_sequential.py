"""Early stopping keeps its error rates: worked out exactly, not simulated."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.stats.sequential import Conclusion, RateTest, operating

TESTS = [
    RateTest(good=0.9, bad=0.7, alpha=0.01, beta=0.05),
    RateTest(good=0.95, bad=0.8, alpha=0.05, beta=0.05),
    RateTest(good=0.5, bad=0.25, alpha=0.01, beta=0.01),
    RateTest(good=1.0, bad=0.8, alpha=0.01, beta=0.05),
]


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("most", [5, 20, 400])
def test_error_rates_are_kept_wherever_it_is_cut_off(test: RateTest, most: int) -> None:
    """A good agent fails, and a bad one passes, no more often than Wald's bounds say."""
    good, bad = operating(test, rate=test.good, most=most), operating(test, rate=test.bad, most=most)

    assert good.fails <= test.alpha / (1 - test.beta)
    assert bad.passes <= test.beta / (1 - test.alpha)


@pytest.mark.parametrize("test", TESTS)
def test_given_time_it_decides(test: RateTest) -> None:
    """With 400 repetitions at hand nearly nothing is left open at the two rates, and it takes far fewer."""
    for rate in (test.good, test.bad):
        walk = operating(test, rate=rate, most=400)
        assert walk.undecided < 1e-3
        assert walk.repetitions < 60


def test_beyond_the_two_rates_it_errs_less() -> None:
    """Better than good fails less often, worse than bad passes less often."""
    test = TESTS[0]
    fails = [operating(test, rate=rate, most=100).fails for rate in (0.9, 0.93, 0.96, 1.0)]
    passes = [operating(test, rate=rate, most=100).passes for rate in (0.7, 0.6, 0.3, 0.0)]

    assert fails == sorted(fails, reverse=True)
    assert passes == sorted(passes, reverse=True)
    assert fails[-1] == passes[-1] == 0.0


@dataclass(frozen=True)
class Peeking:
    """Looks at a plain 5 % test after every repetition: what a sequential test is there to replace."""

    def decide(self, passed: int, failed: int) -> Conclusion | None:
        """Fail as soon as the upper end of the plain interval is below .9."""
        count = passed + failed
        return "fail" if passed / count + 1.645 * (0.09 / count) ** 0.5 < 0.9 else None


def test_the_computation_sees_a_rule_that_does_not_keep_them() -> None:
    """A plain test looked at after each of 100 repetitions fails a good agent far more often than it says."""
    assert operating(Peeking(), rate=0.9, most=100).fails > 0.15


@given(st.floats(0, 1), st.integers(1, 30))
def test_chances_add_up(rate: float, most: int) -> None:
    """Every walk passes, fails or is left open."""
    walk = operating(TESTS[0], rate=rate, most=most)

    assert walk.passes + walk.fails + walk.undecided == pytest.approx(1.0)
    assert walk.repetitions <= most + 1e-9


@pytest.mark.parametrize("test", TESTS)
def test_a_pass_takes_as_many_as_it_says(test: RateTest) -> None:
    """One repetition fewer is undecided."""
    assert test.decide(test.fewest_to_pass, 0) == "pass"
    assert test.decide(test.fewest_to_pass - 1, 0) is None


def test_a_rate_of_one_fails_at_the_first_failure() -> None:
    """Nothing that failed once passes always."""
    assert TESTS[3].decide(10, 1) == "fail"


@pytest.mark.parametrize("keys", [{"good": 0.7}, {"good": 1.1}, {"bad": 0.0}, {"alpha": 0.0}, {"beta": 0.5}])
def test_what_is_no_test_is_refused(keys: dict[str, float]) -> None:
    """Rates in the wrong order, and levels that promise nothing."""
    with pytest.raises(ValueError, match=r"good =|alpha ="):
        RateTest(**{"good": 0.9, "bad": 0.7, "alpha": 0.01, "beta": 0.05, **keys})
