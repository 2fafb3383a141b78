"""Every range in a golden of these agents contains what the data's own record says is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i.agents.gap_analyzer.opportunity import opportunity
from e2i.data import BATCHES, BRANDS, PanelSpec, brand_panel
from e2i.data.panel import NRX_SHARE

CASES = Path(__file__).parents[2] / "golden" / "cases"


def cases(agent: str, *, having: str = "status") -> list[Any]:
    """Return (id, inputs, values and metrics) of the agent's cases that end in an answer and judge ``having``."""
    found = []
    for path in sorted((CASES / agent).glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        rules = {**case["expect"].get("metrics", {}), **case["expect"].get("values", {})}
        if having in rules and rules.get("status", "ok") == "ok":
            found.append(pytest.param(case["inputs"], case["expect"], id=path.stem))
    return found


def allows(rule: Any, truth: float) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether the rule lets ``truth`` pass."""
    if not isinstance(rule, dict):
        return bool(rule == truth)
    low, high = rule.get("min", float("-inf")), rule.get("max", float("inf"))
    return bool(rule.get("equals", truth) == truth and low <= truth <= high)


def rules_for(expect: dict[str, Any], name: str) -> list[Any]:
    """Return the rules on ``name``, of output and of metrics."""
    return [expect[group][name] for group in ("values", "metrics") if name in expect.get(group, {})]


def spec_of(inputs: dict[str, Any]) -> PanelSpec:
    """Return the panel that the case is asked about."""
    switches = ("seed", "n_hcps", "confounded", "shortfalls", "missing_access")
    return PanelSpec(**{name: inputs[name] for name in switches if name in inputs})


@pytest.mark.parametrize(("inputs", "expect"), cases("causal_impact", having="ate"))
def test_effect_ranges_contain_the_true_effect(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """A case that judges the effect judges it around the truth, and never where nobody can know it."""
    truth = brand_panel(inputs["brand"], spec_of(inputs)).truth
    effect = dict(truth.ate_by_region)[inputs["region"]] if "region" in inputs else truth.ate
    effect *= NRX_SHARE if inputs.get("kpi") == "nrx" else 1.0

    assert not inputs.get("confounded")
    assert all(allows(rule, effect) for rule in rules_for(expect, "ate"))


@pytest.mark.parametrize(("inputs", "expect"), cases("causal_impact", having="ate_ci_low"))
def test_interval_bounds_in_goldens_are_the_truth(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Bounds on the interval are the true effect itself, to three decimals: the interval covers it, or lies above."""
    truth = brand_panel(inputs["brand"], spec_of(inputs)).truth
    effect = dict(truth.ate_by_region)[inputs["region"]] if "region" in inputs else truth.ate
    if inputs.get("confounded"):
        assert [rule["min"] for rule in rules_for(expect, "ate_ci_low")] == [pytest.approx(effect, abs=6e-4)]
        return
    lows = [rule["max"] for rule in rules_for(expect, "ate_ci_low")]
    highs = [rule["min"] for rule in rules_for(expect, "ate_ci_high")]

    assert lows + highs == pytest.approx([effect] * len(lows + highs), abs=6e-4)


@pytest.mark.parametrize(("inputs", "expect"), cases("gap_analyzer", having="gaps_found"))
def test_gap_ranges_contain_the_planted_gaps(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Number, size, order and worth of the gaps in goldens are those that were planted."""
    planted = _planted(inputs)
    shares = [gap["share"] for gap in planted]

    assert all(allows(rule, len(planted)) for rule in rules_for(expect, "gaps_found"))
    assert all(allows(rule, max(shares, default=0.0)) for rule in rules_for(expect, "gap_score"))
    assert all(allows(rule, sum(gap["net"] for gap in planted)) for rule in rules_for(expect, "roi_total_usd"))
    for rank, gap in enumerate(planted):
        assert all(allows(rule, gap["region"]) for rule in rules_for(expect, f"gaps.{rank}.region"))
        assert all(allows(rule, gap["brand"]) for rule in rules_for(expect, f"gaps.{rank}.brand"))
        assert all(allows(rule, gap["share"]) for rule in rules_for(expect, f"gaps.{rank}.shortfall_low"))
        assert all(allows(rule, gap["share"]) for rule in rules_for(expect, f"gaps.{rank}.shortfall_high"))


@pytest.mark.parametrize(("inputs", "expect"), cases("drift_monitor", having="drift_magnitude"))
def test_drift_ranges_contain_the_injected_shift(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """The magnitude in goldens is that of the largest injected shift, 0 if none was injected."""
    injected = max((abs(amount) for _, amount in BATCHES[inputs["batch"]].shifts), default=0.0)

    assert all(allows(rule, injected) for rule in rules_for(expect, "drift_magnitude"))


@pytest.mark.parametrize(("inputs", "expect"), cases("drift_monitor", having="drifted"))
def test_drifted_features_are_the_injected_ones(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Goldens name the features that were changed, and the concept only where it was."""
    drift = BATCHES[inputs["batch"]]
    named = [rule["equals"] for rule in rules_for(expect, "drifted")]

    assert [sorted(names) for names in named] == [list(drift.features)]
    assert all(allows(rule, len(drift.features)) for rule in rules_for(expect, "features_drifted"))
    assert all(rule is drift.concept for rule in rules_for(expect, "concept_drift"))


def test_a_range_beside_the_truth_is_noticed() -> None:
    """The judgement of a range can fail."""
    assert not allows({"min": 2.9, "max": 3.4}, 2.78)
    assert not allows(2, 1)


@pytest.mark.parametrize("agent", ["causal_impact", "gap_analyzer", "drift_monitor"])
def test_there_are_goldens_of_every_kind(agent: str) -> None:
    """Each agent has at least eight, among them truth, null, edge and Claude's errors."""
    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CASES / agent).glob("*.yaml")]

    assert len(texts) >= 8
    assert {tag for case in texts for tag in case["tags"]} >= {"truth", "null", "edge", "claude-error", "smoke"}


def _planted(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    brands = BRANDS if inputs["brand"] == "portfolio" else [inputs["brand"]]
    found = []
    for brand in brands:
        panel = brand_panel(brand, spec_of(inputs))
        for gap in panel.truth.gaps:
            if inputs.get("region") in {None, gap.region}:
                worth = opportunity(
                    shortfall=gap.share,
                    volume_per_month=gap.lost_trx_per_month * (1 - gap.share) / gap.share,
                    hcps=int((panel.hcps["region"] == gap.region).sum()),
                    value_usd=BRANDS[brand].value_per_trx_usd,
                )
                assert worth.lost_usd == pytest.approx(gap.lost_usd_per_year)
                found.append({"brand": brand, "region": gap.region, "share": gap.share, "net": worth.net_usd})
    return sorted(found, key=_net, reverse=True)


def _net(gap: dict[str, Any]) -> float:
    return float(gap["net"])
