"""The check ``review``: an output that was observed and is wrong must not come out, and somebody says what must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.comparison import ComparisonRules
from e2i_eval.checks.compare.difference import differences
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from e2i_eval.core.case import Case, Expectation
    from e2i_eval.core.evidence import Evidence

__all__ = ["REVIEW"]

NAME = "review"
KEY = "expect.wrong_output"


def _judge(evidence: Evidence) -> Verdict:
    case, run = evidence.case, evidence.run
    if not _is_answered(case.expect):
        return _failed(case, "nobody has said what the right answer is", _question(case))
    if run.error is None and not differences(case.expect.wrong_output, run.output, _comparison(case.expect)):
        return _failed(case, "the output that is wrong came out again", "is what was reported as wrong")
    return Verdict(check=NAME, status="pass", reason="another output came out than the one reported as wrong")


def _is_answered(expect: Expectation) -> bool:
    return bool(expect.has_output or expect.values or expect.error or expect.judges)


def _question(case: Case) -> str:
    return f"say what the right answer is in {case.where(KEY)}: add expect.values or expect.output"


def _comparison(expect: Expectation) -> ComparisonRules:
    return ComparisonRules.of(
        tolerance=expect.tolerance,
        ignore_order=expect.ignore_order,
        ignore=expect.ignore,
        ignore_regex=expect.ignore_regex,
    )


def _failed(case: Case, reason: str, message: str) -> Verdict:
    finding = Finding(message=message, field="output", where=case.where(KEY))
    return Verdict(check=NAME, status="fail", reason=reason, findings=(finding,), score=0.0)


REVIEW = NamedCheck(name=NAME, judge=_judge)
"""Judges cases with ``expect.wrong_output``."""
