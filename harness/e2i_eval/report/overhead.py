"""What logging costs: a table of all measurements, and what a caller would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import Cell, Code, Column, Fold, Line, Lines, Row, Section, Table
from e2i_eval.report.terminal import terminal_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.overhead_result import OverheadResult

__all__ = ["difference_lines", "overhead"]

SHOWN = 8
NUMBERS = ("without logging", "logging adds", "drain", "pairs")


def overhead(overheads: Sequence[OverheadResult]) -> list[Section]:
    """Return the section on overhead, with what logging changed; none when nothing was measured."""
    if not overheads:
        return []
    columns = (*map(Column, ("target", "case", "callers")), *(Column(name, is_number=True) for name in NUMBERS))
    changed = tuple(
        Line((Code(each.target), f", {each.callers}: {text}"), mark="fail")
        for each in overheads
        for text in each.differences
    )
    conditions = tuple(Line(text) for text in dict.fromkeys(text for each in overheads for text in each.conditions))
    blocks = (Table((*columns, Column("answers")), tuple(map(_row, overheads))), Lines(changed, most=SHOWN))
    measured = (Fold("how it was measured", (Lines(conditions),)),) if conditions else ()
    head = "what logging adds to a call"
    return [Section(id="overhead", title="Overhead", label="overhead", head=head, blocks=(*blocks, *measured))]


def difference_lines(result: OverheadResult) -> list[str]:
    """Return what a caller notices, or the server lacks, of one measurement; empty when it is nothing."""
    if not result.differences:
        return []
    words = f"{result.case_id}, {result.callers}: logging changes what a caller gets or the server stores"
    return terminal_text(
        [Lines((Line(words, mark="fail", below=(Lines(tuple(map(Line, result.differences)), most=SHOWN),)),))]
    )


def _row(result: OverheadResult) -> Row:
    texts = (
        result.case_id.removeprefix(f"{result.target}/"),
        result.callers,
        numbers.ms(result.plain_ms),
        numbers.interval_ms(result.overhead_ms),
        numbers.ms(result.drain_ms),
        f"{result.pairs:,}",
    )
    answers = Cell("changed", mark="fail") if result.differences else Cell("same", mark="pass")
    return Row((Cell(Code(result.target)), *map(Cell, texts), answers))
