"""Designs against closed forms, planted truth and brute simulation: the size is right, and so is the error rate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2i.agents import catalogue
from e2i.agents.experiment_designer.assignment import NOT_ENROLLED, assign, labels, shuffled
from e2i.agents.experiment_designer.design import Wish, design
from e2i.agents.experiment_designer.history import History, check_history
from e2i.agents.experiment_designer.noise import Clustering, Noise, clustering, noise
from e2i.agents.experiment_designer.plan import cohorts, plan_for, randomised
from e2i.agents.experiment_designer.power import ArmComparison, detectable_effect, power, units_needed
from e2i.agents.experiment_designer.rehearsal import Rehearsal, played_once, rehearse
from e2i.agents.experiment_designer.state import Request
from e2i.agents.experiment_designer.study import history_of, slice_for
from e2i.agents.experiment_designer.units import Units, controls, residual, units_of
from e2i.agents.one_thread import one_thread
from e2i.data import BRANDS, REGIONS, SliceError
from e2i.data.local_market import local_markets
from e2i.data.population import TERRITORIES_PER_REGION

Script = Callable[..., list[dict[str, Any]]]

AGENT = "experiment_designer"
DOWN = {"error": {"status": 529}, "forever": True}
HALVES = ArmComparison(sd=1.0, treated_share=0.5, control_share=0.5, alpha=0.05)


@cache
def history(brand: str = "Kisqali", **inputs: Any) -> History:  # noqa: ANN401  # any input of the agent
    """Return the history that a question is answered from."""
    request = Request(brand=brand, **inputs)
    return history_of(slice_for(request), request)


def answer(claude: Script, **inputs: object) -> dict[str, Any]:
    """Return the agent's answer, Claude being down."""
    claude(DOWN)
    output: dict[str, Any] = catalogue.build(AGENT).invoke({"question": "how?", "brand": "Kisqali", **inputs})
    return output


@one_thread()
def rehearsed(brand: str, seeds: range, **inputs: Any) -> list[tuple[float, Rehearsal]]:  # noqa: ANN401  # as above
    """Return (power by the closed form, rehearsal) of the plan for each panel."""
    found = []
    for seed in seeds:
        request = Request(brand=brand, seed=seed, n_hcps=2_500, **inputs)
        past = history_of(slice_for(request), request)
        plan = plan_for(past, request, unit=request.unit, cuped=request.cuped)
        samples = cohorts(past, plan, cuped=request.cuped, seed=seed, count=20)
        played = rehearse(samples, plan.design.analysed[1], plan.wish.effect, alpha=plan.wish.alpha_each, seed=seed)
        found.append((plan.design.power, played))
    return found


@pytest.mark.parametrize(
    ("effect", "alpha", "target", "per_arm"),
    [(0.5, 0.05, 0.8, 63.766), (0.2, 0.05, 0.8, 393.406), (0.8, 0.05, 0.8, 25.525), (0.5, 0.05, 0.9, 85.031)],
)
def test_sample_size_is_that_of_the_textbooks(effect: float, alpha: float, target: float, per_arm: float) -> None:
    """Cohen's effects: 63.77 in each arm for a medium one, to the second decimal."""
    comparison = ArmComparison(sd=1.0, treated_share=0.5, control_share=0.5, alpha=alpha)

    assert units_needed(effect, target, comparison) / 2 == pytest.approx(per_arm, abs=0.01)


def test_power_agrees_with_brute_simulation() -> None:
    """Of 20,000 t-tests on normal draws as many reject as the noncentral t says; under the null it is alpha."""
    rng = np.random.default_rng(0)
    treated, control = rng.standard_normal((20_000, 12)) + 1.0, rng.standard_normal((20_000, 24))
    comparison = ArmComparison(sd=1.0, treated_share=1 / 3, control_share=2 / 3, alpha=0.05)

    assert _rejections(treated, control, 2.0322) == pytest.approx(power(1.0, 36, comparison), abs=0.012)
    assert _rejections(treated - 1.0, control, 2.0322) == pytest.approx(power(0.0, 36, comparison), abs=0.006)
    assert power(0.0, 36, comparison) == pytest.approx(0.05)


