"""Plans: as good as the closed form, within their limits, priced right, and with a certificate that can fail."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2i.agents.resource_optimizer.agent import SPEC
from e2i.agents.resource_optimizer.limit import Limit, conflict
from e2i.agents.resource_optimizer.nodes import allocate, rehearse
from e2i.agents.resource_optimizer.planning import PlanningTask, task_for
from e2i.agents.resource_optimizer.program import Response, best_plan
from e2i.agents.resource_optimizer.state import Request
from e2i.data import BRANDS
from e2i.data.response import CHANNELS, Curve, Split, best_split, market

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMS = ("log", "root")


def planned(**inputs: Any) -> dict[str, Any]:  # noqa: ANN401  # as a caller may give them
    """Return the output of the computing nodes, without Claude."""
    state: dict[str, Any] = dict(SPEC.load({"question": "why?", "brand": "Kisqali", **inputs}))  # type: ignore[typeddict-item]
    assert state["status"] == "ok", state["reason"]
    state |= allocate(state)  # type: ignore[arg-type]  # a state
    return state | dict(rehearse(state))  # type: ignore[arg-type]  # a state


def task(**inputs: Any) -> PlanningTask:  # noqa: ANN401  # as a caller may give them
    """Return the task of a request."""
    return task_for(Request(**{"brand": "Kisqali", **inputs}))


def truth_of(one: PlanningTask) -> Split:
    """Return the closed form of a task without limits."""
    return best_split(one.cells, one.budget_usd)


@pytest.mark.parametrize("form", FORMS)
def test_curve_is_its_own_inverse_and_derivative(form: str) -> None:
    """Slope is the derivative of lift, and the spending at a slope has that slope."""
    curve = Curve(form=form, gain=40.0, scale_usd=900.0)  # type: ignore[arg-type]  # one of both forms
    step = 1e-3

    for usd in (10.0, 900.0, 1e6):
        rise = (curve.lift(usd + step) - curve.lift(usd - step)) / (2 * step)
        assert curve.slope(usd) == pytest.approx(rise, rel=1e-4)
        assert curve.spend_at(curve.slope(usd)) == pytest.approx(usd)
    assert curve.lift(0.0) == 0.0
    assert curve.spend_at(1e9) == pytest.approx(0.0, abs=1e-9)
    assert curve.spend_at(0.0) == math.inf


def test_a_dead_channel_is_dead() -> None:
    """No gain: no lift, no slope, no spending at any price."""
    curve = Curve(form="log", gain=0.0, scale_usd=900.0)

    assert (curve.lift(1e6), curve.slope(0.0), curve.spend_at(0.0)) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_recorded_truth_meets_the_conditions_of_an_optimum(brand: str, seed: int) -> None:
    """All is spent, funded cells return the same from their last dollar, and no other cell returns more."""
    found = market(brand, seed=seed)
    split = found.truth

    assert sum(split.spend_usd) == pytest.approx(split.budget_usd)
    for cell, usd in zip(found.cells, split.spend_usd, strict=True):
        marginal = cell.value_per_trx_usd * cell.curve.slope(usd)
        assert marginal == pytest.approx(split.shadow_price) if usd > 0 else marginal <= split.shadow_price


@pytest.mark.parametrize("brand", [*BRANDS, "portfolio"])
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_plan_is_the_closed_form_where_only_the_total_binds(brand: str, seed: int) -> None:
    """Value, price and every single cell."""
    one = task(brand=brand, seed=seed)
    truth, plan = truth_of(one), one.best()

    assert plan.value == pytest.approx(truth.value_usd, rel=1e-9)
    assert plan.budget_price == pytest.approx(truth.shadow_price, rel=1e-4)
    assert np.allclose(plan.spend, truth.spend_usd, rtol=0.0, atol=2e-5 * one.budget_usd)
    assert plan.gap <= 1e-10
    assert plan.ceiling >= truth.value_usd * (1 - 1e-12)


def test_an_equal_split_loses_about_a_quarter() -> None:
    """Over brands and seeds the mean loss is near 30 %, and never small."""
    losses = []
    for brand in BRANDS:
        for seed in range(7, 12):
            one = task(brand=brand, seed=seed)
            equal = one.value([one.budget_usd / len(one.cells)] * len(one.cells))
            losses.append(1 - equal / one.best(gap_wanted=1e-6).value)

    assert min(losses) > 0.15
    assert 0.2 < np.mean(losses) < 0.4


limits_drawn = st.lists(
    st.tuples(st.sampled_from([*CHANNELS, "Northeast", "South"]), st.booleans(), st.floats(0.0, 0.6)), max_size=4
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(limits_drawn, st.floats(1e4, 1e8))
def test_any_possible_limits_are_kept_with_a_certificate(
    drawn: list[tuple[str, bool, float]], budget_usd: float
) -> None:
    """Within the limits, prices of slack limits are 0, and the ceiling is that of a valid set of prices."""
    limits = [
        {"channel" if name in CHANNELS else "region": name, "min_share" if low else "max_share": share}
        for name, low, share in drawn
    ]
    one = task(limits=limits, budget_usd=budget_usd)
    if conflict(one.limits, len(one.cells)):
        return
    plan = one.best()

    assert plan.gap < 1e-8
    assert min(plan.spend) >= 0.0
    for limit in one.limits:
        total = sum(plan.spend[place] for place in limit.members)
        assert limit.low_usd - 1e-6 * budget_usd <= total <= limit.high_usd + 1e-6 * budget_usd


def test_no_sampled_plan_beats_the_plan() -> None:
    """Random plans that keep the limits are worth less than the plan, hence less than its ceiling."""
    one = task(limits=[{"channel": "email", "min_share": 0.3}, {"region": "Midwest", "max_share": 0.2}])
    plan, rng = one.best(), np.random.default_rng(1)
    tried = 0
    for _ in range(4_000):
        spend = (rng.dirichlet(np.full(len(one.cells), 0.5)) * one.budget_usd).tolist()
        if _kept(one, spend):
            tried += 1
            assert one.value(spend) < plan.value

    assert tried > 20


def test_a_worse_plan_gets_a_gap() -> None:
    """The certificate is no decoration: stopped after the coarse grid it says how much is missing."""
    one = task()
    rough = one.best(gap_wanted=1.0)

    assert rough.gap > 1e-4
    assert rough.value < truth_of(one).value_usd < rough.ceiling


def test_prices_are_what_a_dollar_of_room_is_worth() -> None:
    """Shadow prices agree with planning again: of the budget, with limits in shares, and of a limit in dollars."""
    cap = {"channel": "rep_calls", "max_usd": 6e6}
    share = {"channel": "samples", "min_share": 0.25}
    step = 2e4
    base = task(limits=[cap, share]).best()
    wider = task(limits=[{**cap, "max_usd": 6e6 + step}, share]).best()
    richer, poorer = (task(limits=[cap, share], budget_usd=15e6 + change).best() for change in (step, -step))
    prices = dict(base.prices)

    assert prices["at least 25.0% of the budget for samples"] > 0.1
    assert (richer.value - poorer.value) / (2 * step) == pytest.approx(base.budget_price, rel=1e-3)
    assert (wider.value - base.value) / step == pytest.approx(prices["at most 6,000,000 USD for rep_calls"], rel=0.01)


@pytest.mark.parametrize("brand", ["Kisqali", "portfolio"])
def test_more_budget_never_lowers_the_value(brand: str) -> None:
    """With limits in shares and in dollars: more money, no less value, and a falling price."""
    limits = [{"region": "South", "max_share": 0.2}, {"channel": "samples", "min_usd": 1e5}]
    plans = [task(brand=brand, limits=limits, budget_usd=usd).best() for usd in (1e6, 3e6, 1e7, 3e7)]
    values, prices = [plan.value for plan in plans], [plan.budget_price for plan in plans]

    assert values == sorted(values)
    assert prices == sorted(prices, reverse=True)


def test_a_tighter_limit_never_helps() -> None:
    """Limiting a channel costs value, and more so the tighter it is."""
    values = [task(limits=[{"channel": "rep_calls", "max_share": share}]).best().value for share in (1.0, 0.6, 0.3, 0)]

    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(task().best().value)


def test_region_restricts_plan_and_budget() -> None:
    """Asked about a region, the agent plans its cells with what is spent there today."""
    found = planned(region="West")

    assert {one["region"] for one in found["allocation"]} == {"West"}
    assert found["budget_usd"] == pytest.approx(0.22 * 15e6)
    assert found["projected_lift"] < planned()["projected_lift"]


def test_scenarios_are_closed_forms_too() -> None:
    """A tenth more, a tenth less, and each channel cut."""
    one, found = task(), planned()
    truth = truth_of(one)
    changes = {scenario["name"]: scenario["lift_change"] for scenario in found["scenarios"]}

    assert changes["more budget"] == pytest.approx(best_split(one.cells, 16.5e6).lift - truth.lift, rel=0.01)
    assert changes["less budget"] == pytest.approx(best_split(one.cells, 13.5e6).lift - truth.lift, rel=0.01)
    for channel in CHANNELS:
        others = [cell for cell in one.cells if cell.channel != channel]
        lost = best_split(others, 15e6).lift - truth.lift
        assert changes[f"without {channel}"] == pytest.approx(lost, rel=0.01, abs=2.0)


def test_a_scenario_against_a_limit_is_said_to_be_impossible() -> None:
    """Cutting a channel that must get something is no plan, and no number."""
    found = planned(limits=[{"channel": "email", "min_usd": 1e5}])
    cut = {scenario["name"]: scenario for scenario in found["scenarios"]}["without email"]

    assert (cut["feasible"], cut["projected_lift"], cut["lift_change"]) == (False, None, None)


def test_new_prescriptions_are_a_share_of_all() -> None:
    """The same plan for NRx, three tenths of the lift."""
    total, new = planned(kpi="trx"), planned(kpi="nrx")

    assert new["projected_lift"] == pytest.approx(0.3 * total["projected_lift"], rel=1e-3)
    assert new["allocation"][0]["spend_usd"] == pytest.approx(total["allocation"][0]["spend_usd"], rel=1e-3)


def test_prescribers_scale_spending_and_return_alike() -> None:
    """Twice the prescribers with twice the plan: twice the lift at the same price."""
    small, large = planned(n_hcps=2_000), planned(n_hcps=4_000)

    assert large["projected_lift"] == pytest.approx(2 * small["projected_lift"], rel=1e-3)
    assert large["shadow_price"] == pytest.approx(small["shadow_price"], rel=1e-3)


def test_specialty_counts_for_its_part() -> None:
    """One of two specialties is half the market; over the portfolio only brands with the specialty are planned."""
    part = planned(specialty="medical oncology")
    others = planned(brand="portfolio", specialty="haematology")

    assert part["projected_lift"] == pytest.approx(planned()["projected_lift"] / 2, rel=1e-3)
    assert [one["name"] for one in others["brands"]] == ["Fabhalta"]


def test_limits_on_cells_hold_in_every_cell() -> None:
    """A floor and a ceiling for each cell."""
    found = planned(cell_min_usd=2e5, cell_max_usd=1.5e6)
    spent = [one["spend_usd"] for one in found["allocation"]]

    assert min(spent) >= 2e5 * 0.999
    assert max(spent) <= 1.5e6 * 1.001
    assert {one["limit"] for one in found["binding"]} == {
        "at least 200,000 USD in every cell",
        "at most 1,500,000 USD in every cell",
    }


def test_channels_in_question_are_the_only_ones() -> None:
    """Asked about two channels, the agent plans two."""
    found = planned(channels=["email", "samples"])

    assert [one["name"] for one in found["channels"]] == ["email", "samples"]


def test_dead_channel_is_paid_only_under_a_limit() -> None:
    """Rep calls for Remibrutinib get what a limit demands, and not a dollar more."""
    free = planned(brand="Remibrutinib")
    forced = planned(brand="Remibrutinib", limits=[{"channel": "rep_calls", "min_usd": 1e6}])

    assert free["channels"][0]["spend_usd"] == 0.0
    assert forced["channels"][0]["spend_usd"] == pytest.approx(1e6)
    assert forced["binding"][0]["shadow_price"] == pytest.approx(forced["shadow_price"])


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"budget_usd": 1e6, "cell_min_usd": 1e5}, "a budget of 1,000,000 USD and at least 100,000 USD in every cell"),
        ({"cell_max_usd": 1e5, "limits": [{"channel": "email", "min_usd": 5e5}]}, "at least 500,000 USD for email"),
        ({"limits": [{"brand": "Fabhalta", "max_usd": 1.0}]}, "the limit on Fabhalta concerns nothing in question"),
        ({"limits": [{"channel": "email"}]}, "the limit on email limits nothing"),
        ({"limits": [{"channel": "email", "max_cents": 3}]}, "max_cents"),
        ({"limits": [{"channel": "email", "max_usd": float("nan")}]}, "limits.0.max_usd"),
        ({"limits": "none"}, "the input 'limits' is 'none'"),
        ({"channels": []}, "channels"),
        ({"channels": ["fax"]}, "unknown channel 'fax'"),
        ({"budget_usd": 0}, "budget_usd"),
        ({"budget_usd": -1.0}, "budget_usd"),
        ({"budget_usd": float("nan")}, "budget_usd"),
        ({"budget_usd": float("inf")}, "budget_usd"),
        ({"limits": [{"region": "Mars", "max_usd": 1.0}]}, "unknown region 'Mars'"),
        ({"n_hcps": 99}, "99 prescribers a brand are too few"),
    ],
)
def test_what_cannot_be_planned_is_declined_with_a_sentence(inputs: dict[str, Any], words: str) -> None:
    """A conflict names the limits in conflict, and a wrong input its field."""
    state = SPEC.load({"question": "why?", "brand": "Kisqali", **inputs})  # type: ignore[typeddict-item]  # wrong on purpose

    assert state["status"] == "declined"
    assert words in state["reason"]


def test_a_conflict_names_no_bystander() -> None:
    """Of five limits the two that cannot hold together are named."""
    limits = [
        Limit(name="total", members=(0, 1, 2), high_usd=10.0),
        Limit(name="a", members=(0,), high_usd=5.0),
        Limit(name="b", members=(1,), low_usd=1.0),
        Limit(name="c", members=(0, 2), low_usd=8.0),
        Limit(name="d", members=(2,), high_usd=2.0),
    ]

    assert [limit.name for limit in conflict(limits, 3)] == ["a", "c", "d"]
    assert conflict(limits[:4], 3) == []


@pytest.mark.parametrize("nothing", [{"cell_max_usd": 0.0}, {"limits": [{"max_share": 0.0}]}])
def test_a_limit_of_nothing_is_kept(nothing: dict[str, Any]) -> None:
    """Where nothing may be spent nothing is, and nothing is won."""
    found = planned(**nothing)

    assert (found["budget_used"], found["projected_lift"], found["solver_gap"]) == (0.0, 0.0, 0.0)


def test_conflicting_limits_raise_in_the_solver() -> None:
    """Whoever skips the check is told, and gets no plan."""
    response = Response(curve=Curve(form="log", gain=1.0, scale_usd=1.0), value_usd=1.0)

    with pytest.raises(ArithmeticError, match="not solved"):
        best_plan([response], [Limit(name="x", members=(0,), low_usd=2.0, high_usd=1.0)])
    with pytest.raises(ArithmeticError, match="not solved"):
        best_plan([response], [Limit(name="x", members=(0,), low_usd=2.0, high_usd=0.0)])


def _kept(one: PlanningTask, spend: Sequence[float]) -> bool:
    return all(limit.low_usd <= sum(spend[i] for i in limit.members) <= limit.high_usd + 1.0 for limit in one.limits)
