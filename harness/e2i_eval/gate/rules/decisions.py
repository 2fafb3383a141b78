"""Decisions, and the wording that all kinds of rules share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.decision import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.decision import DecisionStatus
    from e2i_eval.core.estimate import Estimate
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["ACCEPT", "FIX_CASES", "RERUN_WHOLE", "decision", "number", "scope_lines", "shortened"]

ACCEPT = 'if this is intended: e2i-eval baseline accept latest --reason "..."'
FIX_CASES = "fix the cases, or quarantine them with a reason and a date in golden/quarantine.toml"
RERUN_WHOLE = "run the whole evaluation: pytest --e2i-eval"
SHOWN = 12
"""Cases named in an explanation; all of them are in the report."""


def decision(  # noqa: PLR0913  the parts of a decision, by name
    applied: AppliedRule,
    status: DecisionStatus,
    reason: str,
    *,
    baseline: float | None = None,
    measured: float | None = None,
    estimate: Estimate | None = None,
    explanation: Iterable[str] = (),
    detectable: str = "",
    fix: str = "",
) -> Decision:
    """Return the decision on a rule."""
    return Decision(
        rule=applied.rule.text,
        target=applied.target,
        metric=applied.rule.metric.name,
        status=status,
        reason=reason,
        baseline=baseline,
        measured=measured,
        estimate=estimate,
        explanation=tuple(explanation),
        detectable=detectable,
        fix=fix,
    )


def scope_lines(gate_input: GateInput, target: str) -> tuple[str, ...]:
    """Say which part of the target was not judged, so that nobody takes the rest for the whole."""
    lines = []
    if partial := gate_input.partial(target):
        lines.append(f"only what ran was judged: {partial}")
    if left_out := gate_input.left_out(target):
        lines.append(f"quarantined and left out: {', '.join(left_out)}")
    return tuple(lines)


def shortened(sentences: Iterable[str]) -> tuple[str, ...]:
    """Return the first sentences, and how many more there are."""
    every = tuple(sentences)
    hidden = len(every) - SHOWN
    return (*every[:SHOWN], f"… and {hidden} more") if hidden > 0 else every


def number(value: float, unit: str = "") -> str:
    """Write a value as briefly as can still be compared."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:.6g}"
    return f"{text} {unit}".strip()