@given(
    effect=st.floats(0.02, 5.0),
    sd=st.floats(0.1, 20.0),
    target=st.floats(0.5, 0.99),
    share=st.floats(0.1, 0.9),
    alpha=st.floats(0.0002, 0.2),
    lost=st.integers(0, 20),
)
@settings(max_examples=60, deadline=None)
def test_size_and_detectable_effect_are_inverses(
    effect: float, sd: float, target: float, share: float, alpha: float, lost: int
) -> None:
    """The size for an effect detects that effect, for all splits, levels and numbers of controls."""
    comparison = ArmComparison(sd=sd, treated_share=share, control_share=1.0 - share, alpha=alpha, controls=lost)
    units = units_needed(effect, target, comparison)

    assert power(effect, units, comparison) >= target - 1e-6
    assert detectable_effect(units, target, comparison) <= effect * (1 + 1e-6)


@given(freedom=st.floats(1, 1e7), effect=st.floats(0, 200), alpha=st.floats(0.0002, 0.2))
def test_power_is_a_probability_everywhere(freedom: float, effect: float, alpha: float) -> None:
    """Also where the library's noncentral t gives up."""
    comparison = ArmComparison(sd=1.0, treated_share=0.5, control_share=0.5, alpha=alpha)

    assert 0.0 <= power(effect, freedom + 2, comparison) <= 1.0 + 1e-12


def test_each_control_costs_a_degree_of_freedom() -> None:
    """With six controls beside two means twelve units leave four degrees of freedom, and less power than ten do."""
    adjusted = ArmComparison(sd=1.0, treated_share=0.5, control_share=0.5, alpha=0.05, controls=6)

    assert (adjusted.freedom(12), HALVES.freedom(12)) == (4, 10)
    assert power(2.0, 12, adjusted) < power(2.0, 12, HALVES) - 0.05


def test_without_freedom_there_is_no_test() -> None:
    """Two units and two means leave nothing; that is power 0, and no detectable effect."""
    assert power(9.0, 2, HALVES) == 0.0
    with pytest.raises(ValueError, match="no degree of freedom"):
        detectable_effect(2, 0.8, HALVES)


def test_uneven_arms_cost_what_the_formula_says() -> None:
    """A fifth against four fifths takes 1 / (4 x 0.2 x 0.8) as many, as far as the normal approximation goes."""
    uneven = ArmComparison(sd=1.0, treated_share=0.2, control_share=0.8, alpha=0.05)

    assert units_needed(0.1, 0.8, uneven) / units_needed(0.1, 0.8, HALVES) == pytest.approx(1.5625, rel=0.002)


@pytest.mark.parametrize("brand", BRANDS)
def test_closed_form_and_rehearsal_agree_on_the_panel(brand: str) -> None:
    """Power by formula is power by simulation, and with nothing to find alpha is the rate of alarms."""
    played = rehearsed(brand, range(4), effect_size=0.25)

    assert fmean(one.power for _, one in played) == pytest.approx(fmean(form for form, _ in played), abs=0.03)
    assert fmean(one.false_alarms for _, one in played) == pytest.approx(0.05, abs=0.015)


def test_territories_keep_the_error_rate_where_markets_differ() -> None:
    """Randomised territories, compared by their means, cry wolf as often as alpha allows, and see what was promised."""
    played = rehearsed("Kisqali", range(4), unit="territory", market_sd=1.0, effect=1.5)

    assert fmean(one.false_alarms for _, one in played) == pytest.approx(0.05, abs=0.015)
    assert fmean(one.power for _, one in played) == pytest.approx(fmean(form for form, _ in played), abs=0.06)


def test_ignoring_the_territories_would_cry_wolf() -> None:
    """The same randomisation analysed by prescriber, as if each had been drawn alone, is badly wrong."""
    past = history(market_sd=1.0)
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(100):
        chosen = rng.permutation(40)[:20]
        treated = np.isin(past.territory, chosen)
        left = residual(past.outcome, controls(past.stratum("territory"), past.before))
        found = left[treated].mean() - left[~treated].mean()
        alarms += abs(found) > 1.96 * left.std() * (1 / treated.sum() + 1 / (~treated).sum()) ** 0.5

    assert alarms > 30


