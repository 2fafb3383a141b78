"""The table of a session: a row a target, and their total."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import Cell, Code, Column, Row, Section, Table
from e2i_eval.runner.report import summarise

if TYPE_CHECKING:
    from e2i_eval.report.blocks import Mark, Words
    from e2i_eval.runner.report import Report, TargetSummary

__all__ = ["targets"]

NUMBERS = ("cases", "calls", "tokens in", "out", "cost", "ms p50/max", "logging")


def targets(report: Report) -> list[Section]:
    """Return the section with the table; none when no case was evaluated."""
    if not report.cases:
        return []
    rows = [_row(row, Code(row.target, anchor=f"target/{row.target}")) for row in report.targets()]
    if len(rows) > 1:
        rows.append(_row(summarise("total", list(report.cases), report.repeated), "total", is_total=True))
    columns = (Column("target"), Column("verdict"), *(Column(name, is_number=True) for name in NUMBERS))
    return [Section(id="targets", title="Targets", blocks=(Table(columns, tuple(rows)),))]


def _row(row: TargetSummary, name: Words, *, is_total: bool = False) -> Row:
    cost = Cell(numbers.cost(row.cost_usd), sort=-1.0 if row.cost_usd is None else row.cost_usd)
    waited = f"{numbers.count(row.latency_p50_ms)}/{numbers.count(row.latency_max_ms)}"
    counts = (row.cases, row.calls, row.input_tokens, row.output_tokens)
    return Row(
        (
            Cell(name),
            _verdict(row),
            *(Cell(numbers.count(count), sort=count) for count in counts),
            cost,
            Cell(waited, sort=row.latency_p50_ms),
            Cell(numbers.share(row.logging), sort=-1.0 if row.logging is None else row.logging),
        ),
        is_total=is_total,
    )


def _verdict(row: TargetSummary) -> Cell:
    """Return the worst as the mark, and the count of everything that did not pass."""
    counts: tuple[tuple[Mark, int, str], ...] = (
        ("fail", row.failed, "fail"),
        ("error", row.errors, "error"),
        ("inconclusive", row.inconclusive, "inconclusive"),
        ("quarantined", row.quarantined, "quarantined"),
    )
    wrong = [(mark, f"{count:,} {word}") for mark, count, word in counts if count]
    urgency = row.failed * 1e9 + row.errors * 1e6 + row.inconclusive * 1e3 + row.quarantined
    if not wrong:
        return Cell("pass", mark="pass", sort=urgency)
    mark, first = wrong[0]
    if mark == "quarantined":
        return Cell(f"pass, {first}", mark="pass", sort=urgency)
    return Cell(", ".join(text for _, text in wrong), mark=mark, sort=urgency)
