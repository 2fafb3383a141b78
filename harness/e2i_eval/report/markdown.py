"""The report for a pull request: the verdict first, then why, then what to type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.commands import next_commands
from e2i_eval.report.conclusion import conclude, is_changed
from e2i_eval.report.console import failure_lines
from e2i_eval.report.coverage import WORDS, coverage_gaps, coverage_remarks, coverage_scope
from e2i_eval.report.markdown_text import block, code, prose, shortened
from e2i_eval.report.repeats import repeat_lines
from e2i_eval.report.wrong_case import wrong_cases
from e2i_eval.runner.report import summarise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.checks.coverage import TargetCoverage
    from e2i_eval.core.decision import Decision
    from e2i_eval.core.latency_shift import LatencyShift
    from e2i_eval.core.overhead_result import OverheadResult
    from e2i_eval.report.wrong_case import WrongCase
    from e2i_eval.runner.report import Report, TargetSummary

__all__ = ["COMMENT_CHARS", "markdown_report"]

COMMENT_CHARS = 60_000
"""GitHub refuses a comment of more than 65,536 characters; a bot's own words need room too."""

MARK = {"pass": "✅", "fail": "❌", "error": "❔", "inconclusive": "⚠️", "skip": "➖"}  # noqa: RUF001  a mark, not a minus
REASON_CHARS = 300
DETAIL_CHARS = 3_000
ROWS = 40
CASES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """A part of the report that may be shortened.

    Attributes:
        title: heading; empty for none.
        head: always shown.
        parts: shown while there is room, the most important first.
        tail: closes what ``head`` opened.
    """

    title: str
    head: str = ""
    parts: Sequence[str] = ()
    tail: str = ""


def markdown_report(report: Report, *, limit: int = COMMENT_CHARS) -> str:
    """Return ``report`` as GitHub's Markdown of at most ``limit`` characters; what is left out is counted."""
    top, bottom = _verdict(report), _commands(report)
    room = limit - len(top) - len(bottom) - 2
    texts = [top]
    for section in _sections(report):
        text = _fitted(section, room)
        room -= len(text) + 1
        texts += [text] if text else []
    return "\n".join([*texts, bottom]).rstrip()[: limit - 1] + "\n"


def _sections(report: Report) -> list[ReportSection]:
    sections = [
        _problems(report),
        _wrong_cases(report),
        _repeated(report),
        _changes(report.decisions),
        _gate(report.decisions),
        _latency(report.latency),
        _overhead(report.overheads),
        _unseen(report.decisions),
        _notes(report),
        _coverage(report),
        _targets(report),
    ]
    return [section for section in sections if section.head or section.parts]


def _fitted(section: ReportSection, room: int) -> str:
    """Return the section with as many of its parts as there is room for."""
    more = "\n… and {} more, in `report.html` and `report.json`\n"
    start = f"\n### {section.title}\n\n{section.head}"
    left = room - len(start) - len(section.tail) - len(more) - 8
    if left < 0:
        return ""
    shown: list[str] = []
    for part in section.parts:
        left -= len(part) + 1
        if left < 0:
            break
        shown.append(part)
    hidden = len(section.parts) - len(shown)
    return start + "".join(f"{part}\n" for part in shown) + section.tail + (more.format(hidden) if hidden else "")


def _verdict(report: Report) -> str:
    conclusion = conclude(report)
    session = report.session
    git = session.get("git") or {}
    commit = code(str(git.get("commit", ""))[:7]) if git.get("commit") else ""
    state = " with uncommitted changes" if str(git.get("dirty")) == "true" else ""
    told = [
        f"commit {commit}{state}" if commit else "",
        f"Claude: {prose(str(session.get('claude', 'unknown')))}",
        numbers.amount(len(report.targets()), "target"),
        numbers.duration(float(session.get("duration_s") or 0)),
    ]
    line = " · ".join(each for each in told if each)
    return f"## {MARK[conclusion.status]} e2i-eval {conclusion.word.lower()}: {conclusion.headline}\n\n{line}\n"


