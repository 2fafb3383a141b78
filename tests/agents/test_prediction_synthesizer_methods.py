"""Synthesis: intervals cover held-out truth, the stack beats its members, a broken model has no say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from e2i.agents.prediction_synthesizer.appraisal import agreement, verdict
from e2i.agents.prediction_synthesizer.conformal import LEVEL, fit_intervals
from e2i.agents.prediction_synthesizer.ensemble import Ensemble, correlation, fit_ensemble
from e2i.agents.prediction_synthesizer.material import Material, check_usable, material_for
from e2i.agents.prediction_synthesizer.nodes import calibrate, stack, synthesise
from e2i.agents.prediction_synthesizer.scale import Scale, fit_scale
from e2i.agents.prediction_synthesizer.state import Request
from e2i.agents.prediction_synthesizer.total import total
from e2i.data import BRANDS, REGIONS, SliceError
from e2i.data.portfolio import COMMON_NOISE, FORECASTERS, GROWTH, OUTCOME_CV, portfolio

if TYPE_CHECKING:
    from e2i.data.portfolio import PortfolioTruth

SEEDS = range(1, 7)
PLAIN = Scale(base=1.0, slope=0.0)
"""The same scale for everybody: plain conformal intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """An ensemble and its predictions, beside the truth that it never saw."""

    material: Material
    ensemble: Ensemble
    scale: Scale
    last: np.ndarray
    coming: np.ndarray
    truth: PortfolioTruth


@cache
def fitted(brand: str = "Kisqali", scenario: str = "standard", *, seed: int = 1, n_hcps: int = 3_000) -> Fitted:
    """Fit the ensemble as the agent does."""
    request = Request(brand=brand, scenario=scenario, seed=seed, n_hcps=n_hcps)
    material = material_for(request)
    rows = material.complete
    ensemble = fit_ensemble(material.last.iloc[rows], material.actual[rows])
    return Fitted(
        material=material,
        ensemble=ensemble,
        scale=fit_scale(ensemble.predict(material.last.iloc[rows]), material.actual[rows]),
        last=ensemble.predict(material.last),
        coming=ensemble.predict(material.coming),
        truth=portfolio(brand, scenario, n_hcps=n_hcps, seed=seed).truth,
    )


def coverage(found: Fitted, scale: Scale) -> tuple[float, float]:
    """Return the share of held-out outcomes that intervals on ``scale`` cover: of all HCPs, and of the top quartile."""
    rows = found.material.calibrate
    low, high = fit_intervals(scale, found.last[rows], found.material.actual[rows]).around(found.coming)
    covered = (low <= found.truth.actual) & (found.truth.actual <= high)
    return float(covered.mean()), float(covered[found.coming >= np.quantile(found.coming, 0.75)].mean())


def judged(**inputs: Any) -> dict[str, Any]:  # noqa: ANN401  # inputs of the agent
    """Return what the computing nodes say, without Claude."""
    state: dict[str, Any] = {"request": Request(**{"brand": "Kisqali", "n_hcps": 3_000, **inputs}).model_dump()}
    for step in (stack, calibrate, synthesise):
        state |= step(state)  # type: ignore[arg-type]  # the state as LangGraph hands it on
    return state


@pytest.mark.parametrize("brand", BRANDS)
def test_intervals_cover_the_held_out_quarter(brand: str) -> None:
    """Nine in ten, in the top quartile as well: over six seeds the mean is within three standard errors."""
    found = [coverage(one, one.scale) for one in (fitted(brand, seed=seed) for seed in SEEDS)]
    overall, top = np.mean(found, axis=0)

    assert overall == pytest.approx(LEVEL, abs=0.018)
    assert top == pytest.approx(LEVEL, abs=0.03)


@pytest.mark.parametrize("brand", BRANDS)
def test_without_a_scale_large_prescribers_are_not_covered(brand: str) -> None:
    """Plain intervals cover as often as promised on the whole, and fail where it matters most: why they are scaled."""
    overall, top = np.mean([coverage(fitted(brand, seed=seed), PLAIN) for seed in SEEDS], axis=0)

    assert overall == pytest.approx(LEVEL, abs=0.018)
    assert top < 0.8


def test_intervals_are_those_of_the_closed_form() -> None:
    """MAPIE's interval is prediction +- scale times the ceil((n + 1) x 0.9)-th smallest scaled error."""
    found = fitted()
    rows = found.material.calibrate
    predicted, actual = found.last[rows], found.material.actual[rows]
    errors = np.sort(np.abs(actual - predicted) / found.scale.of(predicted))
    quantile = errors[int(np.ceil((len(rows) + 1) * LEVEL)) - 1]
    low, high = fit_intervals(found.scale, predicted, actual).around(found.coming)

    assert high == pytest.approx(found.coming + quantile * found.scale.of(found.coming))
    assert low == pytest.approx(np.maximum(found.coming - quantile * found.scale.of(found.coming), 0.0))


