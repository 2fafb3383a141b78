"""The form of a rule: what one value must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag

from e2i_eval.core.case import ValueRule
from e2i_eval.dataset.case_file.form import Form, Given, Number, Regex, Scalar

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["RuleForm", "Rules", "value_rule", "value_rules"]


class RuleForm(Form):
    """What one value must be; every given part must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    equals: Any = Field(default=None, description="The value itself.", examples=["ok", 7, None])
    min: Given[Number] = Field(default=None, description="Inclusive lower bound.", examples=[0.6])
    max: Given[Number] = Field(default=None, description="Inclusive upper bound.", examples=[1.0])
    contains: Given[Scalar] = Field(
        default=None, description="Text that must occur in the value, or an element of the list.", examples=["rep"]
    )
    matches: Given[Regex] = Field(
        default=None, description="Regular expression that must be found in the text.", examples=["^v[0-9]+$"]
    )
    one_of: Given[Annotated[list[Any], Field(min_length=1)]] = Field(
        default=None, description="The allowed values.", examples=[["ok", "degraded"]]
    )


def _is_rule(value: JsonValue) -> str:
    return "<rule>" if isinstance(value, dict | list | RuleForm) else "<scalar>"


Rule: TypeAlias = Annotated[
    Annotated[RuleForm, Tag("<rule>")] | Annotated[Scalar, Tag("<scalar>")], Discriminator(_is_rule)
]

Rules: TypeAlias = dict[str, Rule]
"""A rule for each name; a bare value is what the value must equal."""


def value_rules(rules: Rules | None) -> dict[str, ValueRule]:
    """Return the values of ``rules``; empty for None."""
    return {name: value_rule(rule) for name, rule in (rules or {}).items()}


def value_rule(rule: RuleForm | JsonValue) -> ValueRule:
    """Return the value of one rule."""
    if not isinstance(rule, RuleForm):
        return ValueRule(equals=rule, has_equals=True)
    return ValueRule(
        equals=rule.equals,
        has_equals="equals" in rule.model_fields_set,
        min=rule.min,
        max=rule.max,
        contains=rule.contains,
        matches=rule.matches,
        one_of=tuple(rule.one_of or ()),
    )
