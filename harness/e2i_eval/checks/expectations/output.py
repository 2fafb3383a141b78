"""The check ``output``: the whole output is what the golden case holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.comparison import ComparisonRules, is_number
from e2i_eval.checks.compare.diff_path import dotted_path
from e2i_eval.checks.compare.difference import Difference, differences
from e2i_eval.checks.compare.text import shown, text_difference
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from e2i_eval.core.case import Case, Tolerance
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonValue

__all__ = ["OUTPUT", "difference_message"]

NAME = "output"


def _judge(evidence: Evidence) -> Verdict:
    case, run = evidence.case, evidence.run
    if run.error is not None:
        return Verdict(check=NAME, status="fail", reason=f"there is no output: the target raised {run.error.type}")
    expect = case.expect
    comparison = ComparisonRules.of(
        tolerance=expect.tolerance,
        ignore_order=expect.ignore_order,
        ignore=expect.ignore,
        ignore_regex=expect.ignore_regex,
    )
    found = differences(expect.output, run.output, comparison)
    total = _leaves(expect.output)
    if not found:
        return Verdict(check=NAME, status="pass", reason=f"all {total} values agree", score=1.0)
    return Verdict(
        check=NAME,
        status="fail",
        reason=f"{len(found)} difference{'s' if len(found) > 1 else ''} from the golden output",
        findings=tuple(_finding(case, difference) for difference in found),
        score=_score(found, total),
    )


def _leaves(data: JsonValue) -> int:
    """Return how many single values ``data`` holds; an empty list or mapping is one."""
    children = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return sum(map(_leaves, children)) or 1


def _score(found: tuple[Difference, ...], total: int) -> float:
    """Return the share of expected values that agree."""
    wrong = sum(_leaves(difference.expected) for difference in found if difference.kind != "unexpected")
    extra = any(difference.kind == "unexpected" for difference in found)
    return max(0.0, 1.0 - max(wrong, 1 if extra else 0) / total)


def _finding(case: Case, difference: Difference) -> Finding:
    key = dotted_path(difference.path)
    return Finding(
        message=difference_message(difference, case.expect.tolerance),
        field=f"output.{key}" if key else "output",
        expected=None if difference.kind == "unexpected" else shown(difference.expected),
        actual=None if difference.kind == "missing" else shown(difference.actual),
        where=case.where(f"expect.output.{key}" if key else "expect.output"),
    )


def difference_message(difference: Difference, tolerance: Tolerance) -> str:
    """Return what is wrong at the difference, for long texts with their diff."""
    if difference.kind != "changed":
        return "is missing" if difference.kind == "missing" else "was not expected"
    expected, actual = difference.expected, difference.actual
    if is_number(expected) and is_number(actual):
        return f"is another number (tolerance: rel {tolerance.rel:g}, abs {tolerance.abs:g})"
    kinds = _kind(expected), _kind(actual)
    if kinds[0] != kinds[1]:
        return f"is {kinds[1]}, not {kinds[0]}"
    return text_difference(expected, actual) or "is another value"


def _kind(value: JsonValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if is_number(value):
        return "a number"
    return "text" if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"


OUTPUT = NamedCheck(name=NAME, judge=_judge)
"""Judges cases with ``expect.output``."""