@pytest.mark.parametrize("brand", BRANDS)
def test_the_stack_beats_its_best_member(brand: str) -> None:
    """On the held-out quarter and for every seed, by several percent, although members are freed of their bias."""
    for seed in SEEDS:
        found = fitted(brand, seed=seed)
        freed = found.ensemble.unbiased(found.material.coming)
        members = np.sqrt(((freed - found.truth.actual[:, None]) ** 2).mean(axis=0))
        own = np.sqrt(((found.coming - found.truth.actual) ** 2).mean())

        assert own < 0.97 * members.min()


@pytest.mark.parametrize(("brand", "broken"), [("Kisqali", "claims_feed"), ("Fabhalta", "rep_survey")])
def test_a_broken_model_gets_no_weight(brand: str, broken: str) -> None:
    """None at all; least squares without the threshold leave it a few percent at most."""
    for seed in SEEDS:
        found = fitted(brand, seed=seed)
        rows = found.material.complete
        alone = fit_ensemble(found.material.last.iloc[rows], found.material.actual[rows], min_correlation=-1.0)
        index = found.ensemble.models.index(broken)

        assert found.ensemble.weights[index] == 0.0
        assert alone.shares[index] < 0.06
        assert abs(found.ensemble.correlations[index]) < 0.15


def test_no_sound_model_is_called_broken() -> None:
    """Over seeds the null portfolio keeps all six, without bias."""
    for seed in SEEDS:
        found = fitted("Remibrutinib", seed=seed)

        assert min(found.ensemble.correlations) > 0.7
        assert found.ensemble.biases == pytest.approx([0.0] * 6, abs=0.04)


@pytest.mark.parametrize("brand", BRANDS)
def test_biases_are_recovered(brand: str) -> None:
    """Each model's bias is found as recorded, four standard errors given."""
    for seed in SEEDS:
        planted = [one.bias for one in FORECASTERS[brand]]

        assert fitted(brand, seed=seed).ensemble.biases == pytest.approx(planted, abs=0.04)


def test_better_models_weigh_more() -> None:
    """Over seeds the shares follow the precision of the models' own noise."""
    shares = np.mean([fitted(seed=seed).ensemble.shares for seed in SEEDS], axis=0)
    precision = np.array([0.0 if one.fault else one.noise**-2 for one in FORECASTERS["Kisqali"]])

    assert shares == pytest.approx(precision / precision.sum(), abs=0.06)


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_disagreement_grows_with_the_conflict(brand: str, seed: int) -> None:
    """The further models are driven apart, the larger it is; the last quarter does not show it."""
    names = ("standard", "small_conflict", "conflict", "large_conflict")
    found = [judged(brand=brand, scenario=name, seed=seed) for name in names]
    disagreement = [one["ensemble_disagreement"] for one in found]

    assert disagreement == sorted(disagreement)
    assert disagreement[3] > 2 * disagreement[0]
    assert len({one["disagreement_before"] for one in found}) == 1
    assert [one["verdict"] for one in found] == ["usable", "doubtful", "doubtful", "doubtful"]


def test_no_disagreement_is_unusual_at_rest() -> None:
    """Over brands, seeds and regions, where nothing was done."""
    found = [
        judged(brand=brand, seed=seed, region=region)["agreement"]
        for brand in BRANDS
        for seed in (1, 2, 3)
        for region in (None, "West")
    ]

    assert set(found) == {"usual"}


def test_sums_are_covered_as_often_as_stated() -> None:
    """Whole brands and regions: of 90 intervals of 90 %, fewer than 73 or all 90 would have a chance below 0.005."""
    hits = 0
    for brand in BRANDS:
        for seed in SEEDS:
            found = fitted(brand, seed=seed)
            regions = found.material.hcps["region"].to_numpy()
            for inside in (np.ones(len(regions), dtype=bool), *(regions == name for name in REGIONS)):
                rows = found.material.held_out[inside[found.material.held_out]]
                sum_ = total(found.coming[inside], found.last[rows], found.material.actual[rows], found.scale)
                hits += sum_.low <= found.truth.actual[inside].sum() <= sum_.high

    assert 73 <= hits < 90


