"""What logging costs, as text: a table of all measurements, and what a caller would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.overhead_result import OverheadResult

__all__ = ["difference_lines", "overhead_lines"]

SHOWN = 8
HEADER = ("overhead", "case", "callers", "plain ms", "added ms", "interval", "drain ms", "pairs", "same")
LEFT = 3
"""So many columns are words."""


def overhead_lines(overheads: Sequence[OverheadResult]) -> list[str]:
    """Return a table of all measurements, and below it what is remarkable; nothing when nothing was measured."""
    if not overheads:
        return []
    rows = [HEADER, *map(_cells, overheads)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = ["", *(_line(row, widths) for row in rows)]
    for each in overheads:
        lines += [f"! {each.target}, {each.callers}: {difference}" for difference in each.differences[:SHOWN]]
    return lines


def difference_lines(result: OverheadResult) -> list[str]:
    """Return what a caller notices, or the server lacks, of one measurement; empty when it is nothing."""
    if not result.differences:
        return []
    hidden = len(result.differences) - SHOWN
    more = [f"    … and {hidden} more, all of them in report.json"] if hidden > 0 else []
    head = f"{result.case_id}, {result.callers}: logging is not transparent"
    return [head, *(f"    {each}" for each in result.differences[:SHOWN]), *more]


def _cells(result: OverheadResult) -> tuple[str, ...]:
    estimate = result.overhead_ms
    return (
        result.target,
        result.case_id.removeprefix(f"{result.target}/"),
        result.callers,
        f"{result.plain_ms:.2f}",
        f"{estimate.value:+.2f}",
        f"{estimate.low:+.2f} to {estimate.high:+.2f}",
        f"{result.drain_ms:.1f}",
        str(result.pairs),
        "no" if result.differences else "yes",
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [
        cell.ljust(width) if column < LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
