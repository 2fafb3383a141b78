"""The check ``completed``: the target ended as the case says, by returning or by the expected error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.text import shown
from e2i_eval.checks.user_code import NOT_THE_USERS
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from e2i_eval.core.case import Case, ErrorRule
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.run import RunError

__all__ = ["COMPLETED", "last_user_lines"]

NAME = "completed"
FRAME = re.compile(r'^[ |]*File "(?P<file>[^"]+)", line \d+, in .+$')
SHOWN_FRAMES = 3


def _judge(evidence: Evidence) -> Verdict:
    case, error = evidence.case, evidence.run.error
    rule = case.expect.error
    if rule is None:
        finding = None if error is None else _unexpected(case, error)
        passed = "the target returned"
    else:
        finding = _other_end(case, rule, error)
        passed = f"the target raised {rule.type}, as expected"
    if finding is None:
        return Verdict(check=NAME, status="pass", reason=passed)
    return Verdict(check=NAME, status="fail", reason=_reason(error), findings=(finding,))


def _reason(error: RunError | None) -> str:
    return "the target returned" if error is None else f"the target raised {error.type}"


def _unexpected(case: Case, error: RunError) -> Finding:
    return Finding(
        message="\n".join(["the target raised an error", *last_user_lines(error.traceback)]),
        field="error",
        expected="no error",
        actual=_named(error),
        where=case.where("inputs"),
    )


def _other_end(case: Case, rule: ErrorRule, error: RunError | None) -> Finding | None:
    expected, where = rule.type, case.where("expect.error")
    if error is None:
        message = "the target returned, but had to raise"
        return Finding(message=message, field="error", expected=expected, actual="no error", where=where)
    if rule.type.rpartition(".")[2] not in {error.type, *error.bases}:
        message = "\n".join(["the target raised another error", *last_user_lines(error.traceback)])
        return Finding(message=message, field="error", expected=expected, actual=_named(error), where=where)
    if rule.contains is not None and rule.contains not in error.message:
        return Finding(
            message="the error's message does not contain what it must",
            field="error",
            expected=f"… {shown(rule.contains)} …",
            actual=_named(error),
            where=case.where("expect.error.contains"),
        )
    return None


def _named(error: RunError) -> str:
    return f"{error.type}: {error.message}" if error.message else error.type


def last_user_lines(traceback: str) -> tuple[str, ...]:
    """Return the last frames of a formatted traceback that lie in the user's code; of any code when none does."""
    lines = traceback.splitlines()
    starts = [at for at, line in enumerate(lines) if FRAME.match(line)]
    users = [at for at in starts if not NOT_THE_USERS.search(_file(lines[at]))]
    return tuple(line for at in (users or starts)[-SHOWN_FRAMES:] for line in _frame(lines, at))


def _file(line: str) -> str:
    frame = FRAME.match(line)
    return frame["file"] if frame else ""


def _frame(lines: list[str], at: int) -> tuple[str, ...]:
    """Return the frame's line and the source line below it, which is missing when the source cannot be read."""
    source = lines[at + 1 : at + 2]
    has_source = bool(source) and source[0].startswith("    ") and not FRAME.match(source[0])
    return (f"  {lines[at].strip(' |')}", *([f"    {source[0].strip()}"] if has_source else []))


COMPLETED = NamedCheck(name=NAME, judge=_judge)
"""Judges every case."""
