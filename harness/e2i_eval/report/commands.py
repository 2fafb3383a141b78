"""Commands a reader of a report may want to type next."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from e2i_eval.report.wrong_case import wrong_cases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["ACCEPT", "next_commands", "rerun"]

ACCEPT = 'e2i-eval baseline accept latest --reason "..."'
"""Makes this session's values the accepted ones."""

WORD = re.compile(r"[\w./+-]+")
"""What pytest's ``-k`` takes as one word."""

KEYWORDS = frozenset({"and", "or", "not"})
MOST_WORDS = 8


def rerun(cases: Sequence[CaseResult]) -> str:
    """Return the command that evaluates just ``cases`` again; of very many the ones that failed last."""
    ids = list(dict.fromkeys(case.case_id for case in cases))
    if len(ids) > MOST_WORDS:
        return "pytest --e2i-eval --lf"
    if all(WORD.fullmatch(each) and each not in KEYWORDS for each in ids):
        return f"pytest --e2i-eval -k {shlex.quote(' or '.join(ids))}"
    items = dict.fromkeys(shlex.quote(case.nodeid) for case in cases)
    return f"pytest --e2i-eval {' '.join(items)}"


def next_commands(report: Report) -> list[tuple[str, str]]:
    """Return what to type now: what for, and the command."""
    wrong = [each.run for each in wrong_cases(report) if not each.is_quarantined]
    steps = [("run what failed again", rerun(wrong))] if wrong else []
    if any(decision.status == "fail" and decision.baseline is not None for decision in report.decisions):
        steps.append(("accept an intended change", ACCEPT))
    fixes = dict.fromkeys(decision.fix for decision in report.decisions if decision.status != "pass" and decision.fix)
    known = [command for _, command in steps]
    return [*steps, *(("fix what the gate found", fix) for fix in fixes if not any(each in fix for each in known))]
