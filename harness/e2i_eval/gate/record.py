"""Decisions as what is recorded of them with the runs of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.decision import Decision, DecisionStatus

__all__ = ["session_tags", "target_tags", "worst"]

SESSION_TAG = "e2i_eval.gate"
RANK: tuple[DecisionStatus, ...] = ("pass", "inconclusive", "fail")


def worst(decisions: Iterable[Decision]) -> DecisionStatus | None:
    """Return the worst status: fail, then inconclusive, then pass; None without a decision."""
    statuses = {decision.status for decision in decisions}
    return max(statuses, key=RANK.index) if statuses else None


def session_tags(decisions: Iterable[Decision]) -> dict[str, str]:
    """Return the tag of the session's run: the worst of all; empty when nothing was gated."""
    status = worst(decisions)
    return {SESSION_TAG: status} if status else {}


def target_tags(decisions: Iterable[Decision], target: str) -> dict[str, str]:
    """Return the tags of a target's run: ``gate.<metric>`` with the worst of its rules on that metric."""
    own = [decision for decision in decisions if decision.target == target]
    metrics = dict.fromkeys(decision.metric for decision in own)
    judged = {name: worst(each for each in own if each.metric == name) for name in metrics}
    return {f"gate.{name}": status for name, status in judged.items() if status}
