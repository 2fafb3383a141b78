"""What up to three sets of pairs say together: two decide, and what none can tell all pairs may clear."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.ab.set_verdict import Look
from e2i_eval.benchmark.ab.sets import Sets
from e2i_eval.core.estimate import Estimate
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.latency_shift import LatencyShift, shift_metrics

if TYPE_CHECKING:
    from e2i_eval.benchmark.ab.set_verdict import SetVerdict

WIDE = tuple(float(each) for each in range(-40, 45, 5))
"""Such differences decide nothing, three sets of them no more than one."""

NARROW = tuple(float(each) for each in range(-8, 9))
"""Two sets of such differences lie within 5 ms."""


def _look(p_value: float, *, high: float = 20.0, differences: tuple[float, ...] = WIDE) -> Look:
    estimate = Estimate(value=10.0, low=8.0, high=high, confidence=0.95, method="Hodges-Lehmann")
    return Look(
        part="agent",
        pairs=20,
        base_ms=60.0,
        head_ms=70.0,
        shift_ms=estimate,
        floor_ms=5.0,
        p_value=p_value,
        differences=differences,
    )


SLOWER, SAME, OPEN = _look(0.001), _look(0.9, high=4.0), _look(0.2)
LOOKS = {"slower": SLOWER, "not slower": SAME, "undecided": OPEN}


def sets_of(first: SetVerdict, *later: Look, differences: tuple[float, ...] = WIDE) -> Sets:
    """Return sets of which the first stands there."""
    start = Sets(first=replace(LOOKS[first], differences=differences), verdict=first)
    return reduce(Sets.and_then, later, start)


@pytest.mark.parametrize(
    ("first", "later", "status"),
    [
        ("slower", [SLOWER], "fail"),
        ("slower", [SAME, SLOWER], "fail"),
        ("slower", [OPEN, SLOWER], "fail"),
        ("undecided", [SLOWER, SLOWER], "fail"),
        ("slower", [SAME, SAME], "pass"),
        ("undecided", [SAME], "pass"),
        ("undecided", [OPEN, SAME], "pass"),
        ("undecided", [SLOWER, SAME], "inconclusive"),
        ("undecided", [OPEN, SLOWER], "inconclusive"),
        ("slower", [SAME, OPEN], "inconclusive"),
        ("slower", [OPEN, OPEN], "inconclusive"),
        ("slower", [SAME], "inconclusive"),
        ("undecided", [OPEN], "inconclusive"),
        ("undecided", [OPEN, OPEN], "inconclusive"),
        ("slower", [], "inconclusive"),
        ("not slower", [SLOWER, SLOWER], "pass"),
        ("undecided", [SAME, SLOWER], "pass"),
        ("slower", [SLOWER, SAME], "fail"),
    ],
)
def test_two_of_three_sets_decide(first: SetVerdict, later: list[Look], status: str) -> None:
    """No one set does but a first that is clearly not slower, or one that settles what was open."""
    assert sets_of(first, *later).shift("support").status == status


@pytest.mark.parametrize(
    ("first", "later", "is_wanted"),
    [
        ("not slower", [], False),
        ("slower", [], True),
        ("undecided", [], True),
        ("slower", [SLOWER], False),
        ("slower", [SAME], True),
        ("slower", [OPEN], True),
        ("undecided", [SLOWER], True),
        ("undecided", [SAME], False),
        ("undecided", [OPEN], True),
        ("slower", [SAME, OPEN], False),
        ("undecided", [OPEN, OPEN], False),
    ],
)
def test_another_set_is_made_when_it_can_decide(first: SetVerdict, later: list[Look], *, is_wanted: bool) -> None:
    """Never a fourth."""
    assert sets_of(first, *later).wants_another is is_wanted


def test_pairs_that_none_of_the_sets_can_tell_clear_it_together() -> None:
    """The whole interval of all of them lies below the floor; a third set is not made."""
    sets = sets_of("undecided", _look(0.2, differences=NARROW), differences=NARROW)
    shift = sets.shift("support")

    assert not sets.wants_another
    assert (shift.status, shift.pairs) == ("pass", 34)
    assert shift.shift_ms.high <= 5.0
    assert shift.reason.startswith("all pairs together are not beyond 5.0 ms, ")


def test_all_pairs_together_never_show_that_it_is_slower() -> None:
    """Three processes that differ by chance are no reason to stop a merge."""
    beyond = tuple(20.0 + each for each in WIDE)
    open_ = _look(0.2, differences=beyond)
    shift = sets_of("undecided", open_, open_, differences=beyond).shift("support")

    assert shift.p_value < 0.005
    assert (shift.status, shift.pairs) == ("inconclusive", 51)


def test_a_set_that_says_slower_is_not_outvoted_by_all_pairs() -> None:
    """Whatever the pairs say together."""
    open_ = _look(0.2, differences=NARROW)

    assert sets_of("undecided", _look(0.001, differences=NARROW), open_, differences=NARROW).shift("x").status == (
        "inconclusive"
    )


def test_undecided_is_never_a_pass() -> None:
    """The interval reaches beyond the floor."""
    shift = sets_of("undecided").shift("support")

    assert shift.status == "inconclusive"
    assert shift.reason == (
        "+10.0 ms (+8.0 to +20.0, 20 pairs): cannot be distinguished from the floor of 5.0 ms, "
        "and could not be measured again"
    )


def test_a_shift_survives_json_and_becomes_metrics() -> None:
    """What crosses to the report and to the server."""
    shift = sets_of("slower", SLOWER).shift("support")

    assert from_json(LatencyShift, to_json(shift)) == shift
    assert shift_metrics([shift], "support") == {
        "duet_agent_base_ms": 60.0,
        "duet_agent_head_ms": 70.0,
        "duet_agent_shift_ms": 10.0,
    }
    assert shift_metrics([shift], "other") == {}
