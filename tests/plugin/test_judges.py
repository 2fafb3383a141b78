"""Judges in a stranger's project: what they say is in the report, and what they cannot say is neither pass nor fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

JUDGES = """
schema = 1
[judges.tone]
rubric = "Says what the customer has to do next."
"""


def test_judged_in_mock(project: Project) -> None:
    """One case is failed by its judge, one judge breaks, one is not asked; nothing counts as the agent's."""
    project.write("evals/judges.toml", JUDGES)
    pyproject = (project.folder / "pyproject.toml").read_text()
    own = "[tool.e2i_eval.targets.support]\n"
    project.write("pyproject.toml", pyproject.replace(own, f'{own}judges = "evals/judges.toml"\n'))
    told = {"good": "{score: 5}", "rude": '{score: 1, reason: "It is rude."}', "broke": "{error: 401}"}
    for name, mock in told.items():
        judge = f"  judges: [{{name: tone, mock: {mock}}}]\n"
        project.write(f"golden/cases/support/{name}.yaml", project.refund.replace("expect:\n", f"expect:\n{judge}"))
    unasked = project.refund.replace("expect:\n", "expect:\n  judges: [{name: tone}]\n")
    project.write("golden/cases/support/unasked.yaml", unasked)

    outcome = project.run("-p", "no:cacheprovider")

    assert outcome.code == 1, outcome.screen
    assert {name.partition("/")[2]: status for name, status in outcome.statuses.items()} == {
        "refund": "pass",
        "good": "pass",
        "rude": "fail",
        "broke": "error",
        "unasked": "pass",
    }
    assert "It is rude." in outcome.screen
    assert "1 judgement not made, which is no pass (no answer in mock mode): support/unasked tone" in outcome.screen
    assert "1 judge broke, which says nothing about the agents: support/broke tone" in outcome.screen
    plain, judged = outcome.cases["support/refund"], outcome.cases["support/good"]
    for name in ("input_tokens", "output_tokens", "claude_calls", "cost_usd"):
        assert judged["measurements"][name] == plain["measurements"][name]
    assert judged["measurements"]["judge.input_tokens"] > 0
    assert judged["judgements"][0]["score"] == 5
    assert outcome.report["targets"]["support"]["cases_inconclusive"] == 1
    assert "judge.input_tokens" not in plain["measurements"]

    alone = project.run("-p", "no:cacheprovider", "-k", "support/broke")

    assert alone.code == 6, alone.screen
    assert json.loads(alone.reasons("support/broke"))[0]["check"] == "judge.tone"
