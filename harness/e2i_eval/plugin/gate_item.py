"""A rule on a target as one pytest item, which explains its own failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.plugin.ab_item import ab_keywords
from e2i_eval.plugin.explained_item import ExplainedFailure, ExplainedItem
from e2i_eval.plugin.inconclusive import Inconclusive, mark
from e2i_eval.report.gate import decision_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["GATE", "GateFailed", "GateItem", "gate_reports"]

GATE = "gate"
"""What the ids of all gate items begin with: ``gate::input_tokens:+0%[causal_impact]``."""

PHASES = ("setup", "call", "teardown")


class GateFailed(ExplainedFailure):
    """A rule of the gate is broken."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision_lines(decision))
        self.decision = decision


class GateItem(ExplainedItem):
    """One rule on one target."""

    def __init__(
        self,
        *,
        judgement: AppliedRule,
        decide: Callable[[AppliedRule], Decision],
        **kwargs: Any,  # noqa: ANN401  pytest's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.judgement = judgement
        self._decide = decide
        if judgement.rule.metric.kind == "ab":
            self.extra_keyword_matches |= ab_keywords(judgement.target)

    def runtest(self) -> None:
        """Judge, once everything before has a result."""
        decision = self._decide(self.judgement)
        self.user_properties += _properties(decision)
        if decision.status == "fail":
            raise GateFailed(decision)
        if decision.status == "inconclusive":
            raise Inconclusive(decision.reason, decision.explanation)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to where the rule stands."""
        path, line = _place(self.judgement)
        return self.config.rootpath / path, line, self.name


def gate_reports(
    judgement: AppliedRule, decision: Decision, *, means: str | None, time_s: float
) -> tuple[pytest.TestReport, ...]:
    """Return the reports that an item would have made, for a session whose items run in other processes.

    Args:
        judgement: what was judged.
        decision: how.
        means: what ``--e2i-inconclusive`` says.
        time_s: now, in seconds since the epoch.
    """
    reports = tuple(
        pytest.TestReport(
            nodeid=f"{GATE}::{judgement.name}",
            location=(*_place(judgement), judgement.name),
            keywords={judgement.name: 1, GATE: 1},
            outcome="passed",
            longrepr=None,
            when=phase,  # type: ignore[arg-type]  # one of pytest's three
            start=time_s,
            stop=time_s,
            user_properties=_properties(decision),
        )
        for phase in PHASES
    )
    called = reports[1]
    if decision.status == "fail":
        called.outcome = "failed"
        called.longrepr = "\n".join(decision_lines(decision))
    elif decision.status == "inconclusive":
        mark(called, decision.reason, decision.explanation, means=means)
    return reports


def _properties(decision: Decision) -> list[tuple[str, object]]:
    """Return what JUnit shows beside the outcome."""
    numbers = {"baseline": decision.baseline, "measured": decision.measured}
    known = [(f"gate.{name}", value) for name, value in numbers.items() if value is not None]
    return [
        ("gate.metric", decision.metric),
        ("gate.target", decision.target),
        ("gate.status", decision.status),
        *known,
    ]


def _place(judgement: AppliedRule) -> tuple[str, int]:
    """Return file and 0-based line where the rule stands; the project's configuration when it stands in none."""
    path, _, line = judgement.rule.where.rpartition(":")
    return (path, int(line) - 1) if path and line.isdigit() else ("pyproject.toml", 0)
