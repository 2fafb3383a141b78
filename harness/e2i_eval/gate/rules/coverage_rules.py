"""Rules on what the cases exercise of a target's graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.coverage import KINDS
from e2i_eval.gate.rules.decisions import decision, number, shortened
from e2i_eval.gate.rules.limits import unseen_decision
from e2i_eval.gate.rules.metric import COVERAGE

if TYPE_CHECKING:
    from e2i_eval.checks.coverage import Kind
    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["decide_coverage"]


def decide_coverage(applied: AppliedRule, gate_input: GateInput) -> Decision:
    """Judge the share of a graph's parts that the cases exercise; a part of the suite cannot fail it."""
    if gap := unseen_decision(applied, gate_input):
        return gap
    rule, target = applied.rule, applied.target
    found = next((each for each in gate_input.report.coverage if each.target == target), None)
    if found is None or found.why_none or found.unknown:
        why = "nothing of it was seen" if found is None else found.why_none or found.unknown[0]
        fix = f"fix it, or switch the rule off: {target}/{rule.metric.name}:off"
        return decision(applied, "fail", f"what the cases exercise of {target} is unknown: {why}", fix=fix)
    kind: Kind = next(each for each in KINDS if COVERAGE + each == rule.metric.name)
    hit, total = found.counts().get(kind, (0, 0))
    if not total:
        return decision(applied, "pass", f"the graph has no {kind.replace('_', ' ')}: nothing to judge")
    share, text = hit / total, f"{hit} of {total} {kind.replace('_', ' ')} are exercised"
    if rule.holds(share):
        return decision(applied, "pass", f"{text}, within {rule.text}", measured=share)
    if partial := gate_input.partial(target):
        reason = f"{text}, and that proves nothing: {partial}"
        return decision(applied, "pass", reason, measured=share)
    return decision(
        applied,
        "fail",
        f"{text}, {number(share)} is beyond {rule.sign}{number(rule.value)}",
        measured=share,
        explanation=shortened(f"no case exercises {name}" for name in found.missing(kind)),
        fix="add a case that goes there, or take out of the graph what nothing reaches",
    )
