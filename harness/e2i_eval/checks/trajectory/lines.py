"""An alignment as lines for a person: expected and taken side by side, and the step that differs marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.compare.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.checks.compare.arrangement import Happening
    from e2i_eval.checks.trajectory.alignment import AlignmentRow
    from e2i_eval.core.case import StepRule, TrajectoryRule

__all__ = ["alignment_lines", "is_wrong"]

NEAR = 2
"""Agreeing steps shown around one that differs; more would hide it in a long run."""

SHOWN_LETTERS = 60


def alignment_lines(rule: TrajectoryRule, rows: Sequence[AlignmentRow]) -> tuple[str, ...]:
    """Return the rows near those that are wrong.

    ``-`` stands before what is missing, ``+`` before what nothing expects, ``!`` before other arguments.
    """
    texts = [_texts(rule.steps, row) for row in rows]
    width = max([len("expected"), *(len(left) for left, _ in texts)])
    wrong = {at for at, row in enumerate(rows) if is_wrong(rule, row)}
    near = sorted({each for at in wrong for each in range(at - NEAR, at + NEAR + 1) if 0 <= each < len(rows)})
    lines = [f"  {'expected':<{width}}  taken"]
    before = -1
    for at in near:
        lines += ["  …"] if at > before + 1 else []
        left, right = texts[at]
        lines.append(f"{_mark(rows[at]) if at in wrong else ' '} {left:<{width}}  {right}".rstrip())
        before = at
    return (*lines, *(["  …"] if before < len(rows) - 1 else []))


def is_wrong(rule: TrajectoryRule, row: AlignmentRow) -> bool:
    """Tell whether a row breaks the rule, by its mode: what may be missing, and what may be too much."""
    if row.fit == "near":
        return True
    if row.taken is None:
        return rule.mode != "superset"
    return row.expected is None and rule.mode != "subset"


def _mark(row: AlignmentRow) -> str:
    return "!" if row.fit == "near" else "-" if row.taken is None else "+"


def _texts(steps: Sequence[StepRule], row: AlignmentRow) -> tuple[str, str]:
    expected = "" if row.expected is None else _expected(steps[row.expected])
    return expected, "" if row.taken is None else _taken(row.taken)


def _expected(step: StepRule) -> str:
    return " ".join([step.label, *_short(step.input)])


def _taken(taken: Happening) -> str:
    return " ".join([taken.name, *_short(taken.detail)])


def _short(value: object) -> Iterator[str]:
    if value is not None:
        text = shown(value)
        yield text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…"
