"""Every range in this agent's goldens contains what follows from other panels and the plain closed form.

The truth is reckoned without the agent's code: noise from large panels of other seeds, by centring within strata and
one slope; sizes by the normal formula.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from e2i.data import BRANDS, PanelSpec, brand_panel
from e2i.data.local_market import local_markets

CASES = Path(__file__).parents[2] / "golden" / "cases" / "experiment_designer"

Z = {0.05: 1.959964, round(0.05 / 3, 6): 2.393980}
Z_POWER = 0.841621
COST_USD = 9_000
MONTHS = 6
DROPOUT = 0.1
T_INSTEAD_OF_NORMAL = 0.96
"""What the t distribution adds to the prescribers of an arm at 5 %: z^2 / 4 (W. Guenther, 1981)."""


def cases(*having: str, unit: str = "hcp") -> list[Any]:
    """Return (inputs, expect) of the answered cases that judge one of ``having`` and randomise ``unit``."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        rules = {**case["expect"].get("metrics", {}), **case["expect"].get("values", {})}
        asked = case["inputs"].get("unit", "hcp") == unit
        if asked and set(having) & set(rules) and rules.get("status", "ok") == "ok":
            found.append(pytest.param(case["inputs"], case["expect"], id=path.stem))
    return found


def rules_for(expect: dict[str, Any], name: str) -> list[Any]:
    """Return the rules on ``name``, of output and of metrics."""
    return [expect[group][name] for group in ("values", "metrics") if name in expect.get(group, {})]


def allows(rule: Any, truth: float) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether the rule lets ``truth`` pass."""
    if not isinstance(rule, dict):
        return bool(rule == truth)
    return bool(rule.get("min", -float("inf")) <= truth <= rule.get("max", float("inf")))


@cache
def noise(brand: str) -> tuple[float, float]:
    """Return the standard deviation of six months' mean TRx within strata, and what the past leaves of it."""
    found = []
    for seed in (101, 102, 103):
        panel = brand_panel(brand, PanelSpec(seed=seed, n_hcps=10_000))
        cell = panel.hcps.groupby(["region", "segment"], observed=True).ngroup().to_numpy()
        outcome, past = (
            part - (np.bincount(cell, part) / np.bincount(cell))[cell]
            for part in (panel.trx[:, MONTHS : 2 * MONTHS].mean(axis=1), panel.trx[:, :MONTHS].mean(axis=1))
        )
        left = outcome - past * float(outcome @ past) / float(past @ past)
        found.append((outcome.std(), left.std()))
    within, adjusted = np.mean(found, axis=0)
    return float(within), float(adjusted)


def truths(inputs: dict[str, Any]) -> dict[str, float]:
    """Return the true answer for prescribers as units."""
    within, adjusted = noise(inputs["brand"])
    sd = adjusted if inputs.get("cuped", True) else within
    pays = COST_USD / 12 / BRANDS[inputs["brand"]].value_per_trx_usd
    effect = inputs["effect_size"] * sd if "effect_size" in inputs else inputs.get("effect", pays)
    arms, treated = inputs.get("arms", 1), inputs.get("treated_share", 0.5)
    dropout = inputs.get("dropout", DROPOUT)
    spread = (Z[round(0.05 / arms, 6)] + Z_POWER) * sd * (arms / treated + 1 / (1 - treated)) ** 0.5
    return {
        "effect": effect,
        "alpha_each": 0.05 / arms,
        "sample_size": 2 * math.ceil((spread / effect) ** 2 / (1 - dropout) / 2 + T_INSTEAD_OF_NORMAL),
        "mde": spread / (5_000 * (1 - dropout)) ** 0.5,
        "rehearsed_power": 0.8,
        "rehearsed_false_alarms": 0.05,
    }


@pytest.mark.parametrize(("inputs", "expect"), cases("sample_size", "mde", "rehearsed_false_alarms", "effect"))
def test_ranges_contain_the_truth(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Sizes, detectable effects and error rates in goldens are those of the normal formula on other panels."""
    for name, truth in truths(inputs).items():
        assert all(allows(rule, truth) for rule in rules_for(expect, name)), (name, truth)


@pytest.mark.parametrize(("inputs", "expect"), cases("sample_size"))
def test_verdict_follows_from_the_truth(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Feasible is what 5,000 prescribers truly supply."""
    verdict = "feasible" if truths(inputs)["sample_size"] <= 5_000 else "too_small"

    assert all(rule == verdict for rule in rules_for(expect, "verdict"))


@pytest.mark.parametrize(("inputs", "expect"), cases("icc", unit="territory"))
def test_cluster_ranges_contain_the_planted_correlation(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Correlation, design effect and detectable effect follow from the planted shocks."""
    own = noise(inputs["brand"])[1]
    markets = local_markets(inputs["brand"], seed=7, sd=inputs.get("market_sd", 0.0))
    icc = markets.icc(own)
    sizes = brand_panel(inputs["brand"], PanelSpec()).hcps["territory"].value_counts().to_numpy()
    size = len(sizes) / (1 / sizes).sum()
    mean_sd = (markets.sd**2 + own**2 / (size * (1 - DROPOUT))) ** 0.5
    detectable = (Z[0.05] + Z_POWER) * mean_sd * (4 / 40) ** 0.5

    assert all(allows(rule, icc) for rule in rules_for(expect, "icc"))
    assert all(allows(rule, 1 + (size - 1) * icc) for rule in rules_for(expect, "design_effect"))
    assert all(allows(rule, detectable) for rule in rules_for(expect, "mde"))
    assert all(rule["min"] == pytest.approx(icc, abs=2e-3) for rule in rules_for(expect, "icc_high") if "min" in rule)


def test_the_textbook_golden_holds_the_closed_form() -> None:
    """63.77 in each arm, rounded up, is the least that the golden lets pass."""
    case = yaml.safe_load((CASES / "textbook.yaml").read_text(encoding="utf-8"))

    assert case["expect"]["values"]["sample_size"]["min"] == 2 * int(np.ceil(63.77))


def test_a_range_beside_the_truth_is_noticed() -> None:
    """The judgement of a range can fail."""
    assert not allows({"min": 2.9, "max": 3.4}, 2.78)
    assert not allows(2, 1)


def test_there_are_goldens_of_every_kind() -> None:
    """At least ten, among them truth, null, edge, adversarial text and Claude's errors."""
    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES.glob("*.yaml")]

    assert len(texts) >= 10
    assert {tag for case in texts for tag in case["tags"]} >= {
        *("truth", "null", "edge", "claude-error", "smoke", "adversarial"),
    }
