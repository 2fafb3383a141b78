"""A session's report: its verdict, and the sections in which each of its forms explains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import Code, Commands, Fold, Line, Lines, Listing, Section, Strong
from e2i_eval.report.commands import next_commands
from e2i_eval.report.conclusion import conclude
from e2i_eval.report.coverage import coverage
from e2i_eval.report.failure import failure_lines
from e2i_eval.report.gate import changes, gate, unseen
from e2i_eval.report.latency_test import latency
from e2i_eval.report.markdown import COMMENT_CHARS, markdown
from e2i_eval.report.overhead import overhead
from e2i_eval.report.repeats import repeats
from e2i_eval.report.targets import targets
from e2i_eval.report.terminal import terminal_lines
from e2i_eval.report.wrong_case import wrong_cases

if TYPE_CHECKING:
    from e2i_eval.report.blocks import Mark
    from e2i_eval.report.wrong_case import WrongCase
    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["markdown_report", "report_sections", "summary_lines"]

SHOWN = 12
REST = "`report.html` and `report.json`"


def summary_lines(report: Report, *, color: bool) -> list[str]:
    """Return the table of targets and what follows from it for a terminal, one text a line."""
    sections = [
        *targets(report),
        *repeats(report),
        *coverage(report),
        *overhead(report.overheads),
        *latency(report.latency),
        *gate(report.decisions),
        *unseen(report.decisions),
        *_notes(report),
        *_problems(report),
        *_unjudged(report),
    ]
    return [*([] if report.cases else ["no case was evaluated"]), *terminal_lines(sections, color=color)]


def markdown_report(report: Report, *, limit: int = COMMENT_CHARS) -> str:
    """Return ``report`` as GitHub's Markdown of at most ``limit`` characters; what is left out is counted."""
    return markdown([_verdict(report), *report_sections(report)], rest=REST, limit=limit)


def report_sections(report: Report) -> list[Section]:
    """Return what explains the verdict to a reader of the page or of a pull request, the most urgent first."""
    return [
        *_problems(report),
        *_wrong(report),
        *_commands(report),
        *repeats(report),
        *changes(report.decisions),
        *gate(report.decisions),
        *unseen(report.decisions),
        *latency(report.latency),
        *overhead(report.overheads),
        *targets(report),
        *coverage(report),
        *_notes(report),
    ]


def _verdict(report: Report) -> Section:
    conclusion = conclude(report)
    session = report.session
    git = session.get("git") or {}
    commit = str(git.get("commit", ""))[:7]
    state = " with uncommitted changes" if str(git.get("dirty")) == "true" else ""
    facts = [
        f"Claude: {session.get('claude', 'unknown')}",
        numbers.amount(len(report.targets()), "target"),
        numbers.duration(float(session.get("duration_s") or 0)),
    ]
    head = " · ".join(facts)
    title = f"e2i-eval {conclusion.word.lower()}: {conclusion.headline}"
    return Section(
        title=title,
        mark=conclusion.status,
        head=("commit ", Code(commit), f"{state} · {head}") if commit else head,
        level=2,
        is_kept=True,
    )


def _problems(report: Report) -> list[Section]:
    lines = tuple(Line(each, mark="error") for each in report.problems)
    return [Section(id="problems", title="Problems with the session", blocks=(Lines(lines),))] if lines else []


def _unjudged(report: Report) -> list[Section]:
    """Say on a terminal what the heading of the other forms says."""
    unjudged = sum(case.status == "error" for case in report.cases)
    said = f"{unjudged:,} of {numbers.amount(len(report.cases), 'case')} could not be judged, which is never a pass"
    return [Section(title="Not judged", blocks=(Lines((Line(said, mark="error"),)),))] if unjudged else []


def _wrong(report: Report) -> list[Section]:
    lines = tuple(map(_wrong_case, wrong_cases(report)))
    return [Section(id="wrong", title="What went wrong", blocks=(Lines(lines, most=SHOWN),))] if lines else []


def _wrong_case(case: WrongCase) -> Line:
    reasons = [span for check, why in case.reasons for span in ("; ", Strong(check), f" {why}")][1:]
    mark: Mark = "quarantined" if case.is_quarantined else case.verdict.status
    details = Fold("details", (Listing(tuple(failure_lines(case.run))),))
    return Line((Code(case.verdict.case_id, anchor=anchor(case.run)), ": ", *reasons), mark=mark, below=(details,))


def anchor(case: CaseResult) -> str:
    """Return the part of the page's address that opens ``case``."""
    return f"case/{case.case_id}{f'~{case.repeat}' if case.repeat else ''}"


def _commands(report: Report) -> list[Section]:
    steps = tuple(next_commands(report))
    return [Section(title="What to type", blocks=(Commands(steps),), is_kept=True)] if steps else []


def _notes(report: Report) -> list[Section]:
    lines = tuple(map(Line, report.notes))
    return [Section(title="Notes", label="note", blocks=(Lines(lines),))] if lines else []
