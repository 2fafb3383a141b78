"""Why a case did not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report.blocks import Line, Lines, Listing
from e2i_eval.report.terminal import terminal_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.verdict import Finding, Verdict
    from e2i_eval.runner.report import CaseResult

__all__ = ["failure_lines"]

SHOWN_FINDINGS = 12


def failure_lines(result: CaseResult) -> list[str]:
    """Return why a case did not pass: first what is wrong, then what could not be judged."""
    lines = [f"{result.where}  {result.case_id}"]
    for status in ("fail", "error"):
        for verdict in result.verdicts:
            if verdict.status == status:
                lines += ["", *terminal_text([Lines((_verdict(verdict),))])]
    return lines


def _verdict(verdict: Verdict) -> Line:
    words = f"{verdict.check}: {verdict.reason}".rstrip(": ")
    return Line(words, mark=verdict.status, below=(Lines(tuple(map(_finding, verdict.findings)), most=SHOWN_FINDINGS),))


def _finding(finding: Finding) -> Line:
    place = " · ".join(part for part in (finding.call, finding.field, finding.span) if part)
    return Line(place, below=(Listing(tuple(_details(finding))),))


def _details(finding: Finding) -> Iterator[str]:
    yield from finding.message.splitlines()
    expected, actual = ("wire", "server") if finding.call else ("expected", "got")
    for label, text in ((expected, finding.expected), (actual, finding.actual)):
        if text is not None:
            first, *rest = text.splitlines() or [""]
            yield f"{label:<9}{first}"
            yield from (f"{'':<9}{line}" for line in rest)
    if finding.where:
        yield f"at {finding.where}"