def test_the_interval_of_a_sum_holds_by_simulation() -> None:
    """Predictions 5 % too low, errors as large as the scale says: of 1,000 intervals 900 cover, give or take 30."""
    rng, scale = np.random.default_rng(5), Scale(base=2.0, slope=0.1)
    hits = 0
    for _ in range(1_000):
        last, coming = rng.uniform(20, 200, size=(2, 80))
        actual, came = (1.05 * known + scale.of(known) * rng.standard_normal(80) for known in (last, coming))
        found = total(coming, last, actual, scale)
        hits += found.low <= came.sum() <= found.high

    assert hits == pytest.approx(900, abs=30)


def test_no_prescriber_is_used_twice() -> None:
    """Who was fitted on calibrates and judges nothing, and nobody is left out."""
    material = fitted().material
    parts = [set(part.tolist()) for part in (material.fit, material.calibrate, material.test)]

    assert sum(map(len, parts)) == len(set().union(*parts)) == len(material.hcps)
    assert set(material.held_out.tolist()) == parts[1] | parts[2]
    assert set(material.complete.tolist()) <= parts[0]


def test_a_weak_region_is_not_drawn_to_the_mean() -> None:
    """Kisqali's West writes least; the bare sum of predictions is too high there, the corrected one is not."""
    bare, corrected = [], []
    for seed in SEEDS:
        found = fitted(seed=seed)
        inside = (found.material.hcps["region"] == "West").to_numpy()
        rows = found.material.held_out[inside[found.material.held_out]]
        truth = found.truth.expected[inside].sum()
        sum_ = total(found.coming[inside], found.last[rows], found.material.actual[rows], found.scale)
        bare.append(found.coming[inside].sum() / truth - 1)
        corrected.append(sum_.value / truth - 1)

    assert abs(np.mean(corrected)) < np.mean(bare)
    assert np.mean(bare) > 0.004


def test_a_constant_factor_of_a_model_changes_nothing() -> None:
    """A model in other units has another bias, and the same part in the prediction."""
    material = fitted().material
    rows = material.complete
    scaled = material.last.assign(boosted=10 * material.last["boosted"])
    before = fitted().ensemble.predict(material.last)
    after = fit_ensemble(scaled.iloc[rows], material.actual[rows]).predict(scaled)

    assert after == pytest.approx(before)


def test_the_order_of_models_does_not_matter() -> None:
    """The same forecasts in other columns give the same prediction."""
    material = fitted().material
    rows, reverse = material.complete, material.last[material.last.columns[::-1]]
    after = fit_ensemble(reverse.iloc[rows], material.actual[rows]).predict(reverse)

    assert after == pytest.approx(fitted().last)


def test_a_missing_forecast_is_filled_by_the_others() -> None:
    """By their weighted mean, free of bias; an HCP without any gets the mean of all forecasts."""
    ensemble = Ensemble(
        models=("a", "b", "c"),
        correlations=(0.9, 0.9, 0.9),
        biases=(0.0, 0.1, 0.0),
        weights=(0.2, 0.6, 0.2),
        intercept=0.0,
    )
    forecasts = pd.DataFrame({"a": [10.0, 20.0, np.nan], "b": [11.0, np.nan, np.nan], "c": [10.0, 40.0, np.nan]})
    filled = ensemble.unbiased(forecasts)

    assert filled[:2] == pytest.approx(np.array([[10.0, 10.0, 10.0], [20.0, 30.0, 40.0]]))
    assert filled[2] == pytest.approx([18.0] * 3)  # of 10, 20, 10, 10 and 40


@pytest.mark.parametrize(
    ("scenario", "status"),
    [
        ("stuck_model", {"payer_mix": "broken", "claims_feed": "broken"}),
        ("lost_model", {"trend": "missing", "claims_feed": "broken"}),
        ("boosted_broken", {"boosted": "broken", "claims_feed": "broken"}),
        ("all_sound", {}),
    ],
)
def test_each_fault_is_named(scenario: str, status: dict[str, str]) -> None:
    """What was done to a model is what is said of it, and no sound one is said to need repair."""
    found = judged(scenario=scenario)
    faults = {one["model"]: one["status"] for one in found["models"] if one["status"] in {"broken", "missing"}}

    assert faults == status
    assert sum(one["weight"] or 0.0 for one in found["models"]) == pytest.approx(1.0, abs=1e-3)
    assert found["verdict"] == "usable"


def test_a_portfolio_without_skill_says_so() -> None:
    """No weight for anybody, and nothing explained."""
    found = judged(scenario="all_broken")

    assert found["verdict"] == "no_skill"
    assert {one["weight"] for one in found["models"]} == {0.0}
    assert found["skill"] == pytest.approx(0.0, abs=0.02)


