"""Laws of trajectory matching that hold for any steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from e2i_eval.checks.compare.arrangement import AtOnce, Happening, InTurn, Part
from e2i_eval.checks.trajectory.check import breaking_rows, matched_rows
from e2i_eval.core.case import ArgumentRule, NodeOrder, StepRule, TrajectoryRule, ValueRule

if TYPE_CHECKING:
    from collections.abc import Sequence

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)

NAMES = st.sampled_from(["a", "b", "c"])
INPUTS = st.sampled_from([1, 2, 3])
CALLS = st.tuples(NAMES, INPUTS)
How = Literal["equal", "any", "few"]
MATCHES: st.SearchStrategy[How] = st.sampled_from(get_args(How))
Call = tuple[str, int]
Asked = tuple[str, int, How]
ASKED = st.tuples(NAMES, INPUTS, MATCHES)


def asked_step(name: str, value: int, how: How = "equal") -> StepRule:
    """Return a step of the tool ``name`` whose argument ``x`` is ``value``, any, or 1 to ``value``."""
    rules = {
        "any": {"x": ArgumentRule(kind="any")},
        "few": {"x": ArgumentRule(kind="rule", value=ValueRule(min=1, max=value))},
    }
    return StepRule(kind="tool", name=name, input={"x": value}, match=rules.get(how, {}))


def taken_in_turn(calls: Sequence[Call]) -> Part:
    """Return the calls one after another."""
    return InTurn(tuple(Happening(name=f"tool {name}", detail={"x": value}) for name, value in calls))


def fitting(value: int, how: How) -> st.SearchStrategy[int]:
    """Return the arguments that the step accepts."""
    return {"equal": st.just(value), "any": INPUTS, "few": st.integers(1, value)}[how]


def holds(mode: NodeOrder, steps: Sequence[StepRule], taken: Part, *, in_order: bool | None = None) -> bool:
    """Tell whether the trajectory is right; strict is in order, the others are when told."""
    ordered = mode == "strict" if in_order is None else in_order
    rule = TrajectoryRule(mode=mode, steps=tuple(steps), in_order=ordered)
    return not breaking_rows(rule, matched_rows(rule, taken))


@QUICK
@given(st.lists(ASKED, max_size=6), st.lists(CALLS, max_size=6))
def test_what_is_strictly_right_is_right_in_every_mode(asked: list[Asked], calls: list[Call]) -> None:
    """And what is right unordered is at least and at most what was asked for, and the other way round."""
    steps = [asked_step(*each) for each in asked]
    taken = taken_in_turn(calls)
    is_unordered = holds("unordered", steps, taken)

    assert is_unordered or not holds("strict", steps, taken)
    assert is_unordered == (holds("subset", steps, taken) and holds("superset", steps, taken))
    for mode in ("subset", "superset"):
        assert holds(mode, steps, taken) or not holds(mode, steps, taken, in_order=True)


@QUICK
@given(st.lists(ASKED, min_size=1, max_size=5), st.data())
def test_what_fits_is_accepted(asked: list[Asked], data: st.DataObject) -> None:
    """Calls drawn to fit their steps are strictly right, and unordered in any order, however the matchers overlap."""
    steps = [asked_step(*each) for each in asked]
    calls = [(name, data.draw(fitting(value, how))) for name, value, how in asked]
    shuffled = data.draw(st.permutations(calls))

    assert holds("strict", steps, taken_in_turn(calls))
    assert holds("unordered", steps, taken_in_turn(shuffled))


@QUICK
@given(st.lists(CALLS, max_size=6), st.lists(CALLS, max_size=6), st.booleans())
def test_subset_and_superset_mirror_each_other(one: list[Call], other: list[Call], in_order: bool) -> None:  # noqa: FBT001  hypothesis fills it in
    """At least these in those is none but those in these, as long as arguments must be equal."""
    forwards = holds("subset", [asked_step(*each) for each in one], taken_in_turn(other), in_order=in_order)
    backwards = holds("superset", [asked_step(*each) for each in other], taken_in_turn(one), in_order=in_order)

    assert forwards == backwards


@QUICK
@given(st.lists(ASKED, max_size=6), st.lists(CALLS, max_size=6), st.data())
def test_order_is_free_where_it_does_not_count(asked: list[Asked], calls: list[Call], data: st.DataObject) -> None:
    """Neither that of the file nor that of the run."""
    steps = [asked_step(*each) for each in asked]
    other_steps, other_calls = data.draw(st.permutations(steps)), data.draw(st.permutations(calls))
    for mode in ("unordered", "subset", "superset"):
        assert holds(mode, steps, taken_in_turn(calls)) == holds(mode, other_steps, taken_in_turn(other_calls))


@QUICK
@given(st.lists(st.lists(CALLS, min_size=1, max_size=3), min_size=1, max_size=4), st.data())
def test_branches_are_in_free_order(branches: list[list[Call]], data: st.DataObject) -> None:
    """Those that ran at once are strictly right in every order of them, each in its own."""
    told = data.draw(st.permutations(branches))
    taken = AtOnce(tuple(taken_in_turn(branch) for branch in branches))

    assert holds("strict", [asked_step(*call) for branch in told for call in branch], taken)


@QUICK
@given(st.lists(CALLS, max_size=6), st.lists(CALLS, max_size=6))
def test_strict_without_branches_is_equality(one: list[Call], other: list[Call]) -> None:
    """Nothing else passes."""
    assert holds("strict", [asked_step(*each) for each in one], taken_in_turn(other)) == (one == other)


def test_the_first_fit_is_not_always_the_right_one() -> None:
    """Taken greedily, the step that accepts anything would use up the call that the second step needs."""
    steps = [asked_step("a", 0, "any"), asked_step("a", 1)]
    taken = taken_in_turn([("a", 1), ("a", 2)])

    assert holds("unordered", steps, taken)
    assert holds("subset", steps, taken)
    assert not holds("unordered", [asked_step("a", 2), asked_step("a", 1), asked_step("a", 1)], taken)
    assert not holds("strict", steps, taken)


def test_a_branch_is_chosen_by_all_that_follows() -> None:
    """Told greedily, the branch that fits the next step would be told first, and the rest could not fit any more."""
    short = taken_in_turn([("a", 1)])
    long = taken_in_turn([("a", 1), ("b", 1)])
    steps = [asked_step("a", 1), asked_step("b", 1), asked_step("a", 1)]

    assert holds("strict", steps, AtOnce((short, long)))
    assert not holds("strict", [steps[1], steps[0], steps[0]], AtOnce((short, long)))


def test_many_branches_are_still_told_in_the_order_that_fits() -> None:
    """Also beyond the number whose orders are all tried."""
    names = [f"t{at}" for at in range(14)]
    taken = AtOnce(tuple(taken_in_turn([(name, 1)]) for name in names))

    assert holds("strict", [asked_step(name, 1) for name in reversed(names)], taken)
    assert not holds("strict", [asked_step(name, 1) for name in [*names[1:], "other"]], taken)