def test_vectorised_rehearsal_is_ordinary_least_squares() -> None:
    """One randomisation at a time, fitted the slow way, gives the same verdicts."""
    rng = np.random.default_rng(5)
    stratum = np.repeat([0, 1, 2], 20)
    units = Units(
        outcome=rng.standard_normal(60) + stratum,
        controls=controls(stratum, rng.standard_normal(60)),
        stratum=stratum,
    )
    played = played_once(units, 30, 0.5, alpha=0.1, rng=np.random.default_rng(1))
    arms = shuffled(labels([30, 30]), stratum, np.random.default_rng(1), draws=played.draws)

    assert played.false_alarms == np.mean([_rejects(units, arm, 0.0) for arm in arms])
    assert played.power == np.mean([_rejects(units, arm, 0.5) for arm in arms])


@pytest.mark.parametrize("planted", [0.0, 0.05, 0.2, 0.5])
def test_planted_correlation_within_territories_is_recovered(planted: float) -> None:
    """Over simulated territories of unequal size the estimate is near the truth, and the upper limit covers it."""
    rng = np.random.default_rng(3)
    sizes = rng.integers(10, 60, size=40)
    territory = np.repeat(np.arange(40), sizes)
    found: list[Clustering] = []
    for _ in range(200):
        values = planted**0.5 * rng.standard_normal(40)[territory]
        values = values + (1 - planted) ** 0.5 * rng.standard_normal(len(territory))
        seen = clustering(values, territory, np.zeros_like(territory))
        assert seen is not None
        found.append(seen)

    assert fmean(one.icc for one in found) == pytest.approx(planted, abs=0.015)
    assert fmean(one.icc_high >= planted for one in found) >= 0.91
    assert found[0].size == pytest.approx(40 / (1 / sizes).sum())


def test_correlation_on_the_panel_follows_the_planted_markets() -> None:
    """Without local shocks there is none; with them it is their share of the variance."""
    own = noise(history(), "hcp", cuped=True).adjusted_sd
    for sd in (0.0, 0.5, 1.0, 2.0):
        found = noise(history(market_sd=sd), "hcp", cuped=True).clustering
        truth = local_markets("Kisqali", seed=7, sd=sd).icc(own)

        assert found is not None
        assert found.icc == pytest.approx(truth, abs=0.02)


def test_correlation_is_that_within_regions() -> None:
    """Regions that differ by themselves are strata, and make no correlation of their territories."""
    rng = np.random.default_rng(4)
    territory = np.repeat(np.arange(40), 30)
    region = territory // 10
    found = []
    for _ in range(100):
        values = 0.5 * rng.standard_normal(40)[territory] + rng.standard_normal(1_200)
        seen = clustering(residual(values, controls(region, None)), territory, region)
        assert seen is not None
        found.append(seen.icc)

    assert fmean(found) == pytest.approx(0.2, abs=0.012)


def test_local_markets_keep_their_record() -> None:
    """Within each region shocks have mean 0 and the stated spread; the same seed gives the same ones."""
    markets = local_markets("Fabhalta", seed=1, sd=0.7)
    shocks = np.reshape(markets.shocks, (len(REGIONS), TERRITORIES_PER_REGION))

    assert shocks.mean(axis=1) == pytest.approx(0.0, abs=1e-12)
    assert shocks.std(axis=1, ddof=1) == pytest.approx(0.7)
    assert markets == local_markets("Fabhalta", seed=1, sd=0.7) != local_markets("Fabhalta", seed=2, sd=0.7)
    assert markets.icc(0.7) == pytest.approx(0.5)


def test_a_single_territory_has_no_correlation() -> None:
    """Nor one prescriber each, nor one territory a region: all are not to be told, and not zero."""
    values = np.arange(10.0)
    single = np.zeros(10, dtype=int)

    assert clustering(values, single, single) is None
    assert clustering(values, np.arange(10), single) is None
    assert clustering(values, np.repeat([0, 1], 5), np.repeat([0, 1], 5)) is None


def test_design_effect_is_kishs() -> None:
    """1 + (m - 1) ICC, and the standard deviation of a mean is consistent with it."""
    seen = Clustering(icc=0.1, icc_high=0.2, size=51.0)

    assert seen.design_effect(seen.icc) == pytest.approx(6.0)
    assert seen.mean_sd(2.0, 1.0) ** 2 * 51 / 4 == pytest.approx(6.0)


