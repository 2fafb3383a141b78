"""Every range in a golden of the agent contains the closed form, and is narrow enough to mean something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i.data import BRANDS
from e2i.data.panel import NRX_SHARE
from e2i.data.response import Cell, best_split, market

CASES = Path(__file__).parents[2] / "golden" / "cases" / "resource_optimizer"


def cases() -> list[Any]:
    """Return (inputs, rules by name) of the cases that judge a number of an answer."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        rules = {**case["expect"].get("values", {}), **case["expect"].get("metrics", {})}
        if rules.get("status", "ok") == "ok" and truth_of(case["inputs"]).keys() & rules.keys():
            found.append(pytest.param(case["inputs"], rules, id=path.stem))
    return found


def cells_of(inputs: dict[str, Any]) -> list[Cell]:
    """Return the cells that the case is about."""
    brands = BRANDS if inputs["brand"] == "portfolio" else [inputs["brand"]]
    return [
        cell
        for brand in brands
        if brand in BRANDS
        for cell in market(brand).cells
        if inputs.get("region") in {None, cell.region} and cell.channel in inputs.get("channels", [cell.channel])
    ]


def truth_of(inputs: dict[str, Any]) -> dict[str, float]:
    """Return what the closed form says of the names that goldens judge."""
    cells = cells_of(inputs)
    if not cells or inputs["brand"] not in {*BRANDS, "portfolio"}:
        return {}
    share = NRX_SHARE if inputs.get("kpi") == "nrx" else 1.0
    budget = sum(cell.current_usd for cell in cells)
    if limits := inputs.get("limits", []):
        return _capped(cells, budget, limits[0]) if "max_share" in limits[0] and "brand" in limits[0] else {}
    best = best_split(cells, budget)
    equal = sum(cell.value_per_trx_usd * cell.curve.lift(budget / len(cells)) for cell in cells)
    uncalled = best_split([cell for cell in cells if cell.channel != "rep_calls"], budget)
    truth = {
        "projected_lift": share * best.lift,
        "projected_value_usd": share * best.value_usd,
        "shadow_price": share * best.shadow_price,
        "budget_used": sum(best.spend_usd),
        "budget_usd": budget,
        "solver_gap": 0.0,
        "cells": len(cells),
        "loss_equal_split": 1 - equal / best.value_usd if best.value_usd else 0.0,
        "scenarios.0.lift_change": best_split(cells, 1.1 * budget).lift - best.lift,
        "scenarios.2.lift_change": uncalled.lift - best.lift,
    }
    for key in ("brand", "channel"):
        names = dict.fromkeys(getattr(cell, key) for cell in cells)
        for place, name in enumerate(names):
            spent = sum(usd for cell, usd in zip(cells, best.spend_usd, strict=True) if getattr(cell, key) == name)
            truth[f"{key}s.{place}.share"] = spent / budget
            truth[f"{key}s.{place}.spend_usd"] = spent
    return truth


def _capped(cells: list[Cell], budget: float, limit: dict[str, Any]) -> dict[str, float]:
    """Return the truth where one brand's share binds: two closed forms, and the difference of their prices."""
    high = limit["max_share"] * budget
    inside = best_split([cell for cell in cells if cell.brand == limit["brand"]], high)
    outside = best_split([cell for cell in cells if cell.brand != limit["brand"]], budget - high)
    assert inside.shadow_price > outside.shadow_price  # else the limit does not bind
    return {
        "projected_value_usd": inside.value_usd + outside.value_usd,
        "binding.0.shadow_price": inside.shadow_price - outside.shadow_price,
        "brands.2.share": limit["max_share"],
        "solver_gap": 0.0,
    }


def allows(rule: Any, truth: float) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether the rule lets ``truth`` pass, within a millionth."""
    if not isinstance(rule, dict):
        return bool(rule == pytest.approx(truth, rel=1e-6, abs=1e-6))
    slack = 1e-6 * abs(truth)
    return bool(rule.get("min", float("-inf")) - slack <= truth <= rule.get("max", float("inf")) + slack)


@pytest.mark.parametrize(("inputs", "rules"), cases())
def test_ranges_contain_the_closed_form(inputs: dict[str, Any], rules: dict[str, Any]) -> None:
    """Each judged number is the truth's; two-sided ranges around a number that is not 0 are within 3 % of it."""
    truth = truth_of(inputs)
    judged = {name: rules[name] for name in truth.keys() & rules.keys()}

    assert {name: (rule, truth[name]) for name, rule in judged.items() if not allows(rule, truth[name])} == {}
    for name, rule in judged.items():
        if truth[name] and isinstance(rule, dict) and {"min", "max"} <= rule.keys():
            assert rule["max"] - rule["min"] <= 0.06 * abs(truth[name]), name


def test_a_range_beside_the_truth_is_noticed() -> None:
    """The judgement of a range can fail."""
    assert not allows({"min": 65_400, "max": 65_500}, 65_345.0)
    assert not allows(3.0, 4.0)


def test_there_are_goldens_of_every_kind() -> None:
    """At least ten, among them truth, null, edge, hostile text and Claude's errors; enough of them judge the truth."""
    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES.glob("*.yaml")]

    assert len(texts) >= 10
    assert {tag for case in texts for tag in case["tags"]} >= {
        *("truth", "null", "edge", "claude-error", "smoke", "adversarial")
    }
    assert len(cases()) >= 8
