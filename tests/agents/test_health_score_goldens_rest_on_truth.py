"""Every score in a golden of the health score follows from what was planted, by a calculation of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i.agents.health_score.objective import OBJECTIVES
from e2i.data import BATCHES
from e2i.data.telemetry import SNAPSHOTS

CASES = Path(__file__).parents[2] / "golden" / "cases" / "health_score"
UNKNOWN = 0.25
WORTHLESS = 0.01
STEP = 0.011
"""Width of the ranges in goldens: the truth to two decimals, and one more on either side."""


def cases() -> list[Any]:
    """Return (inputs, values and metrics) of the cases that judge a score."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        if case["expect"].get("values", {}).get("health_score") is not None:
            found.append(pytest.param(case["inputs"], case["expect"], id=path.stem))
    return found


def planted(inputs: dict[str, Any]) -> dict[str, float | None]:
    """Return the readings that are off target, by the record of what was planted or by what the caller gave."""
    if "telemetry" in inputs:
        given = inputs["telemetry"]
        return {one.name: given.get(one.component, {}).get(one.signal) for one in OBJECTIVES}
    off = {f"{one.component}.{one.signal}": one.value for one in SNAPSHOTS[inputs.get("snapshot", "healthy")]}
    if "batch" in inputs:
        drift = BATCHES[inputs["batch"]]
        assert not drift.shifts
        off["data.missing_share"] = max(share for _, share in drift.missing)
    return off


def worth(name: str, value: float | None) -> tuple[float, float, bool]:
    """Return weight, score and whether the hard limit is broken, from the stated table alone."""
    one = next(item for item in OBJECTIVES if item.name == name)
    if value is None:
        return one.share, UNKNOWN, False
    met = min(1.0, max(WORTHLESS, (value - one.bad) / (one.good - one.bad)))
    direction = math.copysign(1, one.good - one.bad)
    return one.share, met, one.limit is not None and direction * value <= direction * one.limit


def truth(inputs: dict[str, Any]) -> tuple[float, float, int]:
    """Return composite, health score and critical issues."""
    off = planted(inputs)
    judged = [worth(name, value) for name, value in off.items()]
    composite = 100 * math.prod(score**weight for weight, score, _ in judged)
    blind = [
        component
        for component in ("model", "data", "pipeline", "agents")
        if all(off.get(one.name, 0.0) is None for one in OBJECTIVES if one.component == component)
    ]
    critical = sum(broken for _, _, broken in judged) + len(blind)
    caps = [94.0] * any(value is None for value in off.values()) + [50.0] * bool(critical)
    return composite, min(composite, *caps, 100.0), critical


def contains(rule: Any, value: float) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether the rule lets ``value`` pass, and little else."""
    if not isinstance(rule, dict):
        return bool(rule == value)
    if "equals" in rule:
        return bool(rule["equals"] == pytest.approx(value))
    return bool(rule["min"] <= value <= rule["max"] and rule["max"] - rule["min"] <= 2 * STEP)


@pytest.mark.parametrize(("inputs", "expect"), cases())
def test_scores_in_goldens_are_those_of_what_was_planted(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Score, composite and number of critical issues, in values and metrics alike."""
    composite, health, critical = truth(inputs)
    figures = {"health_score": health, "composite": composite, "critical_issues": critical}
    rules = [
        (rule, figures[name])
        for group in ("values", "metrics")
        for name, rule in expect.get(group, {}).items()
        if name in figures
    ]

    assert rules
    assert all(contains(rule, figure) for rule, figure in rules), (composite, health, critical)


@pytest.mark.parametrize(("inputs", "expect"), cases())
def test_issues_in_goldens_are_what_was_planted(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Where a golden names issues, they are the planted failures, all of them."""
    off = {name for name, value in planted(inputs).items() if worth(name, value)[1] < 1}
    named = expect["values"].get("issues")

    assert named is None or set(named["equals"]) == off


def test_a_range_beside_the_truth_is_noticed() -> None:
    """The judgement of a range can fail, also for being too wide."""
    assert not contains({"min": 85.0, "max": 85.01}, 85.94)
    assert not contains({"min": 0.0, "max": 100.0}, 85.94)
    assert not contains({"equals": 50.0}, 86.55)


def test_there_are_goldens_of_every_kind() -> None:
    """At least ten, among them truth, null, edge, adversarial ones and Claude's errors."""
    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES.glob("*.yaml")]
    kinds = {tag for case in texts for tag in case["tags"]}

    assert len(texts) >= 10
    assert kinds >= {"truth", "null", "edge", "adversarial", "claude-error", "smoke"}