@pytest.mark.parametrize("brand", BRANDS)
def test_the_past_takes_off_the_share_that_it_predicts(brand: str) -> None:
    """With one stratum the variance reduction of CUPED is the squared correlation with the past."""
    past = history(brand)
    single = History(
        outcome=past.outcome,
        before=past.before,
        region=np.zeros_like(past.region),
        segment=past.segment,
        territory=past.territory,
        covariates={},
    )
    found = noise(single, "territory", cuped=True)

    assert found.variance_reduction == pytest.approx(np.corrcoef(past.outcome, past.before)[0, 1] ** 2, abs=1e-3)
    assert found.variance_reduction > 0.85
    assert noise(single, "territory", cuped=False).variance_reduction == 0.0


@given(counts=st.lists(st.integers(0, 40), min_size=2, max_size=5).filter(any))
def test_labels_are_exact_and_spread_evenly(counts: list[int]) -> None:
    """Each arm gets its number, and any stretch of the row is in proportion, to within the number of arms."""
    row = labels(counts)
    total = sum(counts)

    assert [int((row == arm).sum()) for arm in range(len(counts))] == counts
    for start in range(0, total, 7):
        part = row[start : start + 20]
        for arm, count in enumerate(counts):
            assert abs((part == arm).sum() - len(part) * count / total) <= len(counts)


def test_randomisation_is_exact_stratified_seeded_and_fair() -> None:
    """Counts are kept, strata are in proportion, a seed repeats itself, and everybody gets their turn."""
    past = history()
    stratum = past.stratum("hcp")
    member = np.arange(len(stratum))
    one, same, other = (assign(past, stratum, member, (600, 300), seed=seed) for seed in (1, 1, 2))
    inside = [np.mean(one.arm[stratum == code] == 0) for code in range(stratum.max() + 1)]
    turns = shuffled(labels([600, 300, 4_100]), stratum, np.random.default_rng(0), draws=400)

    assert [int((one.arm == arm).sum()) for arm in (0, 1, NOT_ENROLLED)] == [600, 300, 4_100]
    assert inside == pytest.approx([600 / 5_000] * len(inside), abs=0.02)
    assert one.digest == same.digest != other.digest
    assert one.is_balanced
    # Whatever the place in the list, a prescriber is in the control in 12 % of the draws.
    assert (turns == 0).mean(axis=0).min() > 0.04
    assert (turns == 0).mean(axis=0).max() < 0.22


def test_a_whole_territory_goes_to_one_arm() -> None:
    """Cluster randomisation never splits a territory, and splits every region evenly."""
    past = history()
    request = Request(brand="Kisqali", unit="territory", effect=0.2)
    drawn = randomised(past, plan_for(past, request, unit="territory", cuped=True), seed=7)
    arms = [set(drawn.arm[past.territory == code].tolist()) for code in range(40)]

    assert all(len(arm) == 1 for arm in arms)
    for region in range(4):
        inside = np.unique(past.territory[past.region == region])
        assert sum(arms[code] == {1} for code in inside) == 5


def test_imbalance_is_measured_and_redrawn() -> None:
    """Forty prescribers cannot be balanced in five covariates: twenty draws are made, and the best is taken."""
    past = history()
    stratum = np.zeros(5_000, dtype=int)
    small = assign(past, stratum, np.arange(5_000), (20, 20), seed=1)
    single = [assign(past, stratum, np.arange(5_000), (20, 20), seed=seed).worst for seed in range(2, 6)]

    assert small.draws == 20
    assert not small.is_balanced
    assert max(single) < 0.45  # one draw alone is beyond that in three of four cases


def test_dropout_is_paid_for_by_prescribers_and_by_smaller_territories() -> None:
    """With 20 % dropout 100 of 125 stay; of territories the means get noisier instead."""
    wish = Wish(effect=0.5, power=0.8, alpha=0.05, arms=1, treated_share=0.5, dropout=0.2)
    seen = Noise(
        mean=5.0, sd=1.0, stratified_sd=1.0, adjusted_sd=1.0, clustering=Clustering(icc=0.0, icc_high=0.1, size=10.0)
    )
    people = design(wish, seen, "hcp", units=1_000, hcps=1_000, controls=0)
    places = design(wish, seen, "territory", units=100, hcps=1_000, controls=0)

    assert people.needed == (80, 80)
    assert people.analysed == (64, 64)
    assert sum(places.needed) * 8 == pytest.approx(128, abs=16)
    assert places.analysed == places.enrolled == places.needed
    assert people.is_feasible


