"""Trajectories of an agent that logs by autolog, and a judge that people do not agree with: one run of a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Outcome, Project

STEPS = """\
  trajectory:
    steps:
      - {node: plan}
      - {node: act}
      - {tool: lookup_order, input: {order_id: 7}}
      - {node: answer}
"""
JUDGE = (
    '  judges: [{name: tone, of: answer, rubric: "Is it friendly?", min: 4, mock: {score: 2, reason: "It is curt."}}]\n'
)
LABELS = """\
schema: 1
labels: [{case: support/right, score: 2, by: ada, date: "2026-11-20"}]
"""


def case_with(project: Project, lines: str) -> str:
    """Return the sample's case with more lines under ``expect``."""
    head, tail = project.refund.split("  nodes:")
    return f"{head}{lines}  nodes:{tail}"


@pytest.fixture
def outcome(project: Project) -> Outcome:
    """A run of one right case and three that are wrong, two of them judged by a judge without calibration."""
    wrong = {
        "right": STEPS + JUDGE,
        "argument": STEPS.replace("order_id: 7", "order_id: 8"),
        "missing": STEPS.replace("      - {node: act}\n", "      - {node: act}\n      - {node: review}\n"),
        "trusted": JUDGE.replace("tone", "other"),
    }
    for name, lines in wrong.items():
        project.write(f"golden/cases/support/{name}.yaml", case_with(project, lines))
    project.write("golden/labels/tone.yaml", LABELS)
    return project.run("-q")


def test_the_step_that_differs_is_on_the_screen(outcome: Outcome) -> None:
    """The tool that was asked for and then ran is one step; a bad score counts unless the judge is in doubt."""
    verdicts: dict[str, dict[str, Any]] = {
        name: {each["check"]: each for each in case["verdicts"]} for name, case in outcome.cases.items()
    }

    assert outcome.statuses == {
        "support/refund": "pass",
        "support/right": "pass",
        "support/argument": "fail",
        "support/missing": "fail",
        "support/trusted": "fail",
    }
    assert verdicts["support/right"]["trajectory"]["reason"].startswith("4 steps were taken: exactly these")
    assert '! tool lookup_order {"order_id": 8}  tool lookup_order {"order_id": 7}' in outcome.screen
    assert "trajectory.steps.2.input.order_id" in outcome.reasons("support/argument")
    assert "- node review" in outcome.screen
    assert verdicts["support/right"]["judge.tone"]["status"] == "skip"
    assert "1 bad score not counted: the judge 'tone' is not calibrated" in outcome.screen
    assert verdicts["support/trusted"]["judge.other"]["status"] == "fail"