def _problems(report: Report) -> ReportSection:
    return ReportSection(title="Problems with the session", parts=[f"- {prose(each)}" for each in report.problems])


def _wrong_cases(report: Report) -> ReportSection:
    wrong = wrong_cases(report)
    parts = [_case(case) if place < CASES else _case_line(case) for place, case in enumerate(wrong)]
    return ReportSection(title="What went wrong", parts=parts)


def _case(case: WrongCase) -> str:
    details = shortened("\n".join(failure_lines(case.run)), DETAIL_CHARS)
    return f"{_case_line(case)}\n{_folded('details', block(details))}"


def _folded(summary: str, text: str) -> str:
    """Return a text that opens on a click, within its list item."""
    return f"\n  <details><summary>{summary}</summary>\n\n{_indented(text)}\n\n  </details>\n"


def _case_line(case: WrongCase) -> str:
    reasons = "; ".join(f"**{prose(check)}** {prose(shortened(why, REASON_CHARS))}" for check, why in case.reasons)
    mark = MARK["skip" if case.is_quarantined else case.verdict.status]
    return f"- {mark} {code(case.verdict.case_id)}: {reasons}"


def _indented(text: str) -> str:
    """Indent a block, so that it stays within its list item."""
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _changes(decisions: Sequence[Decision]) -> ReportSection:
    """Show every accepted value that is another now, whether the gate allows it or not."""
    rows = [
        (
            MARK[each.status],
            code(each.target),
            prose(each.metric),
            numbers.plain(each.baseline),
            numbers.plain(each.measured),
            numbers.change(each.baseline, each.measured),
        )
        for each in sorted(decisions, key=_urgency)
        if is_changed(each)
    ]
    if not rows:
        return ReportSection(title="")
    return _table("Changed against the baseline", ("", "target", "metric", "accepted", "now", "change"), rows)


def _repeated(report: Report) -> ReportSection:
    lines = repeat_lines(report)
    return ReportSection(title="Repetitions", head=f"{block(chr(10).join(lines))}\n" if lines else "")


def _gate(decisions: Sequence[Decision]) -> ReportSection:
    if not decisions:
        return ReportSection(title="")
    urgent = [_decision(each) for each in sorted(decisions, key=_urgency) if each.status != "pass"]
    passed = sum(each.status == "pass" for each in decisions)
    kept = f"{MARK['pass']} {numbers.amount(passed, 'rule')} of {len(decisions):,} kept.\n\n"
    return ReportSection(title="Gate", head=kept, parts=urgent)


def _decision(decision: Decision) -> str:
    line = (
        f"- {MARK[decision.status]} {code(decision.rule)} on {code(decision.target)}: "
        f"{prose(shortened(decision.reason, REASON_CHARS))}"
    )
    if not decision.explanation:
        return line
    text = shortened("\n".join(decision.explanation), DETAIL_CHARS)
    return f"{line}\n{_folded('why', block(text, 'diff'))}"


def _urgency(decision: Decision) -> int:
    return ("fail", "inconclusive", "pass").index(decision.status)


def _latency(shifts: Sequence[LatencyShift]) -> ReportSection:
    rows = [
        (
            MARK[each.status],
            code(each.target),
            each.part,
            numbers.ms(each.base_ms),
            numbers.ms(each.head_ms),
            numbers.interval_ms(each.shift_ms),
            numbers.ms(each.floor_ms),
            str(each.pairs),
        )
        for each in shifts
    ]
    header = ("", "target", "part", "base", "head", "shift", "counts from", "pairs")
    return _table("Latency, base against head on one machine", header, rows) if rows else ReportSection(title="")


def _overhead(overheads: Sequence[OverheadResult]) -> ReportSection:
    rows = [
        (
            MARK["fail" if each.differences else "pass"],
            code(each.target),
            prose(each.callers),
            numbers.ms(each.plain_ms),
            numbers.interval_ms(each.overhead_ms),
            numbers.ms(each.drain_ms),
            prose(shortened("; ".join(each.differences), REASON_CHARS)) or "same",
        )
        for each in overheads
    ]
    header = ("", "target", "callers", "a call without logging", "logging adds", "sent after", "answers")
    return _table("What logging costs a call", header, rows) if rows else ReportSection(title="")


