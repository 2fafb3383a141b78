"""A case: one golden input of a target, what Claude answers in mock mode, and what is expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.judge_rule import JudgeRule

__all__ = [
    "ArgumentRule",
    "Budget",
    "Case",
    "ErrorRule",
    "Expectation",
    "NodeOrder",
    "NodeRule",
    "RagRule",
    "ScriptedAnswer",
    "ScriptedError",
    "StepRule",
    "StreamFault",
    "Tolerance",
    "ToolRule",
    "TrajectoryRule",
    "ValueRule",
]

StreamFault = Literal["truncate", "drop", "error_event", "connect"]
"""How a response goes wrong on the wire.

``truncate``: the body ends early without an error. ``drop``: the connection breaks in the middle of the body.
``error_event``: an SSE ``error`` event (streams only). ``connect``: no connection at all.
"""

NodeOrder = Literal["strict", "subset", "superset", "unordered"]
"""How the nodes that ran are compared with those named.

``strict``: the same nodes in the same order. ``unordered``: the same nodes with the same counts, in any order.
``subset``: every named node ran, in the named order, others may have run between them.
``superset``: nothing ran that is not named.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedError:
    """An HTTP error Claude answers with.

    Attributes:
        status: HTTP status, 400 to 599.
        type: the API's error type; None derives it from the status.
        message: the API's message; None gives a plain one.
        retry_after_s: value of the ``retry-after`` header in seconds; None sends none.
    """

    status: int
    type: str | None = None
    message: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedAnswer:
    """One scripted answer of Claude.

    Attributes:
        node: LangGraph node that must be asking; None matches any caller.
        contains: text that must occur in the request's system prompt or messages; None asks for none.
        content: content blocks in the API's form (``text``, ``thinking``, ``redacted_thinking``, ``tool_use``);
            missing ids are derived by the mock.
        stop_reason: None derives ``tool_use`` or ``end_turn`` from the content.
        usage: the API's usage fields; None estimates them from the bytes of the request and the answer.
        delay_s: time Claude takes, on the virtual clock.
        error: answer with this error instead.
        fault: break the response this way.
        times: how many HTTP requests this entry answers; 1 unless an error is to be repeated.
        is_endless: it answers every further request, be it none; ``times`` says nothing then.
        line: 1-based line of the entry in the case file; 0 when it does not come from a file.
    """

    node: str | None = None
    contains: str | None = None
    content: tuple[JsonObject, ...] = ()
    stop_reason: str | None = None
    usage: JsonObject | None = None
    delay_s: float = 0.0
    error: ScriptedError | None = None
    fault: StreamFault | None = None
    times: int = 1
    line: int = 0
    is_endless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far two numbers may be apart: ``|a - b| <= max(abs, rel * max(|a|, |b|))``."""

    rel: float = 0.0
    abs: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule:
    """What one value must be; every given part must hold, and a NaN or an infinity never passes a numeric one.

    Attributes:
        equals: the value itself, when ``has_equals``.
        has_equals: distinguishes ``equals: null`` from no ``equals``.
        min: inclusive lower bound; None is unbounded.
        max: inclusive upper bound; None is unbounded.
        contains: text that must occur in the value (or an element that must be in it); None asks for none.
        matches: regular expression that must be found in the value; None asks for none.
        one_of: the allowed values; empty allows all.
    """

    equals: JsonValue = None
    has_equals: bool = False
    min: float | None = None
    max: float | None = None
    contains: JsonValue = None
    matches: str | None = None
    one_of: tuple[JsonValue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRule:
    """Which nodes must have run."""

    order: NodeOrder
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRule:
    """One expected tool call of Claude, in order; ``input`` None accepts any input."""

    name: str
    input: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentRule:
    """What one argument of a tool call must be; every given part must hold.

    Attributes:
        kind: ``any``: it must be there. ``ignore``: it may be missing too. ``subset``: of a mapping, what the step's
            ``input`` names there must be equal, other keys are free. ``rule``: what the other attributes say.
        value: rule for the value itself.
        near: the number it must be close to; None asks for none.
        tolerance: how close.
        length: rule for the length of a text, a list or a mapping; None asks for none.
    """

    kind: Literal["any", "ignore", "subset", "rule"]
    value: ValueRule = ValueRule()
    near: float | None = None
    tolerance: Tolerance = Tolerance()
    length: ValueRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRule:
    """One expected step of a trajectory.

    Attributes:
        kind: what takes the step: a LangGraph node that ran, or a tool that was called.
        name: its name.
        input: the tool call's arguments; None leaves those free that ``match`` does not name.
        match: by dotted path of an argument what it must be instead of equal to ``input``; ``.`` is all of them.
    """

    kind: Literal["node", "tool"]
    name: str
    input: JsonObject | None = None
    match: Mapping[str, ArgumentRule] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The step for a person, and what distinguishes it from others: ``tool lookup_order``."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryRule:
    """Which steps must have been taken.

    Attributes:
        mode: ``strict`` and ``unordered``: exactly these. ``subset``: at least these. ``superset``: none but these.
        steps: the steps; of several that are alike each stands for one.
        in_order: whether their order counts; that of what ran at once never does.
        of: the kinds of steps that are looked at.
    """

    mode: NodeOrder
    steps: tuple[StepRule, ...]
    in_order: bool
    of: tuple[Literal["node", "tool"], ...] = ("node", "tool")


@dataclass(frozen=True, slots=True, kw_only=True)
class RagRule:
    """What an answer from retrieved documents must be like.

    Attributes:
        bounds: rule for each judged measure, by its name.
        relevant: ids of the documents a reader would want; empty when none are labelled.
        answer: dotted path of the answer's text in the output.
    """

    bounds: Mapping[str, ValueRule]
    relevant: tuple[str, ...] = ()
    answer: str = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Upper limits of one case; None is unlimited.

    ``input_tokens`` counts cache reads and writes too. ``latency_ms`` is the caller's wall time.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    calls: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """The error the target must raise: its class name (or a base class's), and text in its message."""

    type: str
    contains: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What must come out of a case.

    Attributes:
        output: the whole output, when ``has_output``; compared with DeepDiff.
        has_output: distinguishes ``output: null`` from no ``output``.
        ignore: DeepDiff paths left out of the comparison, e.g. ``root['run_id']``.
        ignore_regex: regular expressions over such paths.
        ignore_order: the order of lists does not count.
        tolerance: for every number in ``output``.
        values: rules for single output values, by dotted path (``gaps.0.region``).
        nodes: None does not judge the nodes.
        tools: None does not judge tool calls; an empty tuple demands that there are none.
        trajectory: None does not judge the sequence of nodes and tool calls.
        rag: None does not measure retrieval and what the answer makes of it.
        metrics: metrics that must be logged, each with its rule.
        params: parameters that must be logged, each with its rule.
        tags: trace tags that must be logged, each with its rule.
        error: None demands that the target ends without an error.
        wrong_output: an output that was observed and is wrong, when ``has_wrong_output``.
        has_wrong_output: a person still has to say, or has said, what is right instead.
        judges: who judges what has no one right text.
    """

    output: JsonValue = None
    has_output: bool = False
    ignore: tuple[str, ...] = ()
    ignore_regex: tuple[str, ...] = ()
    ignore_order: bool = False
    tolerance: Tolerance = Tolerance()
    values: Mapping[str, ValueRule] = field(default_factory=dict)
    nodes: NodeRule | None = None
    tools: tuple[ToolRule, ...] | None = None
    trajectory: TrajectoryRule | None = None
    rag: RagRule | None = None
    metrics: Mapping[str, ValueRule] = field(default_factory=dict)
    params: Mapping[str, ValueRule] = field(default_factory=dict)
    tags: Mapping[str, ValueRule] = field(default_factory=dict)
    budget: Budget = Budget()
    error: ErrorRule | None = None
    wrong_output: JsonValue = None
    has_wrong_output: bool = False
    judges: tuple[JudgeRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One golden input of a target.

    Attributes:
        id: ``<target>/<name>``, unique in a session.
        target: name of the target in the configuration.
        inputs: what the target is called with.
        script: what Claude answers in mock mode.
        expect: what must come out.
        checks: what judges the case beside the built-in checks and those of its target: functions that are a ``Check``,
            or ``module:attribute`` that names one.
        description: one sentence for a person; may be empty.
        tags: free words to select by.
        path: the case file; None when the case was made in code.
        lines: 1-based line of each key of the file, by dotted path (``expect.metrics.gap_score``).
    """

    id: str
    target: str
    inputs: JsonObject
    script: tuple[ScriptedAnswer, ...] = ()
    expect: Expectation = Expectation()
    checks: tuple[Callable[..., object] | str, ...] = ()  # Check itself is of evidence, and that of a case
    description: str = ""
    tags: tuple[str, ...] = ()
    path: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    def where(self, key: str = "") -> str:
        """Return ``file:line`` of ``key``, or of its nearest known parent; the case id when there is no file."""
        if self.path is None:
            return self.id
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.path}:{self.lines.get(key, 1)}"
