"""Rules on what the cases exercise of a target's graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.coverage import KINDS
from e2i_eval.gate.rules.decision_builder import built_decision, number, several
from e2i_eval.gate.rules.limits import unseen_decision
from e2i_eval.gate.rules.metric import COVERAGE

if TYPE_CHECKING:
    from e2i_eval.checks.coverage import Kind
    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["decide_coverage"]


def decide_coverage(judgement: AppliedRule, gate_input: GateInput) -> Decision:
    """Judge the share of a graph's parts that the cases exercise; a part of the suite cannot fail it."""
    if gap := unseen_decision(judgement, gate_input):
        return gap
    rule, target = judgement.rule, judgement.target
    found = next((each for each in gate_input.report.coverage if each.target == target), None)
    if found is None or found.why_none or found.unknown:
        why = "nothing of it was seen" if found is None else found.why_none or found.unknown[0]
        fix = f"mend it, or switch the rule off: {target}/{rule.metric.name}:off"
        return built_decision(judgement, "fail", f"what is exercised of {target} cannot be told: {why}", fix=fix)
    kind: Kind = next(each for each in KINDS if COVERAGE + each == rule.metric.name)
    hit, total = found.counts().get(kind, (0, 0))
    if not total:
        return built_decision(judgement, "pass", f"the graph has no {kind.replace('_', ' ')}: nothing to judge")
    share, told = hit / total, f"{hit} of {total} {kind.replace('_', ' ')} are exercised"
    if rule.holds(share):
        return built_decision(judgement, "pass", f"{told}, within {rule.text}", measured=share)
    if partial := gate_input.partial(target):
        reason = f"{told}, and that proves nothing: {partial}"
        return built_decision(judgement, "pass", reason, measured=share)
    return built_decision(
        judgement,
        "fail",
        f"{told}, {number(share)} is beyond {rule.sign}{number(rule.value)}",
        measured=share,
        explanation=several(f"no case exercises {name}" for name in found.missing(kind)),
        fix="add a case that goes there, or take out of the graph what nothing reaches",
    )