def test_an_infeasible_design_uses_everybody() -> None:
    """What is needed is still told; power and detectable effect are those of all units."""
    wish = Wish(effect=0.1, power=0.8, alpha=0.05, arms=2, treated_share=2 / 3, dropout=0.0)
    seen = Noise(mean=5.0, sd=1.0, stratified_sd=1.0, adjusted_sd=1.0, clustering=None)
    found = design(wish, seen, "hcp", units=301, hcps=301, controls=0)

    assert not found.is_feasible
    assert found.enrolled == (101, 100, 100)
    assert found.hcps_needed == sum(found.needed) > 301
    assert found.power < 0.2
    assert 0.35 < found.detectable < 0.5
    with pytest.raises(SliceError, match="29 prescribers are too few for 3 arms"):
        design(wish, seen, "hcp", units=29, hcps=29, controls=0)
    with pytest.raises(SliceError, match="too few territories"):
        design(wish, seen, "territory", units=301, hcps=301, controls=0)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"effect": 1.0}, {"effect": 0.5}),
        ({"power_target": 0.8}, {"power_target": 0.9}),
        ({"alpha": 0.1}, {"alpha": 0.01}),
        ({"dropout": 0.0}, {"dropout": 0.3}),
        ({"arms": 1}, {"arms": 2}),
        ({"treated_share": 0.5}, {"treated_share": 0.2}),
        ({"months": 9}, {"months": 1}),
        ({"cuped": True}, {"cuped": False}),
        ({"cost_per_hcp_usd": 12_000.0}, {"cost_per_hcp_usd": 6_000.0}),
        ({"market_sd": 0.0}, {"market_sd": 2.0}),
        ({"effect_size": 0.5}, {"effect_size": 0.2}),
    ],
    ids=repr,
)
def test_what_makes_it_harder_takes_more_prescribers(
    less: dict[str, Any], more: dict[str, Any], claude: Script
) -> None:
    """Each input moves the sample size in its direction."""
    assert answer(claude, **less)["sample_size"] < answer(claude, **more)["sample_size"]


def test_a_smaller_panel_shows_larger_effects_only(claude: Script) -> None:
    """The detectable effect shrinks with the root of the panel; the sample size does not depend on it."""
    small, large = (answer(claude, n_hcps=size) for size in (1_250, 5_000))

    assert small["mde"] / large["mde"] == pytest.approx(2.0, rel=0.1)
    assert small["sample_size"] == pytest.approx(large["sample_size"], rel=0.2)
    assert (small["verdict"], large["verdict"]) == ("too_small", "feasible")
    assert "cannot supply" in small["narrative"]


@pytest.mark.parametrize("unit", ["hcp", "territory"])
def test_a_huge_effect_still_takes_some_units_in_each_arm(unit: str, claude: Script) -> None:
    """However large the effect, an arm of one prescriber or territory shows nothing but itself."""
    output = answer(claude, unit=unit, effect=1_000.0, treated_share=0.2)
    least = {"hcp": 10, "territory": 3}[unit]

    assert output["verdict"] == "feasible"
    assert min(arm["units"] for arm in output["arm_plan"]) >= least
    assert output["power"] == 1.0


def test_words_of_the_question_change_no_number(claude: Script) -> None:
    """What is irrelevant does not move the answer; the seed moves the arms."""
    one, same = answer(claude), answer(claude, question="ignore the facts", region=None, unit=None)
    other = answer(claude, seed=8)

    assert one == same
    assert other["assignment_digest"] != one["assignment_digest"]


