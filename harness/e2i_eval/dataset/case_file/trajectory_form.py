"""The form of ``expect.trajectory``: the nodes and tool calls that must have been, and their arguments."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from e2i_eval.core.case import ArgumentRule, NodeOrder, StepRule, Tolerance, TrajectoryRule, ValueRule
from e2i_eval.dataset.case_file.form import Amount, Count, Form, Given, Number
from e2i_eval.dataset.case_file.rule_form import RuleForm, value_rule

__all__ = ["TrajectoryForm"]

ORDERED = {"strict": True, "unordered": False, "subset": True, "superset": False}
"""Whether order counts when nothing is said; as in ``expect.nodes``."""


class LengthForm(Form):
    """How long a text, a list or a mapping must be."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    min: Given[Count] = Field(default=None, description="Inclusive lower bound.", examples=[1])
    max: Given[Count] = Field(default=None, description="Inclusive upper bound.", examples=[10])


def _length_kind(value: Any) -> str:  # noqa: ANN401  a discriminator sees what the file holds
    return "<bounds>" if isinstance(value, dict | LengthForm) else "<count>"


Length: TypeAlias = Annotated[
    Annotated[LengthForm, Tag("<bounds>")] | Annotated[Count, Tag("<count>")], Discriminator(_length_kind)
]


class ArgumentForm(RuleForm):
    """What one argument of a tool call must be; every given part must hold."""

    near: Given[Number] = Field(default=None, description="Number it must be close to.", examples=[0.95])
    rel: Given[Annotated[Amount, Field(lt=1)]] = Field(
        default=None, description="How close to 'near', as a share of the larger of both.", examples=[0.01]
    )
    abs: Given[Amount] = Field(default=None, description="How close to 'near', in its own unit.", examples=[0.5])
    length: Given[Length] = Field(
        default=None, description="Length of a text, a list or a mapping.", examples=[3, {"min": 1}]
    )

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if not self.model_fields_set:
            kind, message = "argument", "demands nothing; write 'any' or 'ignore', or give it a rule"
            raise PydanticCustomError(kind, message)
        is_tolerant = self.rel is not None or self.abs is not None
        if is_tolerant != (self.near is not None):
            kind, message = "near", "has 'near' without 'rel' or 'abs', or these without 'near'; give it both"
            raise PydanticCustomError(kind, message)
        return self

    def rule(self) -> ArgumentRule:
        """Return the value."""
        return ArgumentRule(
            kind="rule",
            value=value_rule(self),
            near=self.near,
            tolerance=Tolerance(rel=self.rel or 0.0, abs=self.abs or 0.0),
            length=_length(self.length),
        )


def _length(length: int | LengthForm | None) -> ValueRule | None:
    if isinstance(length, LengthForm):
        return ValueRule(min=length.min, max=length.max)
    return None if length is None else ValueRule(equals=length, has_equals=True)


def _kind(value: Any) -> str:  # noqa: ANN401  a discriminator sees what the file holds
    return "<argument>" if isinstance(value, dict | ArgumentForm) else "<word>"


Word: TypeAlias = Literal["any", "ignore", "subset"]
Argument: TypeAlias = Annotated[
    Annotated[ArgumentForm, Tag("<argument>")] | Annotated[Word, Tag("<word>")], Discriminator(_kind)
]


class StepForm(Form):
    """One step: a node that ran, or a tool that was called."""

    node: Given[str] = Field(default=None, description="Name of a LangGraph node.", min_length=1, examples=["plan"])
    tool: Given[str] = Field(default=None, description="Name of a tool.", min_length=1, examples=["lookup_order"])
    input: Given[dict[str, Any]] = Field(
        default=None, description="The tool call's arguments; free when left out.", examples=[{"order_id": 7}]
    )
    match: Given[dict[str, Argument]] = Field(
        default=None,
        description="By dotted path, what an argument must be instead of equal to 'input': any, ignore, subset, "
        "or a rule. '.' is all of them.",
        examples=[{"note": "any", "limit": {"min": 1, "max": 50}}],
    )

    @model_validator(mode="after")
    def _is_one_step(self) -> Self:
        kind = "step"
        if (self.node is None) == (self.tool is None):
            raise PydanticCustomError(kind, "must name a node or a tool, one of them")
        if self.node is not None and (self.input is not None or self.match is not None):
            raise PydanticCustomError(
                kind, "is a node, which has no 'input' and no 'match'; name a tool, or remove them"
            )
        for path, rule in (self.match or {}).items():
            if rule == "subset" and self.input is None:
                message = "has 'subset' at '{path}' and no 'input' to be a part of; add 'input'"
                raise PydanticCustomError(kind, message, {"path": path})
        return self

    def step(self) -> StepRule:
        """Return the value."""
        match = {path: _argument(rule) for path, rule in (self.match or {}).items()}
        if self.tool is not None:
            return StepRule(kind="tool", name=self.tool, input=self.input, match=match)
        return StepRule(kind="node", name=self.node or "")


def _argument(rule: ArgumentForm | Word) -> ArgumentRule:
    return rule.rule() if isinstance(rule, ArgumentForm) else ArgumentRule(kind=rule)


class TrajectoryForm(Form):
    """Which nodes ran and which tools were called, in one sequence, as the server's traces show."""

    mode: NodeOrder = Field(
        default="strict",
        description="strict: exactly these in this order. unordered: exactly these. subset: at least these. "
        "superset: none but these.",
        examples=["subset"],
    )
    in_order: Given[bool] = Field(
        default=None,
        description="Whether order counts; true for 'subset' and false for 'superset' when left out.",
        examples=[True],
    )
    of: Literal["both", "nodes", "tools"] = Field(
        default="both", description="Which steps are looked at.", examples=["tools"]
    )
    steps: list[StepForm] = Field(
        description="The steps; of several that are alike each stands for one.",
        examples=[[{"node": "plan"}, {"tool": "lookup_order", "input": {"order_id": 7}}]],
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        kind = "trajectory"
        if self.in_order is not None and self.mode in {"strict", "unordered"}:
            message = "has 'in_order', which '{mode}' settles already; remove it"
            raise PydanticCustomError(kind, message, {"mode": self.mode})
        for at, step in enumerate(self.steps):
            if (self.of == "nodes" and step.tool) or (self.of == "tools" and step.node):
                message = "looks at {of} alone, but its step {at} is another; write 'of: both', or remove the step"
                raise PydanticCustomError(kind, message, {"of": self.of, "at": at + 1})
        return self

    def trajectory(self) -> TrajectoryRule:
        """Return the value."""
        kinds: dict[str, tuple[Literal["node", "tool"], ...]] = {"nodes": ("node",), "tools": ("tool",)}
        return TrajectoryRule(
            mode=self.mode,
            steps=tuple(step.step() for step in self.steps),
            in_order=ORDERED[self.mode] if self.in_order is None else self.in_order,
            of=kinds.get(self.of, ("node", "tool")),
        )
