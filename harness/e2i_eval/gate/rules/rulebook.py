"""Which rules hold for which target: defaults, general rules, and what replaces them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.gate.rules.rule import Rule, parse_rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = ["DEFAULT_RULES", "LIVE_DEFAULT_RULES", "AppliedRule", "RuleBook", "parse_rules"]

DEFAULT_RULES = (
    "input_tokens:+0%",
    "output_tokens:+0%",
    "claude_calls:+0",
    "behaviour:same",
    "prompts:same",
    "pass_rate:-0%",
    "logging_completeness:-0%",
)
"""What holds as soon as there is a baseline: in mock and replay mode every one of them is exact."""

LIVE_DEFAULT_RULES = ("pass_rate:-0%", "logging_completeness:-0%")
"""What statistics can decide when Claude answers freely; how much tokens and paths may vary is for the user to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRule:
    """One rule on one target: a pytest item."""

    rule: Rule
    target: str

    @property
    def name(self) -> str:
        """The item's name."""
        return f"{self.rule.text}[{self.target}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """All rules of a session.

    Attributes:
        levels: the weakest first; a rule replaces those of weaker levels that have its slot.
    """

    levels: tuple[tuple[Rule, ...], ...]

    def of(self, target: str) -> tuple[Rule, ...]:
        """Return the rules that hold for ``target``."""
        strongest: dict[tuple[str, str], list[Rule]] = {}
        for rules in self._steps(target):
            off = {rule.metric.name for rule in rules if rule.form == "off"}
            strongest = {slot: kept for slot, kept in strongest.items() if slot[0] not in off}
            set_here = [rule for rule in rules if rule.form != "off"]
            strongest |= {slot: [rule for rule in set_here if rule.slot == slot] for slot in _slots(set_here)}
        return tuple(rule for rules in strongest.values() for rule in rules)

    @property
    def switched_off(self) -> tuple[Rule, ...]:
        """Return the rules that take others away."""
        return tuple(rule for level in self.levels for rule in level if rule.form == "off")

    def _steps(self, target: str) -> list[list[Rule]]:
        """Return the rules from weak to strong: within a level one for this target is nearer than one for all."""
        return [[rule for rule in level if rule.target == only] for level in self.levels for only in ("", target)]

    def applied(self, targets: Iterable[str]) -> tuple[AppliedRule, ...]:
        """Return every rule with every target it holds for, rule by rule."""
        every = [AppliedRule(rule=rule, target=target) for target in targets for rule in self.of(target)]
        order = {name: number for number, name in enumerate(dict.fromkeys(each.rule.slot for each in every))}
        return tuple(sorted(every, key=lambda each: order[each.rule.slot]))


def parse_rules(
    general: Iterable[str], *, where: str, targets: Collection[str], own: Mapping[str, tuple[str, Iterable[str]]] = {}
) -> tuple[Rule, ...]:
    """Read the rules of one level.

    Args:
        general: rules as written; one may name its target (``x/input_tokens:+10%``).
        where: the place they were written.
        targets: names of the configured targets.
        own: for a target the place and the rules of its own table.

    Raises:
        UsageError: one is no rule, or two of them contradict each other.
    """
    rules = [parse_rule(text, where=where, targets=targets) for text in general]
    for target, (place, texts) in own.items():
        rules += [parse_rule(f"{target}/{text}", where=place, targets=targets) for text in texts]
    _refuse_contradictions(rules)
    return tuple(rules)


def _slots(rules: Iterable[Rule]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(rule.slot for rule in rules))


def _refuse_contradictions(rules: Iterable[Rule]) -> None:
    seen: dict[tuple[str, str, str], Rule] = {}
    for rule in rules:
        other = seen.setdefault((*rule.slot, rule.target), rule)
        if other.text != rule.text:
            what = f"two gate rules say different things of {rule.metric.name}: '{other.text}' and '{rule.text}'"
            raise UsageError(what, where=rule.where, fix="keep one of them")
