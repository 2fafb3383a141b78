"""Decides every rule on every target, from what was measured and what was accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.gate.rules import coverage_rules, exact, limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.metric import MetricKind
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["decide"]


def decide(rules: Sequence[AppliedRule], gate_input: GateInput) -> tuple[Decision, ...]:
    """Judge every rule on every target; what is missing or unknown is never a pass.

    Returns:
        One decision for each rule, in the order given.
    """
    decided: dict[AppliedRule, Decision] = {}
    for family in _families(rules):
        decided |= dict(zip(family, _decide_family(family, gate_input), strict=True))
    return tuple(decided[each] for each in rules)


def _families(rules: Sequence[AppliedRule]) -> list[list[AppliedRule]]:
    """Group the same rule on several targets, which are corrected for each other where chance plays a part."""
    families: dict[str, list[AppliedRule]] = {}
    for each in rules:
        families.setdefault(each.rule.text, []).append(each)
    return list(families.values())


def _decide_family(family: Sequence[AppliedRule], gate_input: GateInput) -> Sequence[Decision]:
    rule = family[0].rule
    one = _SINGLY.get(rule.metric.kind)
    if one is None and (gate_input.is_exact or (rule.form == "limit" and rule.metric.kind != "rate")):
        one = exact.decide_change if rule.form == "change" else limits.decide_limit
    if one is not None:
        return [one(each, gate_input) for each in family]
    from e2i_eval.gate.rules import chance  # noqa: PLC0415  brings in NumPy, which exact modes do not need

    if rule.form == "limit":
        return [chance.decide_rate_limit(each, gate_input, family=len(family)) for each in family]
    return chance.decide_changes(family, gate_input)


_SINGLY: Mapping[MetricKind, Callable[[AppliedRule, GateInput], Decision]] = {
    "overhead": limits.decide_overhead,
    "ab": limits.decide_latency,
    "coverage": coverage_rules.decide_coverage,
    "behaviour": exact.decide_behaviour,
    "prompts": exact.decide_prompts,
}
"""Kinds of metrics that are judged the same way in every mode, each target by itself."""
