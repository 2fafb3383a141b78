"""Coverage: how many graphs are fully covered, and by name what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.coverage import KINDS
from e2i_eval.core.json_codec import from_json
from e2i_eval.core.selection import Selection
from e2i_eval.report import numbers
from e2i_eval.report.blocks import Cell, Code, Column, Fold, Line, Lines, Row, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.coverage import Kind, TargetCoverage
    from e2i_eval.report.blocks import Block
    from e2i_eval.runner.report import Report

__all__ = ["coverage"]

NOUNS: dict[Kind, tuple[str, str]] = {
    "nodes": ("node", "nodes"),
    "edges": ("edge", "edges"),
    "branches": ("branch", "branches"),
    "tools": ("tool", "tools"),
    "retries": ("retry", "retries"),
    "error_paths": ("error path", "error paths"),
}
MOST_TARGETS = 4


def coverage(report: Report) -> list[Section]:
    """Return how many targets are fully covered, and what is missing of the others; none without a target.

    A part of a suite proves nothing about what is not exercised, so after one the section only says what was.
    """
    graphs = [each for each in report.coverage if each.has_graph]
    if not report.coverage:
        return []
    if not graphs:
        return [Section(title="Graph coverage", label="coverage", head="no target is a LangGraph graph")]
    scope = _scope(report)
    blocks: list[Block] = [_table(report.coverage)]
    missing = () if scope else tuple(_missing(report.coverage))
    blocks += [Lines(missing)] if missing else []
    remarks = tuple(Line((Code(each.target), f": {text}")) for each in graphs for text in _remarks(each))
    if remarks:
        blocks.append(
            Fold(f"{numbers.amount(len(remarks), 'remark')}: what raised, and what is not judged", (Lines(remarks),))
        )
    head = _head(report, scope)
    return [
        Section(id="coverage", title="Graph coverage", label="coverage", head=head, blocks=(Fold("", tuple(blocks)),))
    ]


def _head(report: Report, scope: str) -> str:
    graphs = [each for each in report.coverage if each.has_graph]
    none = [each.target for each in report.coverage if not each.has_graph]
    whole = sum(each.is_whole for each in graphs)
    verb = "is" if len(graphs) == 1 else "are"
    head = f"{whole} of {numbers.amount(len(graphs), 'target')} {verb} fully covered"
    if scope:
        return f"{head} (only part of the suite ran: {scope})"
    lacking = [f"{each.target}: {_lacking(each)}" for each in graphs if not each.is_whole]
    hidden = len(lacking) - MOST_TARGETS
    more = [f"and {hidden} more targets, in report.md"] if hidden > 0 else []
    without = [f"no graph: {', '.join(none)}"] if none else []
    return "; ".join([head, *lacking[:MOST_TARGETS], *more, *without])


def _scope(report: Report) -> str:
    """Say why what was not exercised must not be called uncovered; empty for a whole run."""
    selection = report.session.get("selection")
    if not selection:
        return "it is not known how much of the suite ran"
    return "; ".join(from_json(Selection, selection).gaps())


def _table(found: tuple[TargetCoverage, ...]) -> Table:
    shown = [kind for kind in NOUNS if any(kind in each.counts() for each in found)]
    columns = (Column("target"), *(Column(NOUNS[kind][1], is_number=True) for kind in shown))
    return Table(columns, tuple(_row(each, shown) for each in found))


def _row(coverage: TargetCoverage, shown: list[Kind]) -> Row:
    if not coverage.has_graph:
        return Row((Cell((Code(coverage.target), f" {coverage.why_none}")), *(Cell("-") for _ in shown)))
    counts = coverage.counts()
    cells = (f"{counts[kind][0]} of {counts[kind][1]}" if kind in counts else "-" for kind in shown)
    return Row((Cell(Code(coverage.target)), *map(Cell, cells)))


def _missing(found: tuple[TargetCoverage, ...]) -> Iterator[Line]:
    """Yield a line for each kind of part of a target that was not exercised, with the names of these parts."""
    for each in found:
        for kind in KINDS:
            if names := each.missing(kind):
                spans = [span for name in names for span in (", ", Code(name))][1:]
                yield Line((Code(each.target), f": {NOUNS[kind][1]} not run: ", *spans), mark="skip")


def _lacking(coverage: TargetCoverage) -> str:
    counts = coverage.counts()
    parts = [
        f"{len(names)} of {counts[kind][1]} {NOUNS[kind][counts[kind][1] != 1]} not run"
        for kind in KINDS
        if (names := coverage.missing(kind))
    ]
    return ", ".join([*parts, *coverage.unknown])


def _remarks(coverage: TargetCoverage) -> Iterator[str]:
    """Yield what else a reader should know of a target, one sentence each."""
    yield from coverage.unknown
    if unseen := [part.name for part in coverage.parts if part.known == "process"]:
        yield f"reported by LangGraph's callbacks alone, in no trace: {', '.join(unseen)}"
    if coverage.failed:
        yield f"nodes that raised: {', '.join(coverage.failed)}"
    if coverage.beyond:
        yield f"nodes of graphs built while a node ran, not judged: {', '.join(coverage.beyond)}"