def _unseen(decisions: Sequence[Decision]) -> ReportSection:
    told = dict.fromkeys((each.rule, each.target, each.detectable) for each in decisions if each.detectable)
    parts = [f"- {code(rule)} on {code(target)}: {prose(text)}" for rule, target, text in told]
    return ReportSection(title="What this run could not have seen", parts=parts[:ROWS] + _rest(parts))


def _rest(parts: Sequence[str]) -> list[str]:
    return [f"- and {len(parts) - ROWS:,} more in `report.json`"] if len(parts) > ROWS else []


def _notes(report: Report) -> ReportSection:
    return ReportSection(title="Notes", parts=[f"- {prose(each)}" for each in report.notes])


def _targets(report: Report) -> ReportSection:
    if not report.cases:
        return ReportSection(title="")
    rows = [_target(row, code(row.target)) for row in report.targets()]
    if len(rows) > 1:
        rows.append(_target(summarise("total", list(report.cases), report.repeated), "**total**"))
    header = ("", "target", "passed", "calls", "tokens in", "out", "cost", "p50 / max", "logging")
    return _table("Targets", header, rows)


def _coverage(report: Report) -> ReportSection:
    """Show what the cases exercise of each target's graph; what they do not by name, if the whole suite ran."""
    if not any(each.has_graph for each in report.coverage):
        return ReportSection(title="")
    scope = coverage_scope(report)
    head = f"A part of the suite ran, so nothing is called uncovered: {prose(scope)}.\n\n" if scope else ""
    titles = " | ".join(plural for _, plural in WORDS.values())
    head += f"| target | {titles} |\n| :-- |{' --: |' * len(WORDS)}\n"
    rows = [_covered_row(each) for each in report.coverage]
    named = [
        f"- {code(each.target)}: {WORDS[kind][1]} not run: {', '.join(map(code, names))}"
        for each in report.coverage
        for kind, names in coverage_gaps(each)
        if not scope
    ]
    said = [f"- {code(each.target)}: {prose(text)}" for each in report.coverage for text in coverage_remarks(each)]
    lists = ["", *named, *said] if named or said else []
    return ReportSection(title="What the cases exercise of each graph", head=head, parts=[*rows, *lists])


def _covered_row(coverage: TargetCoverage) -> str:
    if not coverage.has_graph:
        return _row((code(coverage.target), prose(coverage.why_none), *("" for _ in list(WORDS)[1:])))
    counts = coverage.counts()
    cells = (f"{counts[kind][0]} of {counts[kind][1]}" if kind in counts else "–" for kind in WORDS)  # noqa: RUF001
    return _row((code(coverage.target), *cells))


def _target(row: TargetSummary, name: str) -> tuple[str, ...]:
    status = "fail" if row.failed else "error" if row.errors else "inconclusive" if row.inconclusive else "pass"
    return (
        MARK[status],
        name,
        f"{row.passed:,} of {row.cases:,}",
        numbers.count(row.calls),
        numbers.count(row.input_tokens),
        numbers.count(row.output_tokens),
        prose(numbers.cost(row.cost_usd)),
        f"{numbers.ms(row.latency_p50_ms)} / {numbers.ms(row.latency_max_ms)}",
        numbers.share(row.logging),
    )


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> ReportSection:
    """Return a section with a table; numbers, which begin in the fourth column, are aligned to the right."""
    rule = [":-:" if not name else ":--" if place < 3 else "--:" for place, name in enumerate(header)]  # noqa: PLR2004
    head = f"{_row(header)}\n{_row(rule)}\n"
    return ReportSection(title=title, head=head, parts=[_row(row) for row in rows])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _commands(report: Report) -> str:
    steps = next_commands(report)
    if not steps:
        return ""
    lines = [f"# {what}\n{shortened(command, REASON_CHARS * 4)}" for what, command in steps[:ROWS]]
    return f"\n### What to type\n\n{block(shortened(chr(10).join(lines), DETAIL_CHARS * 2), 'sh')}\n"
