"""Every number and name in a golden of the agent is the one that was planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i.data import BRANDS
from e2i.data.feedback import THRESHOLDS, FeedbackTruth, feedback

CASES = Path(__file__).parents[2] / "golden" / "cases" / "feedback_learner"
NAMED = {"patterns_found", "expected_gain"}


def cases() -> list[Any]:
    """Return (inputs, rules by name) of the cases that judge findings."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        rules = {**case["expect"].get("values", {}), **case["expect"].get("metrics", {})}
        if rules.get("status", "ok") == "ok" and NAMED & rules.keys() and case["inputs"]["brand"] != "Panacea":
            found.append(pytest.param(case["inputs"], rules, id=path.stem))
    return found


def truths(inputs: dict[str, Any]) -> dict[str, FeedbackTruth]:
    """Return the record of each brand in question."""
    brands = BRANDS if inputs["brand"] == "portfolio" else [inputs["brand"]]
    return {brand: feedback(brand, inputs.get("stream", "recorded")).truth for brand in brands}


def gains_of(brand: str, truth: FeedbackTruth, share: float) -> list[tuple[dict[str, str], float]]:
    """Return (where, gain) of the causes that cost answers, ``share`` being the brand's part of all answers."""
    causes = truth.causes
    found: list[tuple[dict[str, str], float]] = []
    if causes.slice:
        found.append(({"brand": brand, **dict(causes.slice)}, share * truth.slice_gain))
    if causes.threshold:
        found.append(({"brand": brand, "agent": causes.threshold[0]}, share * truth.threshold_gain))
    if causes.route:
        found.append(({"brand": brand, "route": causes.route}, share * truth.route_gain))
    return found


def allows(rule: Any, truth: float) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether the rule lets ``truth`` pass, to four decimals."""
    if not isinstance(rule, dict):
        return bool(rule == pytest.approx(truth, abs=1e-4))
    return bool(rule.get("min", float("-inf")) - 1e-4 <= truth <= rule.get("max", float("inf")) + 1e-4)


@pytest.mark.parametrize(("inputs", "rules"), cases())
def test_counts_and_gains_are_the_planted_ones(inputs: dict[str, Any], rules: dict[str, Any]) -> None:
    """As many patterns as causes, and ranges of the total gain around the truth."""
    known = truths(inputs)
    causes = [truth.causes for truth in known.values()]
    count = sum(
        bool(one.slice) + bool(one.threshold) + bool(one.route) + len(one.careless) + bool(one.overconfidence)
        for one in causes
    )
    gain = sum(truth.gain for truth in known.values()) / len(known)

    assert allows(rules["patterns_found"], count)
    for name in ("expected_gain", "expected_gain_low", "expected_gain_high"):
        assert name not in rules or allows(rules[name], gain), name
    if rules["patterns_found"] == 0:
        assert count == 0
        assert gain == 0.0


@pytest.mark.parametrize(("inputs", "rules"), cases())
def test_patterns_are_named_where_they_were_planted(inputs: dict[str, Any], rules: dict[str, Any]) -> None:
    """Each golden's place is a cause's, ranked by the true gain, with a range that contains it."""
    known = truths(inputs)
    planted = [one for brand, truth in known.items() for one in gains_of(brand, truth, 1 / len(known))]
    planted.sort(key=lambda one: -one[1])
    for rank, (where, gain) in enumerate(planted):
        rule = rules.get(f"patterns.{rank}.where", {"equals": where})
        assert where in rule.get("one_of", [rule.get("equals")])
        assert allows(rules.get(f"patterns.{rank}.gain", gain), gain)
    careless = {name for truth in known.values() for name in truth.careless}
    for name, rule in rules.items():
        if name.endswith("where.rater"):
            assert set(rule["one_of"]) == careless
        if isinstance(rule, dict) and "rater" in str(name) and "equals" in rule:
            assert rule["equals"]["rater"] in careless


def test_thresholds_and_curves_in_goldens_are_the_planted_ones() -> None:
    """The needed threshold and the planted overconfidence lie in the ranges that judge them."""
    kisqali, fabhalta = (
        yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))["expect"]["values"]
        for name in ("kisqali", "fabhalta")
    )
    causes = {brand: feedback(brand, "recorded").truth.causes for brand in ("Kisqali", "Fabhalta")}

    assert causes["Kisqali"].threshold is not None
    agent, needed = causes["Kisqali"].threshold
    assert allows(kisqali["patterns.2.change.threshold.to"], needed)
    assert not allows(kisqali["patterns.2.change.threshold.to"], THRESHOLDS[agent])
    assert allows(fabhalta["calibration.0.intercept"], -causes["Fabhalta"].overconfidence)
    assert allows(fabhalta["calibration.0.slope"], 1.0)


def test_a_range_beside_the_truth_is_noticed() -> None:
    """The judgement of a range can fail."""
    assert not allows({"min": 0.1, "max": 0.2}, 0.0935)
    assert not allows(3, 4)


def test_there_are_goldens_of_every_kind() -> None:
    """At least ten, among them truth, null, edge, hostile text and Claude's errors."""
    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES.glob("*.yaml")]

    assert len(texts) >= 10
    assert {tag for case in texts for tag in case["tags"]} >= {
        *("truth", "null", "edge", "claude-error", "smoke", "adversarial")
    }
    assert len(cases()) >= 8
