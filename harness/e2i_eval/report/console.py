"""The terminal's view: the table of a session, and why a case failed."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from e2i_eval.report import numbers
from e2i_eval.report.coverage import coverage_line
from e2i_eval.report.gate import gate_lines
from e2i_eval.report.latency_test import latency_lines
from e2i_eval.report.overhead import overhead_lines
from e2i_eval.report.repeats import repeat_lines
from e2i_eval.runner.report import summarise

if TYPE_CHECKING:
    from e2i_eval.core.verdict import Finding, Verdict
    from e2i_eval.runner.report import CaseResult, Report, TargetSummary

__all__ = ["failure_lines", "summary_lines"]

MARK = {"pass": "✓", "fail": "✗", "error": "?", "skip": "-"}
SHOWN_FINDINGS = 12
WORKFLOW_COMMAND = re.compile(r"^\s*::|##\[")
WIDEST = 120
"""Room for the table on narrow terminals too: a line that wraps is read, a cell that is cut is not."""


def summary_lines(report: Report, *, width: int, color: bool) -> list[str]:
    """Return the table of targets and what follows from it, one text a line."""
    lines = _table_lines(report, width=width, color=color) if report.cases else ["no case was evaluated"]
    lines += repeat_lines(report)
    lines += coverage_line(report)
    lines += overhead_lines(report.overheads)
    lines += latency_lines(report.latency)
    lines += gate_lines(report.decisions)
    lines += [f"note: {note}" for note in report.notes]
    lines += [f"! {problem}" for problem in report.problems]
    unjudged = [case for case in report.cases if case.status == "error"]
    if unjudged:
        lines.append(f"! {len(unjudged)} of {len(report.cases)} cases could not be judged, which is never a pass")
    return lines


def failure_lines(result: CaseResult) -> list[str]:
    """Return why a case did not pass: first what is wrong, then what could not be judged."""
    lines = [f"{result.where}  {result.case_id}"]
    for status in ("fail", "error"):
        for verdict in result.verdicts:
            if verdict.status == status:
                lines += ["", *_verdict_lines(verdict)]
    return lines


def _table_lines(report: Report, *, width: int, color: bool) -> list[str]:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in ("target", "verdict"):
        table.add_column(name, no_wrap=True)
    for name in ("cases", "calls", "tokens in", "out", "cost", "ms p50/max", "logging"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = report.targets()
    for row in rows:
        table.add_row(*_cells(row))
    if len(rows) > 1:
        table.add_section()
        table.add_row(*_cells(summarise("total", list(report.cases), report.repeated)))
    screen = io.StringIO()
    console = Console(
        file=screen, width=max(width, WIDEST), force_terminal=color, color_system="standard" if color else None
    )
    console.print(table)
    return [line.rstrip() for line in screen.getvalue().splitlines() if line.strip()]


def _cells(row: TargetSummary) -> tuple[str | Text, ...]:
    return (
        row.target,
        _verdict_cell(row),
        numbers.count(row.cases),
        numbers.count(row.calls),
        numbers.count(row.input_tokens),
        numbers.count(row.output_tokens),
        numbers.cost(row.cost_usd),
        f"{numbers.count(row.latency_p50_ms)}/{numbers.count(row.latency_max_ms)}",
        numbers.share(row.logging),
    )


def _verdict_cell(row: TargetSummary) -> Text:
    if row.failed:
        style, parts = "red", [f"✗ {row.failed} fail"]
    elif row.errors or row.inconclusive:
        style, parts = "yellow", []
    else:
        style, parts = "green", ["✓ pass"]
    if row.errors:
        parts.append(f"? {row.errors} unknown")
    if row.inconclusive:
        parts.append(f"~ {row.inconclusive} undecided")
    if row.quarantined:
        parts.append(f"({row.quarantined} quarantined)")
    return Text(" ".join(parts), style=style)


def _verdict_lines(verdict: Verdict) -> list[str]:
    lines = [f"{MARK[verdict.status]} {verdict.check}: {verdict.reason}".rstrip(": ")]
    for finding in verdict.findings[:SHOWN_FINDINGS]:
        lines += _finding_lines(finding)
    hidden = len(verdict.findings) - SHOWN_FINDINGS
    if hidden > 0:
        lines.append(f"    … and {hidden} more, all of them in report.json")
    return lines


def _finding_lines(finding: Finding) -> list[str]:
    place = " · ".join(part for part in (finding.call, finding.field, finding.span) if part)
    lines = [f"    {place}", *_indented(finding.message)]
    expected, actual = ("wire", "server") if finding.call else ("expected", "got")
    if finding.expected is not None:
        lines += _labelled(expected, finding.expected)
    if finding.actual is not None:
        lines += _labelled(actual, finding.actual)
    if finding.where:
        lines.append(f"      at {finding.where}")
    return lines


def _labelled(label: str, text: str) -> list[str]:
    first, *rest = map(_harmless, text.splitlines() or [""])
    return [f"      {label:<9}{first}", *(f"      {'':<9}{line}" for line in rest)]


def _indented(text: str) -> list[str]:
    return [f"      {_harmless(line)}" for line in text.splitlines()]


def _harmless(line: str) -> str:
    """Keep an answer from speaking to GitHub, which obeys lines that begin with ``::`` and texts with ``##[``."""
    return WORKFLOW_COMMAND.sub(lambda found: " ".join(found[0].strip()), line)
