"""The causal methods against the truth of the panel: unbiased, honest about their error, and hard to fool."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from e2i.agents.aipw import aipw, design, pseudo_outcomes
from e2i.agents.campaign_sample import ADJUSTED_FOR
from e2i.agents.causal_impact.confidence import CEILING, causal_confidence, replication_probability
from e2i.agents.causal_impact.instrument import two_stage
from e2i.agents.causal_impact.refuter import Refutation, Study, refutations
from e2i.agents.causal_impact.sensitivity import robustness_value
from e2i.agents.dag import BELIEF, UnidentifiedError, adjustment_set, d_separated
from e2i.data import BRANDS, SEGMENTS, BrandPanel, PanelSpec, brand_panel

SEEDS = range(8)


def study(panel: BrandPanel, extra: tuple[str, ...] = ()) -> Study:
    """Return the study of a panel, adjusted as the agent does, and for ``extra``."""
    hcps = panel.hcps
    return Study(
        outcome=hcps["trx"].to_numpy(),
        treated=hcps["reached"].to_numpy(),
        features=design(hcps, (*ADJUSTED_FOR, *extra)),
        negative_control=hcps["unrelated_rx"].to_numpy(),
        instrument=hcps["rep_capacity"].to_numpy(),
        territory=hcps["territory"].to_numpy(),
        seed=1,
    )


@pytest.mark.parametrize("brand", BRANDS)
def test_estimate_is_unbiased_and_its_interval_covers(brand: str) -> None:
    """Over seeds the error averages out within three of its own standard errors, and intervals hold the truth."""
    errors, covered, spread = [], 0, []
    for seed in SEEDS:
        panel = brand_panel(brand, PanelSpec(seed=seed))
        data = study(panel)
        found = aipw(data.outcome, data.treated, data.features, seed=seed)
        errors.append(found.effect - panel.truth.ate)
        spread.append(found.se)
        covered += found.interval[0] <= panel.truth.ate <= found.interval[1]

    assert abs(fmean(errors)) < 3 * fmean(spread) / len(SEEDS) ** 0.5
    assert covered >= len(SEEDS) - 2


def test_adjusting_for_the_collider_breaks_the_estimate() -> None:
    """The bad control is bad, which is why the adjustment set must not hold it."""
    panel = brand_panel("Kisqali", PanelSpec(seed=0))
    bad = study(panel, extra=("engaged_after",))
    found = aipw(bad.outcome, bad.treated, bad.features, seed=0)

    assert found.effect < panel.truth.ate - 10 * found.se


def test_segments_effects_are_recovered_from_the_scores() -> None:
    """The pseudo-outcomes average to each segment's true effect, the harmed one included."""
    panel = brand_panel("Fabhalta", PanelSpec(seed=2))
    data = study(panel)
    scores = pseudo_outcomes(data.outcome, data.treated, data.features, seed=2)
    segment = panel.hcps["segment"].to_numpy()
    found = [scores[segment == name].mean() for name in SEGMENTS]

    assert found == pytest.approx(BRANDS["Fabhalta"].effects, abs=0.6)


def test_adjustment_set_holds_the_causes_and_nothing_else() -> None:
    """Confounders and their stand-in are in; instrument, collider, negative control and idle columns are out."""
    assert adjustment_set(BELIEF, "reached", "outcome") == (
        *("access", "digital", "pre_trx", "region", "specialty", "volume"),
    )


def test_an_open_back_door_is_refused() -> None:
    """Where a cause of both is unmeasured, no set is offered."""
    hidden = {**BELIEF, "rumour": frozenset[str](), "reached": BELIEF["reached"] | {"rumour"}}
    hidden["outcome"] = BELIEF["outcome"] | {"rumour"}

    with pytest.raises(UnidentifiedError, match="back door"):
        adjustment_set(hidden, "reached", "outcome", unmeasured={"habit", "rumour"})


