"""The gate: how many rules hold, and every one that does not, with what to type now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import Cell, Code, Column, Commands, Fold, Line, Lines, Listing, Row, Section, Table
from e2i_eval.report.terminal import terminal_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.decision import Decision, DecisionStatus
    from e2i_eval.report.blocks import Block

__all__ = ["changes", "decision_lines", "gate", "unseen"]

STATUSES: tuple[DecisionStatus, ...] = ("fail", "inconclusive", "pass")
"""The most urgent first."""


def decision_lines(decision: Decision) -> list[str]:
    """Return why a rule did not hold, and what to type now."""
    below: list[Block] = [Listing(decision.explanation)]
    if decision.detectable:
        below.append(Lines((Line(f"smallest change it can see: {decision.detectable}"),)))
    if decision.fix:
        below.append(Commands((("fix", decision.fix),)))
    words = f"gate {decision.rule} on {decision.target}: {decision.reason}"
    return terminal_text([Lines((Line(words, mark=decision.status, below=tuple(below)),))])


def gate(decisions: Sequence[Decision]) -> list[Section]:
    """Return the gate's section; none when there are no rules."""
    if not decisions:
        return []
    counts = {
        status: sum(decision.status == status for decision in decisions) for status in ("pass", "fail", "inconclusive")
    }
    is_well = counts["pass"] == len(decisions)
    said = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
    lines = [line for rule in dict.fromkeys(each.rule for each in decisions) for line in _rule(rule, decisions)]
    passed = [each for each in decisions if each.status == "pass"]
    blocks: list[Block] = [Lines(tuple(lines))] if lines else []
    if passed:
        blocks.append(_passed(passed))
    return [
        Section(
            id="gate",
            title="Gate",
            label="gate",
            head=f"{numbers.amount(len(decisions), 'rule')} pass" if is_well else said,
            blocks=tuple(blocks),
        )
    ]


def _rule(rule: str, decisions: Sequence[Decision]) -> list[Line]:
    judged = [each for each in decisions if each.rule == rule]
    broken = sorted((each for each in judged if each.status != "pass"), key=lambda each: STATUSES.index(each.status))
    if not broken:
        return []
    fixes = dict.fromkeys(("fix", each.fix) for each in broken if each.fix)
    below: list[Block] = [Lines(tuple(_decision(each) for each in broken))]
    below += [Commands(tuple(fixes))] if fixes else []
    words = (Code(rule), f": {len(broken)} of {numbers.amount(len(judged), 'target')}")
    return [Line(words, mark=broken[0].status, below=tuple(below))]


def _decision(decision: Decision) -> Line:
    why = Fold("why", (Listing(decision.explanation, is_diff=True),))
    words = (Code(decision.target), f": {decision.reason}")
    return Line(words, mark=decision.status, below=(why,) if decision.explanation else ())


def _passed(passed: Sequence[Decision]) -> Fold:
    """Name the rules that hold, for who wants to see them."""
    lines = (Line((Code(each.rule), " on ", Code(each.target), f": {each.reason}"), mark="pass") for each in passed)
    return Fold("the rules that pass", (Lines(tuple(lines)),), is_for_page=True)


def unseen(decisions: Sequence[Decision]) -> list[Section]:
    """Return what the rules could see at all, where that is not every change."""
    seen: dict[tuple[str, str], list[str]] = {}
    for each in decisions:
        if each.detectable:
            seen.setdefault((each.rule, each.detectable), []).append(each.target)
    lines = tuple(Line((Code(rule), f" on {', '.join(targets)}: {text}")) for (rule, text), targets in seen.items())
    title = "The smallest change each rule can see"
    return [Section(title=title, label="sensitivity", blocks=(Lines(lines),))] if lines else []


def changes(decisions: Sequence[Decision]) -> list[Section]:
    """Return every accepted value that is another now, whether the gate allows it or not."""
    changed = sorted(
        (each for each in decisions if None not in (each.baseline, each.measured) and each.baseline != each.measured),
        key=lambda each: STATUSES.index(each.status),
    )
    names = ("accepted", "now", "change")
    columns = (Column("target"), Column("metric"), Column("verdict"), *(Column(name, is_number=True) for name in names))
    table = Table(columns, tuple(map(_changed, changed)))
    return [Section(id="changes", title="Changed against the baseline", blocks=(table,))] if changed else []


def _changed(decision: Decision) -> Row:
    baseline, measured = decision.baseline or 0.0, decision.measured or 0.0
    return Row(
        (
            Cell(Code(decision.target)),
            Cell(decision.metric),
            Cell(decision.status, mark=decision.status),
            Cell(numbers.plain(decision.baseline)),
            Cell(numbers.plain(decision.measured)),
            Cell(numbers.change(decision.baseline, decision.measured), sort=measured - baseline),
        )
    )
