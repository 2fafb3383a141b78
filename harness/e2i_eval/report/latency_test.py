"""Base against head, as text: a table, and a line for each part of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.latency_shift import LatencyShift

__all__ = ["latency_lines", "shift_lines"]

HEADER = ("A/B latency test", "part", "base ms", "head ms", "shift ms", "interval", "counts from", "pairs", "verdict")
LEFT = 2
"""So many columns are words."""

MARK = {"pass": "✓ pass", "fail": "✗ slower", "inconclusive": "? inconclusive"}


def latency_lines(shifts: Sequence[LatencyShift]) -> list[str]:
    """Return a table of all that was compared, and below it why it did not pass; nothing without a A/B latency test."""
    if not shifts:
        return []
    rows = [HEADER, *map(_cells, shifts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    reasons = [f"! {each.target}, {each.part}: {each.reason}" for each in shifts if each.status != "pass"]
    return ["", *(_line(row, widths) for row in rows), *reasons]


def shift_lines(shifts: Sequence[LatencyShift]) -> tuple[str, ...]:
    """Return a sentence a part."""
    return tuple(
        f"{each.part}: {each.base_ms:.1f} -> {each.head_ms:.1f} ms, {MARK[each.status]}: {each.reason}"
        for each in shifts
    )


def _cells(shift: LatencyShift) -> tuple[str, ...]:
    estimate = shift.shift_ms
    return (
        shift.target,
        shift.part,
        f"{shift.base_ms:.1f}",
        f"{shift.head_ms:.1f}",
        f"{estimate.value:+.1f}",
        f"{estimate.low:+.1f} to {estimate.high:+.1f}",
        f"{shift.floor_ms:.1f}",
        str(shift.pairs),
        MARK[shift.status],
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    last = len(row) - 1
    cells = [
        cell.ljust(width) if column < LEFT or column == last else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
