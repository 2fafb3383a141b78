"""Coverage in words: a line for the terminal, lines for the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.coverage import KINDS
from e2i_eval.core.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.checks.coverage import Kind, TargetCoverage
    from e2i_eval.runner.report import Report

__all__ = ["WORDS", "coverage_gaps", "coverage_line", "coverage_remarks", "coverage_scope"]

WORDS: dict[Kind, tuple[str, str]] = {
    "nodes": ("node", "nodes"),
    "edges": ("edge", "edges"),
    "branches": ("branch", "branches"),
    "tools": ("tool", "tools"),
    "retries": ("retry", "retries"),
    "error_paths": ("error path", "error paths"),
}
MOST_TARGETS = 4


def coverage_line(report: Report) -> list[str]:
    """Return the terminal's line: how many targets are exercised whole, and what is missing of the others.

    A part of a suite proves nothing about what is not exercised, so after one the line only says what was.
    """
    graphs = [each for each in report.coverage if each.has_graph]
    none = [each.target for each in report.coverage if not each.has_graph]
    if not graphs:
        return ["graph: no target is a LangGraph graph"] if none else []
    whole = sum(each.is_whole for each in graphs)
    verb = "is" if len(graphs) == 1 else "are"
    head = f"graph: {whole} of {len(graphs)} {'target' if len(graphs) == 1 else 'targets'} {verb} exercised whole"
    if scope := coverage_scope(report):
        return [f"{head} (a part of the suite ran: {scope})"]
    lacking = [f"{each.target}: {_lacking(each)}" for each in graphs if not each.is_whole]
    hidden = len(lacking) - MOST_TARGETS
    more = [f"and {hidden} more targets, in report.md"] if hidden > 0 else []
    without = [f"no graph: {', '.join(none)}"] if none else []
    return ["; ".join([head, *lacking[:MOST_TARGETS], *more, *without])]


def coverage_scope(report: Report) -> str:
    """Say why what was not exercised must not be called uncovered; empty for a whole run."""
    told = report.session.get("selection")
    if not told:
        return "it is not known how much of the suite ran"
    return "; ".join(Selection.from_json(told).gaps())


def coverage_gaps(coverage: TargetCoverage) -> Iterator[tuple[Kind, Sequence[str]]]:
    """Yield the kinds of which something was not exercised, with the names of that."""
    for kind in KINDS:
        if missing := coverage.missing(kind):
            yield kind, missing


def coverage_remarks(coverage: TargetCoverage) -> list[str]:
    """Return what else a reader should know of a target, one sentence each."""
    by_ear = [part.name for part in coverage.parts if part.known == "process"]
    said = [*coverage.unknown]
    if by_ear:
        said.append(f"known by LangGraph's callbacks alone, no trace shows it: {', '.join(by_ear)}")
    if coverage.failed:
        said.append(f"nodes that raised: {', '.join(coverage.failed)}")
    if coverage.beyond:
        said.append(f"nodes of graphs built while a node ran, not judged: {', '.join(coverage.beyond)}")
    return said


def _lacking(coverage: TargetCoverage) -> str:
    counts = coverage.counts()
    parts = [
        f"{len(names)} of {counts[kind][1]} {WORDS[kind][counts[kind][1] != 1]} not run"
        for kind, names in coverage_gaps(coverage)
    ]
    return ", ".join([*parts, *coverage.unknown])
