"""A case made of a mistake fails until somebody says what is right, and then until it comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks.expectations import golden_checks
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run
from e2i_eval.dataset.case_file.reader import read_case

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.core.json_value import JsonValue

HEAD = "schema: 1\ninputs: {question: soon}\norigin: {trace: tr-1}\nexpect:\n  wrong_output: {answer: On Friday.}\n"


@pytest.mark.parametrize(
    ("added", "output", "status", "reason"),
    [
        ("", {"answer": "On Friday."}, "fail", "nobody has said what the right answer is"),
        ("", {"answer": "On Monday."}, "fail", "nobody has said what the right answer is"),
        (
            "  values: {answer: On Monday.}\n",
            {"answer": "On Friday."},
            "fail",
            "the output that is wrong came out again",
        ),
        ("  values: {answer: On Monday.}\n", {"answer": "On Monday."}, "pass", "another output came out"),
    ],
)
def test_only_an_answer_that_somebody_gave_passes(
    tmp_path: Path, added: str, output: JsonValue, status: str, reason: str
) -> None:
    """Another output than the wrong one is not yet the right one."""
    file = tmp_path / "cases" / "support" / "one.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(HEAD + added)
    case = read_case(file, root=tmp_path, known_targets=["support"])
    check = next(each for each in golden_checks(case) if each.name == "review")
    run = Run(output=output, error=None, started_at_s=0.0, duration_s=0.1)
    verdict = check.judge(Evidence(case=case, run=run, exchanges=(), notes=(), traces=(), logged=None))

    assert (verdict.status, verdict.reason[: len(reason)]) == (status, reason)
    assert all(finding.where == "cases/support/one.yaml:5" for finding in verdict.findings)
    if not added:
        assert "say what the right answer is in cases/support/one.yaml:5" in verdict.findings[0].message
