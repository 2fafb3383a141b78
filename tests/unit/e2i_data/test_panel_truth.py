"""The panel's record of the truth, checked against counterfactual worlds and not against itself."""

from __future__ import annotations

import numpy as np
import pytest

from e2i.data import BRANDS, REGIONS, SEGMENTS, PanelSpec, brand_panel
from e2i.data.demand import CAMPAIGN_START, EFFECT_WINDOW, MONTHS, ramp
from e2i.data.panel import NRX_SHARE


@pytest.mark.parametrize("brand", BRANDS)
def test_true_effect_is_the_difference_of_two_worlds(brand: str) -> None:
    """Everyone reached minus nobody reached, over all prescribers, is the recorded effect, in total and by region."""
    everyone = brand_panel(brand, PanelSpec(seed=5, n_hcps=20_000, campaign="everyone"))
    nobody = brand_panel(brand, PanelSpec(seed=5, n_hcps=20_000, campaign="nobody"))
    truth = brand_panel(brand, PanelSpec(seed=5, n_hcps=20_000)).truth
    difference = everyone.hcps["trx"] - nobody.hcps["trx"]

    assert difference.mean() == pytest.approx(truth.ate, abs=0.02)
    for region, effect in truth.ate_by_region:
        assert difference[everyone.hcps["region"] == region].mean() == pytest.approx(effect, abs=0.05)
    for segment, effect in truth.effects:
        assert difference[everyone.hcps["segment"] == segment].mean() == pytest.approx(effect, abs=0.05)
    assert (everyone.hcps["nrx"] - nobody.hcps["nrx"]).mean() == pytest.approx(NRX_SHARE * truth.ate, abs=0.05)


@pytest.mark.parametrize("brand", BRANDS)
def test_recorded_effect_is_the_weighted_mean_of_the_segments(brand: str) -> None:
    """The record agrees with itself."""
    truth = brand_panel(brand, PanelSpec(seed=1)).truth
    sizes, effects = dict(truth.segment_sizes), dict(truth.effects)

    assert tuple(sizes) == tuple(effects) == SEGMENTS
    assert truth.ate == pytest.approx(sum(sizes[name] * effects[name] for name in SEGMENTS) / 5_000)


def test_worlds_differ_by_the_campaign_alone() -> None:
    """The pre-period is the same in every world, and so is the negative control: its true effect is exactly 0."""
    worlds = [brand_panel("Kisqali", PanelSpec(seed=5, campaign=world)) for world in ("observed", "everyone", "nobody")]

    for world in worlds[1:]:
        assert np.array_equal(world.trx[:, :CAMPAIGN_START], worlds[0].trx[:, :CAMPAIGN_START])
        assert world.hcps["unrelated_rx"].equals(worlds[0].hcps["unrelated_rx"])
    assert worlds[0].truth.unrelated_effect == 0.0


def test_observed_world_mixes_the_other_two() -> None:
    """A reached prescriber writes what they would in the world where everyone is, and the others as where nobody is."""
    observed, everyone, nobody = (
        brand_panel("Fabhalta", PanelSpec(seed=5, campaign=world)) for world in ("observed", "everyone", "nobody")
    )
    reached = observed.hcps["reached"].to_numpy()

    assert np.array_equal(observed.trx[reached], everyone.trx[reached])
    assert np.array_equal(observed.trx[~reached], nobody.trx[~reached])


def test_effect_ramps_up_over_three_months() -> None:
    """Nothing before month 12, a third, two thirds, then everything."""
    everyone = brand_panel("Kisqali", PanelSpec(seed=5, n_hcps=20_000, campaign="everyone"))
    nobody = brand_panel("Kisqali", PanelSpec(seed=5, n_hcps=20_000, campaign="nobody"))
    by_month = (everyone.trx - nobody.trx).mean(axis=0)

    assert by_month == pytest.approx(everyone.truth.ate * ramp(), abs=0.05)
    assert ramp()[EFFECT_WINDOW].tolist() == [1.0] * 10
    assert len(by_month) == MONTHS


@pytest.mark.parametrize("brand", BRANDS)
def test_planted_gap_is_the_difference_to_an_unspoilt_world(brand: str) -> None:
    """With and without shortfalls, nobody reached: one region loses the recorded share, the others nothing."""
    spoilt = brand_panel(brand, PanelSpec(seed=5, n_hcps=20_000, campaign="nobody"))
    whole = brand_panel(brand, PanelSpec(seed=5, n_hcps=20_000, campaign="nobody", shortfalls=False))
    (gap,) = spoilt.truth.gaps
    sums = [panel.hcps.groupby("region", observed=True)["trx"].sum() for panel in (spoilt, whole)]

    for region in REGIONS:
        planted = gap.share if region == gap.region else 0.0
        assert sums[0][region] == pytest.approx(sums[1][region] * (1 - planted), rel=0.005)
    assert sums[1][gap.region] - sums[0][gap.region] == pytest.approx(gap.lost_trx_per_month, rel=0.03)
    assert whole.truth.gaps == ()


@pytest.mark.parametrize("brand", BRANDS)
def test_naive_comparison_is_far_from_the_truth(brand: str) -> None:
    """Who is reached writes more anyway: the panel punishes an analysis that does not adjust."""
    panel = brand_panel(brand, PanelSpec(seed=5))
    means = panel.hcps.groupby("reached")["trx"].mean()

    assert means[True] - means[False] > panel.truth.ate + 4.0


def test_hidden_confounder_moves_campaign_and_outcomes_unseen() -> None:
    """Switched on, the negative control parts the arms further, and no column tells why."""
    gaps = []
    for confounded in (False, True):
        hcps = brand_panel("Remibrutinib", PanelSpec(seed=5, confounded=confounded)).hcps
        means = hcps.groupby("reached")["unrelated_rx"].mean()
        gaps.append(means[True] - means[False])

    assert gaps[1] > gaps[0] + 0.8
    assert "hidden" not in hcps.columns
