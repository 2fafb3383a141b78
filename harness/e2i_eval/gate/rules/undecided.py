"""Cases that nobody could decide: they count neither for a pass rate nor against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.gate.rules.decision_builder import ruling, several

if TYPE_CHECKING:
    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.rules.gate_input import Scene
    from e2i_eval.gate.rules.rulebook import Judgement

__all__ = ["undecided", "undecided_decision"]


def undecided(scene: Scene, target: str) -> dict[str, str]:
    """Return why each case of the target that is neither right nor wrong is not, by id."""
    open_cases = (each for each in scene.verdicts(target) if each.status == "inconclusive")
    return {each.case_id: each.reason for each in open_cases}


def undecided_decision(judgement: Judgement, open_cases: dict[str, str]) -> Decision:
    """Return the decision on a pass rate that the decided cases do not break, and the open ones may."""
    one = next(iter(open_cases))
    what = one if len(open_cases) == 1 else f"{one} and {len(open_cases) - 1} more cases"
    lines = several(f"{case_id}: {reason}" for case_id, reason in open_cases.items())
    reason = f"{judgement.rule.metric.name} depends on {what}, which could not be decided"
    return ruling(judgement, "inconclusive", reason, explanation=lines, fix="run them again")
