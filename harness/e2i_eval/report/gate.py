"""The gate in words: one line a rule that held, every decision that did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report.numbers import amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.core.decision import Decision

__all__ = ["decision_lines", "gate_lines"]

MARK = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


def decision_lines(decision: Decision) -> list[str]:
    """Return why a rule did not hold, and what to type now."""
    lines = [f"{MARK[decision.status]} gate {decision.rule} on {decision.target}: {decision.reason}"]
    lines += [f"    {line}" for line in decision.explanation]
    if decision.detectable:
        lines.append(f"  could have been seen: {decision.detectable}")
    if decision.fix:
        lines.append(f"  fix: {decision.fix}")
    return lines


def gate_lines(decisions: Sequence[Decision]) -> list[str]:
    """Return the gate's part of the summary: how many rules held, and every one that did not with what to type now."""
    if not decisions:
        return []
    counts = {status: sum(decision.status == status for decision in decisions) for status in MARK}
    if counts["pass"] == len(decisions):
        lines = [f"gate: {counts['pass']} rules pass"]
    else:
        lines = [f"gate: {', '.join(f'{count} {status}' for status, count in counts.items() if count)}"]
    for rule in dict.fromkeys(decision.rule for decision in decisions):
        lines += _rule_lines(rule, [decision for decision in decisions if decision.rule == rule])
    return lines


def _rule_lines(rule: str, decisions: Sequence[Decision]) -> list[str]:
    broken = [decision for decision in decisions if decision.status != "pass"]
    lines = [f"  {MARK[_worst(broken)]} {rule}: {len(broken)} of {amount(len(decisions), 'target')}"] if broken else []
    lines += [f"      {MARK[each.status]} {each.target}: {each.reason}" for each in broken]
    lines += [f"      fix: {fix}" for fix in dict.fromkeys(each.fix for each in broken if each.fix)]
    return lines + _detectable_lines(rule, decisions)


def _detectable_lines(rule: str, decisions: Iterable[Decision]) -> list[str]:
    """Say what a rule could have seen at all, where that is not every change."""
    seen: dict[str, list[str]] = {}
    for decision in decisions:
        if decision.detectable:
            seen.setdefault(decision.detectable, []).append(decision.target)
    return [f"    {rule} sees {text} ({', '.join(targets)})" for text, targets in seen.items()]


def _worst(decisions: Iterable[Decision]) -> str:
    return "fail" if any(decision.status == "fail" for decision in decisions) else "inconclusive"
