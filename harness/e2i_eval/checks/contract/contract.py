"""The contract: what a target must log, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from e2i_eval.core.json_value import JsonValue  # noqa: TC001  pydantic resolves annotations when a file is read

__all__ = [
    "CallRules",
    "Contract",
    "Demand",
    "DemandSection",
    "FieldGroup",
    "RagRules",
    "SecretRules",
    "SpanDemand",
    "TraceRules",
]

FieldGroup = Literal[
    "system_prompt",
    "messages",
    "completion",
    "tool_calls",
    "tools",
    "model",
    "max_tokens",
    "sampling",
    "stop_reason",
    "thinking",
    "tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "trace_tokens",
    "status",
    "duration",
    "node",
]
"""What is compared of a call. ``sampling``: temperature, top_p, top_k, stop_sequences, tool_choice, thinking's budget.
``tokens``: input and output. ``trace_tokens``: the totals of the trace."""

DEMANDED: tuple[FieldGroup, ...] = (
    "system_prompt",
    "messages",
    "completion",
    "tool_calls",
    "model",
    "tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "trace_tokens",
    "status",
    "duration",
)

FORBID: Mapping[str, str] = {"extra": "forbid"}
"""pydantic's configuration for values read from files: a key nobody knows is an error."""

Condition = Mapping[str, Any]
"""Path to value: all must hold. ``"*"`` means that there is a value, a list means any of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRules:
    """How model spans are reconciled with the wire.

    Attributes:
        demand: field groups that must be logged; what is logged must agree whether demanded or not.
        gaps: whether what a library is known not to record (``e2i_eval.checks.contract.formats.GAPS``) is accepted.
        slack_ms: how much later than the wire a span may begin, or earlier end; milliseconds.
        other_models: model names (globs) whose spans are no calls to Claude.
        redacted: placeholders (regular expressions) the logging puts in place of text it must not keep; each stands
            for any text on the wire.
    """

    __pydantic_config__: ClassVar[Any] = FORBID
    demand: tuple[FieldGroup, ...] = DEMANDED
    gaps: Literal["accept", "refuse"] = "accept"
    slack_ms: float = 2.0
    other_models: tuple[str, ...] = ()
    redacted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRules:
    """What a case's traces must be like.

    Attributes:
        traces: how many there must be; None leaves it to the target, because an autolog of single calls makes a trace
            for each of them and none where nothing was called.
        state: ``run``: OK when the target returned and ERROR when it raised; or the state itself; ``any``: finished.
            A trace of a single call to Claude has the state of the call.
    """

    __pydantic_config__: ClassVar[Any] = FORBID
    traces: int | None = None
    state: Literal["run", "OK", "ERROR", "any"] = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one logged value must be; a demand with nothing but a name asks that the value is there.

    Attributes:
        equals: the value, or a template like ``{output.provenance}``.
        matches: regular expression that must match the whole text.
        min: inclusive lower bound, a number or a template.
        max: inclusive upper bound, a number or a template.
        rel: tolerance relative to the larger of both numbers.
        abs: absolute tolerance.
        when: the demand holds only then.
        where: ``file:line``; set by the reader of the file.
    """

    __pydantic_config__: ClassVar[Any] = FORBID
    equals: JsonValue = None
    matches: str | None = None
    min: float | str | None = None
    max: float | str | None = None
    rel: float = 1e-9
    abs: float = 0.0
    when: Condition = field(default_factory=dict)
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanDemand:
    """A span that must be there.

    Attributes:
        name: its name, a glob or a template.
        type: its type; None accepts all.
        root: it must be the root.
        count: how many there must be at least.
        inputs: paths that must be in its inputs, each with the demand on the value.
        outputs: likewise for its outputs.
        attributes: likewise for its attributes.
        when: the demand holds only then.
        where: ``file:line``; set by the reader of the file.
    """

    __pydantic_config__: ClassVar[Any] = FORBID
    name: str = "*"
    type: str | None = None
    root: bool = False
    count: int = 1
    inputs: Mapping[str, Demand] = field(default_factory=dict)
    outputs: Mapping[str, Demand] = field(default_factory=dict)
    attributes: Mapping[str, Demand] = field(default_factory=dict)
    when: Condition = field(default_factory=dict)
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RagRules:
    """What retrieval-augmented answers must log.

    Attributes:
        retriever: name of the RETRIEVER spans, a glob.
        reranker: name of the RERANKER spans, a glob; None demands none.
        ids: paths in a document under which its id may be, the first that is there counts.
        scores: likewise for its score.
        context: path of the final context (``output.context``, or ``spans.<name>.outputs.<path>``), which must be
            literally in a prompt on the wire; None does not ask for it.
        when: the whole section holds only then.
        reranker_when: the reranker is demanded only then.
        where: ``file:line``; set by the reader of the file.
    """

    __pydantic_config__: ClassVar[Any] = FORBID
    retriever: str = "*"
    reranker: str | None = "*"
    ids: tuple[str, ...] = ("id", "metadata.chunk_id", "metadata.id", "doc_id")
    scores: tuple[str, ...] = ("score", "metadata.score", "relevance_score", "metadata.relevance_score")
    context: str | None = None
    when: Condition = field(default_factory=dict)
    reranker_when: Condition = field(default_factory=dict)
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRules:
    """What must never be logged besides keys, bearer tokens and the session's own secrets.

    Attributes:
        patterns: regular expression by the name shown in a finding.
    """

    __pydantic_config__: ClassVar[Any] = FORBID
    patterns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandSection:
    """Demands that hold together.

    Attributes:
        when: the whole section holds only then; empty is always.
        tags: trace tags; names may be globs, of which at least one must match.
        metadata: trace metadata, likewise.
        params: the run's params, likewise.
        metrics: the run's metrics, likewise; each must be finite.
        artifacts: the run's files, likewise.
        spans: spans that must be there.
    """

    __pydantic_config__: ClassVar[Any] = FORBID
    when: Condition = field(default_factory=dict)
    tags: Mapping[str, Demand] = field(default_factory=dict)
    metadata: Mapping[str, Demand] = field(default_factory=dict)
    params: Mapping[str, Demand] = field(default_factory=dict)
    metrics: Mapping[str, Demand] = field(default_factory=dict)
    artifacts: Mapping[str, Demand] = field(default_factory=dict)
    spans: tuple[SpanDemand, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a target must log. The default asks for what every target must: calls, states, no secrets."""

    __pydantic_config__: ClassVar[Any] = FORBID
    calls: CallRules = CallRules()
    trace: TraceRules = TraceRules()
    secrets: SecretRules = SecretRules()
    rag: RagRules | None = None
    sections: tuple[DemandSection, ...] = ()

    @property
    def asks_the_run(self) -> bool:
        """Tell whether anything is demanded of the run's metrics, params or artifacts."""
        return any(section.params or section.metrics or section.artifacts for section in self.sections)