def test_what_the_treatment_causes_is_never_adjusted_for() -> None:
    """A mediator carries a part of the effect: adjusting for it would take that part away."""
    mediated = {**BELIEF, "awareness": frozenset({"reached"}), "outcome": BELIEF["outcome"] | {"awareness"}}

    assert "awareness" not in adjustment_set(mediated, "reached", "outcome")


def test_separation_knows_chain_fork_and_collider() -> None:
    """The three building blocks: conditioning closes a chain and a fork, and opens a collider and its descendants."""
    dag = {"a": frozenset[str](), "b": frozenset({"a"}), "c": frozenset({"b"}), "d": frozenset({"a"})}
    vee = {"x": frozenset[str](), "y": frozenset[str](), "z": frozenset({"x", "y"}), "w": frozenset({"z"})}

    assert (d_separated(dag, "a", "c", []), d_separated(dag, "a", "c", ["b"])) == (False, True)
    assert (d_separated(dag, "b", "d", []), d_separated(dag, "b", "d", ["a"])) == (False, True)
    assert (d_separated(vee, "x", "y", []), d_separated(vee, "x", "y", ["z"])) == (True, False)
    assert not d_separated(vee, "x", "y", ["w"])


@pytest.mark.parametrize("seed", range(3))
def test_refuters_pass_a_sound_estimate(seed: int) -> None:
    """Without a hidden confounder all five let the estimate stand."""
    data = study(brand_panel("Kisqali", PanelSpec(seed=seed)))
    found = aipw(data.outcome, data.treated, data.features, seed=1)

    assert [one.passed for one in refutations(data, found)] == [True] * 5


@pytest.mark.parametrize("brand", BRANDS)
def test_only_control_and_instrument_see_a_hidden_confounder(brand: str) -> None:
    """Placebo and random cause are blind to it; the negative control flags it, and confidence falls."""
    data = study(brand_panel(brand, PanelSpec(seed=3, confounded=True)))
    found = aipw(data.outcome, data.treated, data.features, seed=1)
    tried = {one.name: one for one in refutations(data, found)}

    assert tried["placebo"].passed
    assert tried["random_common_cause"].passed
    assert not tried["negative_control"].passed
    assert causal_confidence(found.t, tried.values(), 0.3) < 0.1


def test_a_weak_instrument_does_not_judge() -> None:
    """With an instrument that moves nobody the refuter abstains, which is no pass."""
    data = study(brand_panel("Kisqali", PanelSpec(seed=0)))
    idle = np.random.default_rng(0).standard_normal(40)[data.territory]
    weak = two_stage(data.outcome, data.treated, idle, data.features, data.territory)

    assert weak.first_stage_f < 10
    assert causal_confidence(9.0, [_abstained()], 0.5) == pytest.approx(0.9 * CEILING)


def test_confidence_grows_with_evidence_and_robustness() -> None:
    """More evidence, more confidence; a fragile estimate, less; without an effect hardly any."""
    levels = [causal_confidence(t, [], 0.5) for t in (0.0, 1.0, 2.0, 4.0)]

    assert levels == sorted(levels)
    assert levels[0] < 0.05
    assert causal_confidence(4.0, [], 0.01) < levels[-1] <= CEILING
    assert replication_probability(1.959964) == pytest.approx(0.5, abs=1e-6)


def test_robustness_value_of_a_known_case() -> None:
    """It follows its formula on a regression computed by hand, and is 0 without an effect."""
    rng = np.random.default_rng(0)
    treated = np.repeat([True, False], 200)
    noise = rng.standard_normal(400)
    noise -= np.where(treated, noise[treated].mean(), noise[~treated].mean())
    outcome = 0.5 * treated + noise
    f2 = 0.25 * 100 / float(noise @ noise)

    assert robustness_value(outcome, treated, np.empty((400, 0))) == pytest.approx((np.sqrt(f2**2 + 4 * f2) - f2) / 2)
    assert robustness_value(noise, treated, np.empty((400, 0))) == pytest.approx(0.0, abs=1e-6)


def _abstained() -> Refutation:
    return Refutation(name="instrument", passed=None, value=0.0, expected=0.0, distance=0.0)