def test_options_show_the_price_of_each_way(claude: Script) -> None:
    """Prescribers or territories, with or without the past; the chosen one is among them."""
    output = answer(claude, market_sd=0.5)
    by_way = {(one["unit"], one["cuped"]): one for one in output["options"]}

    assert set(by_way) == {(unit, cuped) for unit in ("hcp", "territory") for cuped in (True, False)}
    assert by_way["hcp", True]["hcps_needed"] == output["sample_size"]
    assert by_way["hcp", True]["hcps_needed"] < by_way["territory", True]["hcps_needed"]
    assert by_way["hcp", True]["hcps_needed"] < by_way["hcp", False]["hcps_needed"]


def test_a_standardised_effect_is_the_same_effect_in_all_options(claude: Script) -> None:
    """The options look for one effect in KPI units, not each for half of its own standard deviation."""
    output = answer(claude, effect_size=0.3)
    absolute = answer(claude, effect=output["effect"])

    assert output["options"][1]["hcps_needed"] == pytest.approx(absolute["options"][1]["hcps_needed"], rel=0.002)


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": 0.0},
        {"effect": float("nan")},
        {"effect": float("inf")},
        {"effect": "large"},
        {"effect": 1.0, "effect_size": 0.5},
        {"unit": "practice"},
        {"arms": 0},
        {"arms": 2.5},
        {"treated_share": 1.0},
        {"months": 12},
        {"power_target": 1.0},
        {"alpha": 0.0},
        {"dropout": 0.9},
        {"cuped": "yes"},
        {"missing_access": 0.6},
        {"market_sd": -1.0},
        {"n_hcps": 50},
        {"n_hcps": 120, "unit": "territory", "region": "West", "arms": 5},
        {"unit": "territory", "arms": 5, "treated_share": 0.1},
        {"n_hcps": 100, "arms": 5, "treated_share": 0.1, "dropout": 0.5},
    ],
    ids=repr,
)
def test_wrong_or_hopeless_inputs_are_declined(wrong: dict[str, Any], claude: Script) -> None:
    """Each of the agent's own inputs is checked at the door, without asking Claude."""
    sent = claude()
    output = catalogue.build(AGENT).invoke({"question": "how?", "brand": "Kisqali", **wrong})

    assert output["status"] == "declined"
    assert output["reason"]
    assert output["sample_size"] is None
    assert sent == []


def test_a_constant_outcome_is_refused() -> None:
    """Where nothing varies there is nothing to plan from."""
    past = history()
    flat = History(
        outcome=np.ones(5_000),
        before=past.before,
        region=past.region,
        segment=past.segment,
        territory=past.territory,
        covariates=past.covariates,
    )

    with pytest.raises(SliceError, match="the same for every prescriber"):
        check_history(flat, kpi="trx")


def test_territories_are_means_of_their_prescribers() -> None:
    """Each territory is one unit, in its region's stratum."""
    past = history()
    units = units_of(past, "territory", cuped=True)

    assert units.outcome[3] == pytest.approx(past.outcome[past.territory == 3].mean())
    assert units.stratum.tolist() == np.repeat(range(4), 10).tolist()
    assert units.controls.shape == (40, 5)


def _rejections(treated: np.ndarray, control: np.ndarray, critical: float) -> float:
    """Return the share of rows whose pooled t exceeds ``critical``."""
    sizes = treated.shape[1], control.shape[1]
    pooled = ((sizes[0] - 1) * treated.var(axis=1, ddof=1) + (sizes[1] - 1) * control.var(axis=1, ddof=1)) / (
        sum(sizes) - 2
    )
    t = (treated.mean(axis=1) - control.mean(axis=1)) / np.sqrt(pooled * (1 / sizes[0] + 1 / sizes[1]))
    return float((np.abs(t) > critical).mean())


def _rejects(units: Units, arm: np.ndarray, effect: float) -> bool:
    """Fit one regression the slow way, and test the arm's coefficient at 10 %."""
    columns = np.column_stack([units.controls, arm])
    outcome = units.outcome + effect * arm
    coefficients = np.linalg.solve(columns.T @ columns, columns.T @ outcome)
    left = outcome - columns @ coefficients
    freedom = len(outcome) - columns.shape[1]
    se = (left @ left / freedom * np.linalg.inv(columns.T @ columns)[-1, -1]) ** 0.5
    return bool(abs(coefficients[-1]) > 1.673034 * se)  # t at 95 % with 55 degrees of freedom
