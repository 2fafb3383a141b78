"""Base against head: a table, and why a part of a target did not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import SIGNS, Cell, Code, Column, Line, Lines, Row, Section, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.latency_shift import LatencyShift, LatencyStatus

__all__ = ["latency", "shift_lines"]

NUMBERS = ("base", "head", "shift", "threshold", "pairs")
WORDS: dict[LatencyStatus, str] = {"pass": "pass", "fail": "slower", "inconclusive": "inconclusive"}


def latency(shifts: Sequence[LatencyShift]) -> list[Section]:
    """Return the section on the A/B latency test; none without one."""
    if not shifts:
        return []
    columns = (Column("target"), Column("part"), *(Column(name, is_number=True) for name in NUMBERS), Column("verdict"))
    reasons = tuple(
        Line((Code(each.target), f", {each.part}: {each.reason}"), mark=each.status)
        for each in shifts
        if each.status != "pass"
    )
    return [
        Section(
            id="latency",
            title="Latency, base against head",
            label="latency",
            head="base against head, in turns on this machine",
            blocks=(Table(columns, tuple(map(_row, shifts))), Lines(reasons)),
        )
    ]


def shift_lines(shifts: Sequence[LatencyShift]) -> tuple[str, ...]:
    """Return a sentence a part."""
    return tuple(
        f"{each.part}: {each.base_ms:.1f} -> {each.head_ms:.1f} ms,"
        f" {SIGNS[each.status].text} {WORDS[each.status]}: {each.reason}"
        for each in shifts
    )


def _row(shift: LatencyShift) -> Row:
    texts = (
        numbers.ms(shift.base_ms),
        numbers.ms(shift.head_ms),
        numbers.interval_ms(shift.shift_ms),
        numbers.ms(shift.floor_ms),
        f"{shift.pairs:,}",
    )
    verdict = Cell(WORDS[shift.status], mark=shift.status)
    return Row((Cell(Code(shift.target)), Cell(shift.part), *map(Cell, texts), verdict))
