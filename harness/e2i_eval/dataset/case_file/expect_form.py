"""The form of ``expect:``, what must come out of a case."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from e2i_eval.core.case import Budget, ErrorRule, Expectation, NodeOrder, NodeRule, Tolerance, ToolRule
from e2i_eval.dataset.case_file.form import Amount, Count, DiffPath, Form, Given, PathRegex
from e2i_eval.dataset.case_file.judge_form import JudgeForm, judge_rules
from e2i_eval.dataset.case_file.rag_form import RagForm  # noqa: TC001  pydantic reads it at run time
from e2i_eval.dataset.case_file.rule_form import Rules, value_rules
from e2i_eval.dataset.case_file.trajectory_form import TrajectoryForm  # noqa: TC001  pydantic reads it at run time

__all__ = ["ExpectForm"]


class ToleranceForm(Form):
    """How far two numbers may be apart: the larger of both limits counts."""

    rel: Annotated[Amount, Field(lt=1)] = Field(
        default=0.0, description="Share of the larger of both numbers, below 1.", examples=[1e-6]
    )
    abs: Amount = Field(default=0.0, description="Distance in the numbers' own unit.", examples=[0.01])


class NodesForm(Form):
    """Which LangGraph nodes must have run."""

    order: NodeOrder = Field(
        default="strict",
        description="strict: these in this order. unordered: these in any order. "
        "subset: these in this order, others between them. superset: none but these.",
        examples=["strict"],
    )
    names: list[str] = Field(description="Names of nodes, in order.", examples=[["plan", "act", "answer"]])


class ToolForm(Form):
    """One expected tool call of Claude."""

    name: str = Field(description="Name of the tool.", min_length=1, examples=["lookup_order"])
    input: Given[dict[str, Any]] = Field(
        default=None, description="The arguments; any when left out.", examples=[{"order_id": 7}]
    )


class BudgetForm(Form):
    """Upper limits of one case."""

    input_tokens: Given[Count] = Field(
        default=None, description="Input tokens of all calls, cache reads and writes included.", examples=[1200]
    )
    output_tokens: Given[Count] = Field(default=None, description="Output tokens of all calls.", examples=[300])
    calls: Given[Count] = Field(default=None, description="Calls to Claude; a retry is no new call.", examples=[3])
    cost_usd: Given[Amount] = Field(default=None, description="Cost of all calls in US dollars.", examples=[0.01])
    latency_ms: Given[Amount] = Field(default=None, description="What the caller waits, in ms.", examples=[2000])


class ErrorRuleForm(Form):
    """The error the target must raise."""

    type: str = Field(
        description="Its class name, or that of a base class.", min_length=1, examples=["AuthenticationError"]
    )
    contains: Given[str] = Field(default=None, description="Text in its message.", examples=["invalid x-api-key"])


class ExpectForm(Form):
    """What must come out of a case."""

    output: Any = Field(
        default=None, description="The whole output, compared with DeepDiff.", examples=[{"answer": "On Monday."}]
    )
    ignore: list[DiffPath] = Field(
        default_factory=list,
        description="DeepDiff paths left out when 'output' is compared.",
        examples=[["root['run_id']"]],
    )
    ignore_regex: list[PathRegex] = Field(
        default_factory=list,
        description="Regular expressions over such paths.",
        examples=[["\\['(run_id|at)'\\]$"]],
    )
    ignore_order: bool = Field(default=False, description="The order of lists in 'output' does not count.")
    tolerance: ToleranceForm = Field(
        default_factory=ToleranceForm, description="For every number in 'output'.", examples=[{"rel": 1e-6}]
    )
    values: Given[Rules] = Field(
        default=None,
        description="Rules for single values of the output, by dotted path.",
        examples=[{"ate": {"min": 2.4, "max": 3.4}, "status": "ok"}],
    )
    nodes: Given[NodesForm] = Field(default=None, description="The LangGraph nodes that must have run.")
    tools: Given[list[ToolForm]] = Field(
        default=None,
        description="Claude's tool calls in order; an empty list demands none.",
        examples=[[{"name": "lookup_order"}]],
    )
    trajectory: Given[TrajectoryForm] = Field(
        default=None, description="The sequence of nodes and tool calls, as the server's traces show."
    )
    rag: Given[RagForm] = Field(
        default=None, description="What retrieval and the answer made of it must be like, measured without a judge."
    )
    metrics: Given[Rules] = Field(
        default=None, description="Metrics that must be logged.", examples=[{"confidence": {"min": 0.8}}]
    )
    params: Given[Rules] = Field(
        default=None, description="Parameters that must be logged.", examples=[{"model": "claude-sonnet-5-5"}]
    )
    tags: Given[Rules] = Field(
        default=None, description="Trace tags that must be logged.", examples=[{"e2i.brand": "Kisqali"}]
    )
    budget: BudgetForm = Field(
        default_factory=BudgetForm, description="Upper limits.", examples=[{"input_tokens": 400, "latency_ms": 2000}]
    )
    error: Given[ErrorRuleForm] = Field(
        default=None, description="The error the case must end in; without it the case must end without one."
    )
    wrong_output: Any = Field(
        default=None,
        description="An output that was observed and is wrong. The case fails when it comes out again, and as long as "
        "nothing here says what is right.",
        examples=[{"answer": "It was paid on Friday."}],
    )
    judges: Given[list[JudgeForm]] = Field(
        default=None,
        description="Who judges an answer that has no one right text.",
        examples=[[{"name": "tone", "rubric": "Says what to do next.", "min": 4, "mock": {"score": 5}}]],
    )

    def expectation(self) -> Expectation:
        """Return the value."""
        return Expectation(
            output=self.output,
            has_output="output" in self.model_fields_set,
            ignore=tuple(self.ignore),
            ignore_regex=tuple(self.ignore_regex),
            ignore_order=self.ignore_order,
            tolerance=Tolerance(rel=self.tolerance.rel, abs=self.tolerance.abs),
            values=value_rules(self.values),
            nodes=NodeRule(order=self.nodes.order, names=tuple(self.nodes.names)) if self.nodes else None,
            tools=None if self.tools is None else tuple(ToolRule(name=t.name, input=t.input) for t in self.tools),
            trajectory=self.trajectory.trajectory() if self.trajectory else None,
            rag=self.rag.rag() if self.rag else None,
            metrics=value_rules(self.metrics),
            params=value_rules(self.params),
            tags=value_rules(self.tags),
            budget=Budget(**self.budget.model_dump()),
            error=ErrorRule(type=self.error.type, contains=self.error.contains) if self.error else None,
            wrong_output=self.wrong_output,
            has_wrong_output="wrong_output" in self.model_fields_set,
            judges=judge_rules(self.judges),
        )
