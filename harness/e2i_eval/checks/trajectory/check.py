"""The check ``trajectory``: nodes and tool calls in one sequence, as the traces on the server show."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.arrangement import Happening
from e2i_eval.checks.expectations.ruled import unknown_verdict
from e2i_eval.checks.trajectory.alignment import Fit, align, pair_up
from e2i_eval.checks.trajectory.argument import argument_findings, arguments_agree
from e2i_eval.checks.trajectory.lines import alignment_lines, is_wrong
from e2i_eval.checks.trajectory.steps import steps_taken
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from e2i_eval.checks.compare.arrangement import Part
    from e2i_eval.checks.trajectory.alignment import AlignmentRow
    from e2i_eval.core.case import Case, StepRule, TrajectoryRule
    from e2i_eval.core.evidence import Evidence

__all__ = ["breaking_rows", "matched_rows", "trajectory_check"]

NAME = "trajectory"

MODES = {
    "strict": "exactly these steps in this order",
    "unordered": "exactly these steps in any order",
    "subset": "at least these steps",
    "superset": "no steps but these",
}


def trajectory_check(rule: TrajectoryRule, other_models: Sequence[str] = ()) -> NamedCheck:
    """Return the check that a case asks for by ``expect.trajectory``.

    Args:
        rule: what is expected.
        other_models: model names (globs) whose spans are no calls to Claude, as the contract says.
    """
    return NamedCheck(name=NAME, judge=lambda evidence: _judge(rule, evidence, other_models))


def matched_rows(rule: TrajectoryRule, taken: Part) -> tuple[AlignmentRow, ...]:
    """Return the best alignment of the steps taken with those expected; in the order expected when that is free."""
    fit = _fit_by(rule.steps)
    if rule.in_order:
        return align(taken, len(rule.steps), fit)
    return pair_up(tuple(_all(taken)), len(rule.steps), fit)


def breaking_rows(rule: TrajectoryRule, rows: Sequence[AlignmentRow]) -> tuple[AlignmentRow, ...]:
    """Return the rows that break the rule; none means that the trajectory is right."""
    return tuple(row for row in rows if is_wrong(rule, row))


def _judge(rule: TrajectoryRule, evidence: Evidence, other_models: Sequence[str]) -> Verdict:
    if evidence.traces is None:
        return unknown_verdict(NAME, evidence.unknown)
    where = evidence.case.where("expect.trajectory")
    if not evidence.traces:
        finding = Finding(message="the server kept no trace of this case", field=NAME, where=where)
        return Verdict(check=NAME, status="fail", reason="no trace records which steps were taken", findings=(finding,))
    rows = matched_rows(rule, steps_taken(evidence.traces, rule.of, other_models=other_models))
    wrong = breaking_rows(rule, rows)
    asked = f"{MODES[rule.mode]}{', in this order' if rule.in_order and rule.mode != 'strict' else ''}"
    if not wrong:
        taken = sum(row.taken is not None for row in rows)
        return Verdict(check=NAME, status="pass", reason=f"{taken} steps were taken: {asked}", score=1.0)
    return Verdict(
        check=NAME,
        status="fail",
        reason=f"{_counted(wrong)} ({asked})",
        findings=(_whole(rule, rows, where), *_arguments(evidence.case, rule, wrong)),
        score=_score(rule, rows),
    )


def _fit_by(steps: Sequence[StepRule]) -> Callable[[Happening, int], Fit]:
    def fit(taken: Happening, at: int) -> Fit:
        step = steps[at]
        if taken.name != step.label:
            return "none"
        return "full" if step.kind == "node" or arguments_agree(step, taken.detail) else "near"

    return fit


def _all(part: Part) -> Iterator[Happening]:
    if isinstance(part, Happening):
        yield part
        return
    for each in part.parts:
        yield from _all(each)


def _counted(wrong: Sequence[AlignmentRow]) -> str:
    counts = {
        "missing": sum(row.taken is None for row in wrong),
        "not expected": sum(row.expected is None for row in wrong),
        "with other arguments": sum(row.fit == "near" for row in wrong),
    }
    what = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return f"{len(wrong)} step{'s' if len(wrong) > 1 else ''} differ{'' if len(wrong) > 1 else 's'}: {what}"


def _whole(rule: TrajectoryRule, rows: Sequence[AlignmentRow], where: str) -> Finding:
    return Finding(
        message="\n".join(alignment_lines(rule, rows)),
        field=NAME,
        expected=", ".join(step.label for step in rule.steps) or "no steps",
        actual=", ".join(row.taken.name for row in rows if row.taken is not None) or "no steps",
        where=where,
    )


def _arguments(case: Case, rule: TrajectoryRule, wrong: Sequence[AlignmentRow]) -> Iterator[Finding]:
    for row in wrong:
        if row.fit != "near" or row.expected is None or row.taken is None:
            continue
        place = f"{NAME}.steps.{row.expected}"
        step = rule.steps[row.expected]
        for finding in argument_findings(step, row.taken.detail, partial(_line, case, place)):
            message = f"step {row.expected + 1}, {step.label}: {finding.message}"
            yield replace(finding, field=f"{place}.{finding.field}", message=message)


def _line(case: Case, place: str, key: str) -> str:
    return case.where(f"expect.{place}.{key}")


def _score(rule: TrajectoryRule, rows: Sequence[AlignmentRow]) -> float:
    """Return the share of the steps that must agree which do."""
    agreeing = sum(row.fit == "full" for row in rows)
    taken = sum(row.taken is not None for row in rows)
    wanted = {"subset": len(rule.steps), "superset": taken}.get(rule.mode, max(len(rule.steps), taken))
    return agreeing / wanted if wanted else 0.0
