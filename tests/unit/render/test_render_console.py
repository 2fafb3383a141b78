"""The terminal's text of a failure."""

from __future__ import annotations

from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.report import failure_lines
from e2i_eval.runner.report import CaseResult


def test_an_answer_gives_no_command_to_github() -> None:
    """A text of the model that looks like a workflow command is still readable, and is none."""
    finding = Finding(message="::error::pwned", field="output", expected="  ::set-env name=X::1", actual="##[error]no")
    verdict = Verdict(check="output", status="fail", reason="differs", findings=(finding,))
    result = CaseResult(case_id="a/b", target="a", nodeid="n", where="w:1", verdicts=(verdict,))
    lines = failure_lines(result)

    assert not [line for line in lines if line.strip().startswith("::") or "##[" in line]
    assert any("error" in line for line in lines)
