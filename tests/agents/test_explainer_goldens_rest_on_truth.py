"""Every range in a golden of the explainer contains what the data's own record says is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2i.data import PanelSpec, brand_panel

CASES = Path(__file__).parents[2] / "golden" / "cases" / "explainer"
FILES = sorted(CASES.glob("*.yaml"))

EFFECT, GAP = "effect", "gap"
JUDGED = {
    "kisqali": {"claims.0.value": EFFECT, "claims.3.value": GAP},
    "fabhalta-executive": {"claims.0.value": EFFECT, "claims.1.value": GAP},
    "claude-overloaded": {"claims.0.value": EFFECT},
    "contradiction": {"contradictions.0.statements.0.value": EFFECT},
}
"""Case to the values it judges by the record, and what of the record."""


def case_of(name: str) -> dict[str, Any]:
    """Return a case."""
    case: dict[str, Any] = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return case


@pytest.mark.parametrize("name", JUDGED)
def test_ranges_contain_the_truth(name: str) -> None:
    """Neither too high nor too low, and no wider than half the truth on either side."""
    case = case_of(name)
    truth = brand_panel(case["inputs"]["brand"], PanelSpec()).truth
    known = {EFFECT: truth.ate, GAP: truth.gaps[0].share}
    for path, what in JUDGED[name].items():
        rule = case["expect"]["values"][path]

        assert rule["min"] <= known[what] <= rule["max"]
        assert rule["max"] - rule["min"] <= known[what]


def test_no_range_is_forgotten() -> None:
    """Every case that judges a value of a brand's panel by a range is listed above, but for the null's confidence."""
    with_ranges = {
        path.stem
        for path in FILES
        for rule in case_of(path.stem)["expect"].get("values", {}).values()
        if isinstance(rule, dict) and "min" in rule
    }

    assert with_ranges - {"remibrutinib-null"} == set(JUDGED)
    assert brand_panel("Remibrutinib", PanelSpec()).truth.ate == 0.0


def test_there_are_goldens_of_every_kind() -> None:
    """Truth, null, edge, given results, hostile text and Claude's errors."""
    cases = [case_of(path.stem) for path in FILES]

    assert len(cases) >= 12
    assert {tag for case in cases for tag in case["tags"]} >= {
        *("truth", "null", "edge", "given", "hostile", "claude-error", "smoke")
    }
