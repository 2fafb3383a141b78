"""What the orchestrator's goldens expect is what the data's record and the labelled questions say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i.agents.orchestrator.questions import load_questions
from e2i.agents.orchestrator.route import ruled
from e2i.data import BATCHES, BRANDS, PanelSpec, brand_panel

CASES = Path(__file__).parents[2] / "golden" / "cases" / "orchestrator"
FILES = sorted(CASES.glob("*.yaml"))
LABELS = {one.question: one.agents for one in load_questions()}


def case_of(path: Path) -> dict[str, Any]:
    """Return the case in a file."""
    case: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return case


def truths(inputs: dict[str, Any]) -> dict[str, float]:
    """Return what is true of the case's brand, by the path under which goldens judge it."""
    brands = list(BRANDS) if inputs["brand"] == "portfolio" else [inputs["brand"]]
    panels = [brand_panel(brand, PanelSpec()).truth for brand in brands]
    batch = inputs.get("options", {}).get("drift_monitor", {}).get("batch", "steady")
    return {
        "answers.causal_impact.ate": panels[0].ate,
        "answers.gap_analyzer.gap_score": max(gap.share for truth in panels for gap in truth.gaps),
        "answers.gap_analyzer.gaps_found": sum(len(truth.gaps) for truth in panels),
        "answers.drift_monitor.drift_magnitude": max((abs(by) for _, by in BATCHES[batch].shifts), default=0.0),
    }


def allows(rule: Any, truth: float) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether a rule on a number lets the truth pass."""
    if not isinstance(rule, dict):
        return bool(rule == truth)
    return bool(rule["min"] <= truth <= rule["max"])


@pytest.mark.parametrize(
    "path", [path for path in FILES if "brand: Panacea" not in path.read_text()], ids=lambda path: path.stem
)
def test_ranges_contain_the_truth(path: Path) -> None:
    """Every judged number of an agent is judged around what was planted."""
    case = case_of(path)
    known = truths(case["inputs"])
    values = case["expect"].get("values", {})
    judged = {name: rule for name, rule in values.items() if name in known and rule is not None}

    assert all(allows(rule, known[name]) for name, rule in judged.items()), judged


def test_drifted_features_are_the_injected_ones() -> None:
    """Of the batch that the options name."""
    case = case_of(CASES / "four-at-once.yaml")
    batch = case["inputs"]["options"]["drift_monitor"]["batch"]

    assert case["expect"]["values"]["answers.drift_monitor.drifted"]["equals"] == list(BATCHES[batch].features)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_routes_in_goldens_are_the_labelled_ones(path: Path) -> None:
    """Where a question is labelled, Claude is scripted to choose right, and the rule is expected to only if it does."""
    case = case_of(path)
    question = case["inputs"]["question"]
    chosen = [entry["tool_use"]["input"] for entry in case.get("claude", []) if _routes(entry)]
    values = case["expect"].get("values", {})
    if question not in LABELS:
        return
    if values.get("routed_by") == "rule":
        assert set(ruled(question).agents) == LABELS[question]
    else:
        assert all(set(one["agents"]) == LABELS[question] for one in chosen)


def test_there_are_goldens_of_every_kind() -> None:
    """Routes of every size, truth, null, edge, hostile text and Claude's errors."""
    cases = [case_of(path) for path in FILES]
    sizes = {
        len(entry["tool_use"]["input"]["agents"])
        for case in cases
        for entry in case.get("claude", [])
        if _routes(entry)
    }

    assert len(cases) >= 12
    assert {tag for case in cases for tag in case["tags"]} >= {
        "truth",
        "null",
        "edge",
        "claude-error",
        "smoke",
        "hostile",
    }
    assert sizes >= {0, 1, 2, 6}


def _routes(entry: dict[str, Any]) -> bool:
    return bool(entry.get("tool_use", {}).get("name") == "Routing")
