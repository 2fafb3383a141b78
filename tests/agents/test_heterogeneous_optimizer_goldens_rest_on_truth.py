"""Every range in this agent's goldens contains what the panel's own record says is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i.agents.campaign_cost import COST_PER_HCP_USD, MONTHS_PER_YEAR
from e2i.data import BRANDS, SEGMENTS, PanelSpec, panel_slice

CASES = Path(__file__).parents[2] / "golden" / "cases" / "heterogeneous_optimizer"


def cases(*having: str) -> list[Any]:
    """Return (inputs, expect) of the cases that end in a trusted answer and judge one of ``having``."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        rules = {**case["expect"].get("metrics", {}), **case["expect"].get("values", {})}
        if set(having) & set(rules) and rules.get("status", "ok") == "ok" and not case["inputs"].get("confounded"):
            found.append(pytest.param(case["inputs"], case["expect"], id=path.stem))
    return found


def rules_for(expect: dict[str, Any], name: str) -> list[Any]:
    """Return the rules on ``name``, of output and of metrics."""
    return [expect[group][name] for group in ("values", "metrics") if name in expect.get(group, {})]


def allows(rule: Any, truth: Any, *, digits: float = 0.0) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether the rule lets ``truth`` pass, which it may state to ``digits`` only."""
    if not isinstance(rule, dict):
        return bool(rule == truth)
    if "equals" in rule:
        return bool(rule["equals"] == truth)
    return bool(rule.get("min", -float("inf")) - digits <= truth <= rule.get("max", float("inf")) + digits)


def truths(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the true answer: the oracle's policy at the case's cost and budget, and its value."""
    spec = PanelSpec(**{name: inputs[name] for name in ("seed", "n_hcps", "missing_access") if name in inputs})
    chosen = panel_slice(inputs["brand"], spec, kpi="trx", region=inputs.get("region"), specialty=None)
    sizes = {name: int((chosen.hcps["segment"] == name).sum()) for name in SEGMENTS}
    effects = dict(chosen.panel.truth.effects)
    cost = inputs.get("cost_per_hcp_usd", COST_PER_HCP_USD)
    net = {
        name: effects[name] * MONTHS_PER_YEAR * BRANDS[inputs["brand"]].value_per_trx_usd - cost for name in SEGMENTS
    }
    left = inputs.get("budget_usd", float("inf")) // cost
    policy: dict[str, int] = {}
    for name in sorted((name for name in SEGMENTS if net[name] > 0), key=net.__getitem__, reverse=True):
        policy[name] = int(min(sizes[name], left))
        left -= policy[name]
    treated = sum(policy.values())
    answer = {
        "targeted": [name for name, hcps in policy.items() if hcps],
        "harmed": [name for name in SEGMENTS if effects[name] < 0],
        "cate_spread": max(effects.values()) - min(effects.values()),
        "policy_value": sum(hcps * net[name] for name, hcps in policy.items()),
        "share_targeted": treated / sum(sizes.values()),
        "hcps_targeted": treated,
        "value_treat_all_usd": sum(sizes[name] * net[name] for name in SEGMENTS),
        "rows_dropped": chosen.dropped,
        "rows": len(chosen.hcps),
    }
    for place, name in enumerate(SEGMENTS):
        answer[f"segments.{place}.hcps_targeted"] = policy.get(name, 0)
        answer[f"segments.{place}.effect"] = effects[name]
    return answer


@pytest.mark.parametrize(("inputs", "expect"), cases("policy_value", "targeted", "share_targeted", "cate_spread"))
def test_ranges_contain_the_truth(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Policy, value, spread and harm in goldens are those of the oracle."""
    checked = 0
    for name, truth in truths(inputs).items():
        rules = rules_for(expect, name)
        checked += len(rules)
        assert all(allows(rule, truth, digits=5e-5 if name == "share_targeted" else 0.0) for rule in rules), name

    assert checked


@pytest.mark.parametrize(("inputs", "expect"), cases("policy_value"))
def test_money_is_judged_closely(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """A range of money is no wider than a fifth of the truth to either side."""
    truth = truths(inputs)["policy_value"]
    for rule in rules_for(expect, "policy_value"):
        if isinstance(rule, dict):
            assert rule["max"] - truth <= 0.21 * truth
            assert truth - rule["min"] <= 0.21 * truth


@pytest.mark.parametrize(("inputs", "expect"), cases("segments.1.effect_low"))
def test_bounds_of_intervals_are_the_truth(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """What a segment's interval must hold is its true effect."""
    truth = truths(inputs)["segments.1.effect"]

    assert rules_for(expect, "segments.1.effect_low")[0]["max"] == truth
    assert rules_for(expect, "segments.1.effect_high")[0]["min"] == truth


def test_a_range_beside_the_truth_is_noticed() -> None:
    """The judgement of a range can fail."""
    assert not allows({"min": 2.9, "max": 3.4}, 2.78)
    assert not allows({"equals": ["high-digital"]}, [])
    assert not allows(2, 1)


def test_there_are_goldens_of_every_kind() -> None:
    """At least ten, among them truth, null, edge, adversarial text and Claude's errors."""
    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES.glob("*.yaml")]

    assert len(texts) >= 10
    assert {tag for case in texts for tag in case["tags"]} >= {
        *("truth", "null", "edge", "claude-error", "smoke", "adversarial"),
    }
