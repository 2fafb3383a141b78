"""Undecided cases: they count neither for a pass rate nor against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.gate.rules.decisions import decision, shortened

if TYPE_CHECKING:
    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["undecided", "undecided_decision"]


def undecided(gate_input: GateInput, target: str) -> dict[str, str]:
    """Return the undecided cases of the target by id, each with the reason."""
    open_cases = (each for each in gate_input.verdicts(target) if each.status == "inconclusive")
    return {each.case_id: each.reason for each in open_cases}


def undecided_decision(applied: AppliedRule, open_cases: dict[str, str]) -> Decision:
    """Return the decision on a pass rate that the decided cases do not break, and the open ones may."""
    one = next(iter(open_cases))
    what = one if len(open_cases) == 1 else f"{one} and {len(open_cases) - 1} more cases"
    lines = shortened(f"{case_id}: {reason}" for case_id, reason in open_cases.items())
    reason = f"{applied.rule.metric.name} depends on {what}, which could not be decided"
    return decision(applied, "inconclusive", reason, explanation=lines, fix="run them again")