def test_gaps_are_counted_and_do_little_harm() -> None:
    """A tenth of all forecasts missing costs hardly any skill, and coverage none."""
    whole, gaps = judged(), judged(scenario="gaps")

    assert gaps["filled"] == pytest.approx(0.1 * 3_000 * 6, abs=160)
    assert whole["skill"] - 0.03 < gaps["skill"] <= whole["skill"] + 0.01
    assert gaps["interval_coverage"] == pytest.approx(LEVEL, abs=0.05)


def test_regions_add_up() -> None:
    """Their sums are the whole within its interval, their HCPs exactly."""
    found = judged()

    assert sum(one["hcps"] for one in found["regions"]) == found["hcps"] == 3_000
    assert found["prediction_low"] < sum(one["prediction"] for one in found["regions"]) < found["prediction_high"]
    assert found["prediction_per_hcp"] == pytest.approx(found["prediction"] / 3_000, rel=1e-3)


def test_one_prescriber_has_a_wider_interval_than_all_together() -> None:
    """Single errors cancel in a sum; the prescriber asked for is the one answered."""
    found = judged(hcp_id=17)
    one = found["hcp"]

    assert one["hcp_id"] == 17
    assert one["low"] < one["prediction"] < one["high"]
    assert (one["high"] - one["low"]) / one["prediction"] > 10 * (
        (found["prediction_high"] - found["prediction_low"]) / found["prediction"]
    )


@pytest.mark.parametrize("spoil", ["few", "constant", "empty", "one_model", "incomplete"])
def test_hopeless_material_is_refused_with_a_reason(spoil: str) -> None:
    """Few rows, outcomes that never vary, nobody in question, a single model, or no complete row."""
    good = fitted().material
    spoiled = {
        "few": replace(good, hcps=good.hcps.head(100), inside=good.inside[:100]),
        "constant": replace(good, actual=np.full_like(good.actual, 3)),
        "empty": replace(good, inside=np.zeros_like(good.inside)),
        "one_model": replace(good, last=good.last[["trend"]]),
        "incomplete": replace(good, last=good.last.mask(np.eye(len(good.last), 6, dtype=bool) | True)),
    }

    check_usable(good)
    with pytest.raises(SliceError):
        check_usable(spoiled[spoil])


def test_verdicts_follow_their_bounds() -> None:
    """Skill comes first, then agreement and coverage."""
    assert agreement(0.12, 0.11) == "usual"
    assert agreement(0.14, 0.11) == "unusual"
    assert verdict("usual", skill=0.8, coverage=0.9) == "usable"
    assert verdict("usual", skill=0.8, coverage=0.8) == "doubtful"
    assert verdict("unusual", skill=0.8, coverage=0.9) == "doubtful"
    assert verdict("unusual", skill=0.0, coverage=0.9) == "no_skill"


def test_a_stuck_forecast_goes_with_nothing() -> None:
    """A constant has no correlation instead of NaN."""
    assert correlation(np.ones(5), np.arange(5.0)) == 0.0


@pytest.mark.parametrize("brand", BRANDS)
def test_the_record_of_the_forecasters_is_right(brand: str) -> None:
    """Bias and noise measured against expectations are those on record; outcomes spread as stated."""
    found = portfolio(brand, "all_sound", n_hcps=20_000)
    for one in found.truth.forecasters:
        ratio = found.coming[one.name].to_numpy() / found.truth.expected

        assert ratio.mean() - 1 == pytest.approx(one.bias, abs=0.008)
        assert np.log(ratio).std() == pytest.approx(np.hypot(one.noise, COMMON_NOISE), rel=0.03)
    error = (found.truth.actual - found.truth.expected) ** 2
    stated = found.truth.expected + (OUTCOME_CV * found.truth.expected) ** 2

    assert found.truth.actual.sum() == pytest.approx(found.truth.expected.sum(), rel=0.01)
    assert found.truth.expected.sum() / found.actual.sum() == pytest.approx(GROWTH, rel=0.01)
    assert error.mean() == pytest.approx(stated.mean(), rel=0.06)


def test_scenarios_differ_by_what_was_done_alone() -> None:
    """Outcomes are shared, and so are the forecasts of models that nothing was done to."""
    plain, stuck = portfolio("Kisqali"), portfolio("Kisqali", "stuck_model")

    assert (plain.actual == stuck.actual).all()
    assert (plain.truth.actual == stuck.truth.actual).all()
    assert plain.coming.drop(columns="payer_mix").equals(stuck.coming.drop(columns="payer_mix"))
    assert np.ptp(stuck.coming["payer_mix"]) == 0.0
