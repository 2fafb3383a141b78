"""A trace: what the tracking server stored of one call, read back from the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["Logged", "Span", "SpanEvent", "TokenTotals", "Trace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanEvent:
    """An event on a span, e.g. an ``exception``."""

    name: str
    attributes: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTotals:
    """Token counts as a span or a trace states them; None where it states none.

    ``input_tokens`` as logged: whether it includes cached tokens differs between libraries.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span.

    Attributes:
        span_id: hex id.
        parent_id: None for a root.
        name: as logged.
        type: MLflow's span type in capitals (``AGENT``, ``CHAIN``, ``CHAT_MODEL``, ``LLM``, ``TOOL``, ``RETRIEVER``,
            ``RERANKER``, ``UNKNOWN``).
        status: ``OK``, ``ERROR``, ``UNSET`` or ``IN_PROGRESS``.
        status_message: text of an error; may be empty.
        started_at_s: seconds since the epoch.
        duration_s: None while the span has not ended.
        inputs: decoded ``mlflow.spanInputs``.
        outputs: decoded ``mlflow.spanOutputs``.
        attributes: all decoded attributes, inputs and outputs included.
        events: in order.
        tokens: what the span says was used; None when it says nothing.
    """

    span_id: str
    parent_id: str | None
    name: str
    type: str
    status: str
    started_at_s: float
    duration_s: float | None
    status_message: str = ""
    inputs: JsonValue = None
    outputs: JsonValue = None
    attributes: JsonObject = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    tokens: TokenTotals | None = None

    @property
    def node(self) -> str | None:
        """The LangGraph node this span ran in, from its metadata; None when it names none."""
        node = self._metadata("langgraph_node")
        return str(node) if node else None

    @property
    def node_place(self) -> str:
        """Which run of its node, and in which subgraph, this span belongs to; empty when it does not say."""
        return f"{self._metadata('langgraph_checkpoint_ns') or ''}{self._metadata('langgraph_step') or ''}"

    def _metadata(self, key: str) -> JsonValue:
        holders = (self.attributes, self.attributes.get("metadata"))
        return next((holder[key] for holder in holders if isinstance(holder, dict) and holder.get(key)), None)

    def __str__(self) -> str:
        return f"span {self.name!r} ({self.type}, {self.span_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One trace.

    Attributes:
        trace_id: the server's id.
        state: ``OK``, ``ERROR``, ``IN_PROGRESS`` or ``STATE_UNSPECIFIED``.
        experiment_id: where it is stored.
        started_at_s: seconds since the epoch.
        duration_s: None while it has not ended.
        tags: trace tags.
        metadata: request metadata.
        spans: in order of start.
        tokens: totals as the server states them; None when it states none.
        request_preview: what the UI shows as request.
        response_preview: what the UI shows as response.
    """

    trace_id: str
    state: str
    experiment_id: str
    started_at_s: float
    duration_s: float | None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    tokens: TokenTotals | None = None
    request_preview: str = ""
    response_preview: str = ""

    @property
    def root(self) -> Span | None:
        """The first span whose parent is not in the trace; None for a trace without spans."""
        known = {span.span_id for span in self.spans}
        return next((span for span in self.spans if span.parent_id not in known), None)

    def ancestors(self, span: Span) -> Iterator[Span]:
        """Yield the parents of ``span``, nearest first."""
        by_id = {each.span_id: each for each in self.spans}
        seen = {span.span_id}
        while span.parent_id in by_id and span.parent_id not in seen:
            span = by_id[span.parent_id]
            seen.add(span.span_id)
            yield span

    def nodes(self) -> tuple[str, ...]:
        """Return the names of the LangGraph nodes that ran, in order of start."""
        return tuple(span.name for span in self.node_spans())

    def node_spans(self) -> tuple[Span, ...]:
        """Return the spans of LangGraph nodes, in order of start: spans named like the node they ran in.

        A runnable inside a node may be called like the node; it is a detail of the node's run and not a second one.
        """
        return tuple(span for span in self.spans if span.name == span.node and not self._is_detail(span))

    def _is_detail(self, span: Span) -> bool:
        return any(
            each.name == span.name and each.node == span.node and each.node_place == span.node_place
            for each in self.ancestors(span)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What the server keeps of a case besides its traces: the content of the case's run.

    Attributes:
        run_id: the run.
        status: the run's status, e.g. ``RUNNING``.
        metrics: latest value of each metric; NaN and infinities as they are.
        params: as text, which is how MLflow keeps them.
        tags: the run's tags.
        artifacts: paths of the stored files, folders left out.
        empty: those of them with nothing in them.
    """

    run_id: str
    status: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
