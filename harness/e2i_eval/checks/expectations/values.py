"""The check ``values``: single values of the output keep the rules set for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.data_path import NOTHING, all_paths, value_at
from e2i_eval.checks.compare.text import shown
from e2i_eval.checks.expectations.rule_breach import breaches
from e2i_eval.checks.expectations.ruled import ruled_verdict
from e2i_eval.core.suggestion import nearest, quoted
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from e2i_eval.core.case import Case, ValueRule
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonValue

__all__ = ["VALUES"]

NAME = "values"
SHOWN_PATHS = 5


def _judge(evidence: Evidence) -> Verdict:
    case, run = evidence.case, evidence.run
    if run.error is not None:
        return Verdict(check=NAME, status="fail", reason=f"there is no output: the target raised {run.error.type}")
    rules = case.expect.values
    return ruled_verdict(NAME, {path: _findings(case, path, rule, run.output) for path, rule in rules.items()})


def _findings(case: Case, path: str, rule: ValueRule, output: JsonValue) -> list[Finding]:
    key = f"expect.values.{path}"
    value = value_at(output, path)
    if value is NOTHING:
        return [Finding(message=_missing(path, output), field=f"values.{path}", where=case.where(key))]
    return [
        Finding(
            message=breach.message,
            field=f"values.{path}",
            expected=breach.expected,
            actual=shown(value),
            where=case.where(f"{key}.{breach.part}"),
        )
        for breach in breaches(rule, value)
    ]


def _missing(path: str, output: JsonValue) -> str:
    known = all_paths(output)
    near = nearest(path, known, count=SHOWN_PATHS)
    if near:
        return f"the output has no '{path}'; the nearest it has: {quoted(near)}"
    return f"the output has no '{path}'; it has {quoted(known[:SHOWN_PATHS])}{' …' if known[SHOWN_PATHS:] else ''}"


VALUES = NamedCheck(name=NAME, judge=_judge)
"""Judges cases with ``expect.values``."""
