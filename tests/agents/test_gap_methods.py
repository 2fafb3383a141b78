"""Gaps: the planted ones are found with their size, and none where nothing was planted."""

from __future__ import annotations

import pytest

from e2i.agents.gap_analyzer.benchmark import compare_regions
from e2i.agents.gap_analyzer.opportunity import opportunity
from e2i.agents.holm import holm
from e2i.data import BRANDS, PanelSpec, brand_panel


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("kpi", ["trx", "nrx"])
def test_planted_shortfall_is_measured(brand: str, kpi: str) -> None:
    """The region's interval holds the planted share, and no other region shows a shortfall."""
    panel = brand_panel(brand, PanelSpec(seed=4))
    found = {one.region: one for one in compare_regions(panel.hcps, kpi)}
    planted = panel.truth.gaps[0]
    margin = 2 * (found[planted.region].high - found[planted.region].low)

    assert found[planted.region].shortfall == pytest.approx(planted.share, abs=margin)
    assert all(one.shortfall < 0.02 for region, one in found.items() if region != planted.region)


def test_no_gap_where_none_was_planted() -> None:
    """Over seeds and brands without shortfalls hardly a comparison is significant and material."""
    alarms = 0
    for seed in range(8):
        for brand in BRANDS:
            panel = brand_panel(brand, PanelSpec(seed=seed, shortfalls=False, n_hcps=2_000))
            found = list(compare_regions(panel.hcps, "trx"))
            adjusted = holm([one.p_value for one in found])
            alarms += any(p < 0.05 and one.shortfall >= 0.02 for p, one in zip(adjusted, found, strict=True))

    assert alarms <= 3  # 24 questions at a family-wise error of 5 %: more has a chance below 0.04


def test_volume_without_the_campaign_is_estimated() -> None:
    """What all prescribers of a region would write is near the truth, although reached ones write more."""
    panel = brand_panel("Kisqali", PanelSpec(seed=4))
    nobody = brand_panel("Kisqali", PanelSpec(seed=4, campaign="nobody"))
    found = {one.region: one.volume_per_month for one in compare_regions(panel.hcps, "trx")}
    truth = nobody.hcps.groupby("region", observed=True)["trx"].sum()

    assert found == pytest.approx(truth.to_dict(), rel=0.02)


def test_a_single_region_is_not_compared() -> None:
    """A comparison takes two."""
    hcps = brand_panel("Kisqali", PanelSpec(seed=4)).hcps

    assert list(compare_regions(hcps[hcps["region"] == "West"], "trx")) == []


def test_opportunity_follows_its_formula() -> None:
    """82 written and 18 % missing means that 18 are lost."""
    worth = opportunity(shortfall=0.18, volume_per_month=82.0, hcps=3, value_usd=1000.0)

    assert worth.lost_per_month == pytest.approx(18.0)
    assert worth.lost_usd == pytest.approx(216_000.0)
    assert worth.recoverable_usd == pytest.approx(64_800.0)
    assert worth.net_usd == pytest.approx(64_800.0 - 12_000.0)


def test_holm_on_a_published_example() -> None:
    """Adjusted values are monotone, capped at 1 and in the order given."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
