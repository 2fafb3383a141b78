"""Two versions side by side: who gets which, and what may be concluded."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i.config import agent_config
from e2i.mlops.ab_test import AbTest, Arm, compare_arms
from e2i.mlops.config_variant import varied
from e2i.mlops.deployment import Deployment, deployments, previous_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i.config import AgentConfig
    from e2i.mlops.deployment import Action


@pytest.fixture
def halved(agent: Callable[..., AgentConfig]) -> AbTest:
    """A test of two prompt versions, half of the keys each."""
    config = agent(prompts={"plan": "1"})
    return AbTest(name="halved", control=config, treatment=varied(config, prompts={"plan": "2"}))


def arm(values: list[float]) -> Arm:
    """Return an arm in which every unit called once, and none failed."""
    return Arm(values=tuple(values), calls=len(values), failed=0, unmeasured=0)


def test_a_key_always_gets_the_same_arm(halved: AbTest) -> None:
    """The assignment is a function of test and key alone; a running test keeps it over a release."""
    again = replace(halved, treatment_share=0.5)
    keys = [f"session-{number}" for number in range(50)]

    assert [again.arm(key) for key in keys] == [halved.arm(key) for key in keys]
    assert halved.metadata("session-0") == {
        "e2i.ab_test": "halved",
        "e2i.ab_arm": "control",
        "e2i.ab_unit": "d7a336e1abfc30c6",
    }
    assert halved.config("session-0") is halved.control


def test_the_share_is_kept(agent: Callable[..., AgentConfig]) -> None:
    """Of ten thousand keys the stated share gets the treatment, up to four standard errors; 0 and 1 are exact."""
    for share in (0.0, 0.1, 0.5, 1.0):
        test = AbTest(name="shares", control=agent(), treatment=agent(), treatment_share=share)
        treated = sum(test.arm(str(key)) == "treatment" for key in range(10_000)) / 10_000
        assert treated == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 10_000))


def test_two_tests_split_independently(agent: Callable[..., AgentConfig]) -> None:
    """Who is treated in one test is not treated in another one more often than chance says."""
    one, other = (AbTest(name=name, control=agent(), treatment=agent()) for name in ("one", "other"))
    both = sum(one.arm(str(key)) == other.arm(str(key)) for key in range(10_000)) / 10_000

    assert both == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("name", "share"), [("fine", 1.1), ("fine", -0.1), ("fine", math.nan), ("it's", 0.5), (" ", 0.5)]
)
def test_an_impossible_test_is_refused(agent: Callable[..., AgentConfig], name: str, share: float) -> None:
    """A share outside [0, 1], or a name that cannot be searched for."""
    with pytest.raises(ValueError, match=r"treatment_share is|cannot be called"):
        AbTest(name=name, control=agent(), treatment=agent(), treatment_share=share)


def test_few_units_get_no_verdict() -> None:
    """However large the difference looks."""
    found = compare_arms("score", arm([0.1, 0.2] * 9), arm([9.1, 9.2] * 30))

    assert (found.verdict, found.interval) == ("no_verdict", None)
    assert found.difference == pytest.approx(9.0)
    assert "fewer than 20 units" in found.lines()[-1]


def test_an_empty_arm_has_no_difference() -> None:
    """Nothing is said about what nobody tried."""
    found = compare_arms("score", arm([]), arm([1.0] * 30))

    assert (found.difference, found.verdict) == (None, "no_verdict")


def test_the_interval_of_shares_is_newcombes() -> None:
    """The published example: 56 of 70 against 48 of 80, difference 0.2, interval 0.0524 to 0.3339 (Newcombe, 1998)."""
    found = compare_arms("solved", arm([1.0] * 48 + [0.0] * 32), arm([1.0] * 56 + [0.0] * 14))

    assert found.difference == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.verdict == "treatment_higher"


def test_shares_of_one_still_have_an_interval() -> None:
    """All solved in both arms does not prove that nothing differs."""
    found = compare_arms("solved", arm([1.0] * 25), arm([1.0] * 25))

    assert found.verdict == "no_difference_seen"
    assert found.interval is not None
    assert found.interval[0] < -0.1 < 0.1 < found.interval[1]


def test_nothing_varies_nothing_is_concluded() -> None:
    """Two constants may differ by an accident of the measurement: there is nothing to estimate the error from."""
    assert compare_arms("score", arm([2.0] * 30), arm([3.0] * 30)).verdict == "no_verdict"


def test_the_interval_covers_as_it_says() -> None:
    """Of 400 tests with a true difference of 1 and unequal spread, about 95 in 100 intervals hold it."""
    pick = random.Random(11)
    covered = 0
    for _ in range(400):
        control = [pick.gauss(0, 1) for _ in range(25)]
        treatment = [pick.gauss(1, 3) for _ in range(60)]
        interval = compare_arms("score", arm(control), arm(treatment)).interval
        assert interval is not None
        covered += interval[0] <= 1 <= interval[1]

    assert 0.92 <= covered / 400 <= 0.98


def test_a_variant_has_a_version_of_its_own() -> None:
    """Equal changes give equal versions, other ones others, none none; what does not fit is refused."""
    config = agent_config("causal_impact")
    seven, eight = varied(config, max_tokens=7), varied(config, max_tokens=8)

    assert varied(config, max_tokens=config.max_tokens) is config
    assert varied(eight, max_tokens=7) == seven
    assert len({config.config_version, seven.config_version, eight.config_version}) == 3
    with pytest.raises(ValueError, match="max_tokens"):
        varied(config, max_tokens=0)


@pytest.mark.parametrize(
    ("steps", "current", "previous"),
    [
        ([], "1", None),
        ([("promote", "1")], "1", None),
        ([("promote", "1"), ("promote", "2")], "2", "1"),
        ([("promote", "1"), ("promote", "2"), ("rollback", "1")], "1", None),
        ([("promote", "1"), ("promote", "2"), ("promote", "3"), ("rollback", "2")], "2", "1"),
        ([("promote", "1"), ("promote", "2"), ("rollback", "1"), ("promote", "3")], "3", "1"),
        ([("promote", "1"), ("promote", "2")], "9", "2"),
        ([("promote", "1"), ("promote", "1")], "1", None),
    ],
)
def test_what_was_in_production_before(steps: list[tuple[Action, str]], current: str, previous: str | None) -> None:
    """Rollbacks undo, promotions add, and a version set by hand counts as on top of the log."""
    history = [
        Deployment(action=action, agent="a", from_version=None, to_version=to, who="w", reason="r", at_ms=number)
        for number, (action, to) in enumerate(steps)
    ]

    assert previous_version(history, current) == previous
    assert deployments(dict(one.tag("n") for one in history)) == history
