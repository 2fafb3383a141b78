"""Decisions as what is recorded of them with the runs of a session."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_eval.core.decision import ALL_TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.core.decision import Decision, DecisionStatus

__all__ = ["session_metrics", "session_tags", "target_metrics", "target_tags", "worst"]

SESSION_TAG = "e2i_eval.gate"
PREFIX = "gate."
COUNTS: dict[DecisionStatus, str] = {"fail": "gate.failed", "inconclusive": "gate.inconclusive"}
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
    return {f"{PREFIX}{name}": status for name, status in judged.items() if status}


def session_metrics(decisions: Sequence[Decision]) -> dict[str, float]:
    """Return the metrics of the session's run: how many rules failed, how many could not be decided.

    The values of rules on all targets together are there as well; empty when nothing was gated.
    """
    return _counts(decisions) | _values(each for each in decisions if each.target == ALL_TARGETS)


def target_metrics(decisions: Iterable[Decision], target: str) -> dict[str, float]:
    """Return the metrics of a target's run: ``gate.<metric>`` as it was judged, and how many rules did not pass.

    ``.low`` and ``.high`` are the ends of the interval where there is one, ``.baseline`` is the accepted value. Of
    several rules on one metric the worst is recorded, as by the tag of that name.
    """
    own = [decision for decision in decisions if decision.target == target]
    return _counts(own) | _values(own)


def _counts(decisions: Sequence[Decision]) -> dict[str, float]:
    statuses = [decision.status for decision in decisions]
    return {name: float(statuses.count(status)) for status, name in COUNTS.items()} if statuses else {}


def _values(decisions: Iterable[Decision]) -> dict[str, float]:
    by_metric: dict[str, Decision] = {}
    for each in sorted(decisions, key=lambda each: RANK.index(each.status)):
        if each.measured is not None or each.estimate is not None or each.metric not in by_metric:
            by_metric[each.metric] = each  # the worst comes last
    found: dict[str, float] = {}
    for metric, decision in by_metric.items():
        found |= {f"{PREFIX}{metric}{ending}": value for ending, value in _numbers(decision).items()}
    return found


def _numbers(decision: Decision) -> dict[str, float]:
    known = decision.estimate
    numbers = {
        "": decision.measured if known is None else known.value,
        ".low": None if known is None else known.low,
        ".high": None if known is None else known.high,
        ".baseline": decision.baseline,
    }
    return {ending: value for ending, value in numbers.items() if value is not None and math.isfinite(value)}
