"""Faults of logging, applied to what leaves the platform for the tracking server; the agents stay as they are.

A case's input ``fault`` names the fault; it is taken out before the agent sees the inputs.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from e2i import app
from e2i.mlops.tracking_client import TrackingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from langchain_core.runnables import Runnable
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

Spans = list[Span]
SPAN_ID_BYTES = 8


def causal_impact() -> Callable[[Mapping[str, Any]], object]:
    """Build the causal impact agent with a fault a call."""
    return faulty(app.causal_impact())


def rag() -> Callable[[Mapping[str, Any]], object]:
    """Build the RAG pipeline with a fault a call."""
    return faulty(app.rag())


def faulty(graph: Runnable[Any, Any]) -> Callable[[Mapping[str, Any]], object]:
    """Return a target that breaks its logging as each call's inputs ask."""

    def call(inputs: Mapping[str, Any]) -> object:
        question = dict(inputs)
        with broken(question.pop("fault")):
            output = graph.invoke(question)
            app.flush()
        return output

    return call


@contextmanager
def broken(fault: str) -> Iterator[None]:
    """Let what is sent to the tracking server pass through ``fault``."""
    export, post = TrackingClient.export_traces, TrackingClient.post

    def export_broken(self: TrackingClient, payload: bytes, experiment_id: str) -> None:
        export(self, rewritten(payload, SPAN_FAULTS.get(fault, unchanged)), experiment_id)

    def post_broken(self: TrackingClient, path: str, body: Mapping[str, Any]) -> dict[str, object]:
        return post(self, path, without_confidence(body) if fault == "drop_causal_confidence" else body)

    with (
        patch.object(TrackingClient, "export_traces", export_broken),
        patch.object(TrackingClient, "post", post_broken),
    ):
        yield


def rewritten(payload: bytes, change: Callable[[Spans], Spans]) -> bytes:
    """Return an OTLP request with its spans changed."""
    request = ExportTraceServiceRequest.FromString(payload)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            spans = change(list(scope.spans))
            del scope.spans[:]
            scope.spans.extend(spans)
    return bytes(request.SerializeToString())


def without_confidence(body: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the metric that the team relies on."""
    metrics = [metric for metric in body.get("metrics", []) if metric["key"] != "causal_confidence"]
    return {**body, "metrics": metrics} if "metrics" in body else dict(body)


def unchanged(spans: Spans) -> Spans:
    """Break nothing."""
    return spans


def drop_prompt(spans: Spans) -> Spans:
    """Lose what Claude was asked."""
    for span in models(spans):
        inputs = attribute(span, "mlflow.spanInputs").kvlist_value
        kept = [pair for pair in inputs.values if pair.key not in {"messages", "system"}]
        del inputs.values[:]
        inputs.values.extend(kept)
    return spans


def drop_completion(spans: Spans) -> Spans:
    """Lose what Claude answered."""
    for span in models(spans):
        attribute(span, "mlflow.spanOutputs").string_value = ""
    return spans


def halve_input_tokens(spans: Spans) -> Spans:
    """Count half the input."""
    for span in models(spans):
        for pair in attribute(span, "mlflow.chat.tokenUsage").kvlist_value.values:
            if pair.key == "input_tokens":
                pair.value.int_value //= 2
    return spans


def log_a_call_twice(spans: Spans) -> Spans:
    """Log each call to Claude a second time, beside the first."""
    doubles = []
    for span in models(spans):
        double = Span()
        double.CopyFrom(span)
        double.span_id = os.urandom(SPAN_ID_BYTES)
        doubles.append(double)
    return [*spans, *doubles]


def leave_in_progress(spans: Spans) -> Spans:
    """Lose the root span, as a process does that ends before its trace."""
    return [span for span in spans if span.parent_span_id]


def drop_rerank_span(spans: Spans) -> Spans:
    """Lose how the documents were reranked."""
    return [span for span in spans if attribute(span, "mlflow.spanType").string_value != "RERANKER"]


def leak_key_into_tag(spans: Spans) -> Spans:
    """Write the API key where everybody can read it."""
    for span in spans:
        if not span.parent_span_id:
            tag = attribute(span, "mlflow.traceTag.debug")
            tag.string_value = f"client made with {os.environ['ANTHROPIC_API_KEY']}"
    return spans


SPAN_FAULTS: dict[str, Callable[[Spans], Spans]] = {
    change.__name__: change
    for change in (
        drop_prompt,
        drop_completion,
        halve_input_tokens,
        log_a_call_twice,
        leave_in_progress,
        drop_rerank_span,
        leak_key_into_tag,
    )
}


def models(spans: Spans) -> Iterator[Span]:
    """Yield the spans of calls to Claude."""
    return (span for span in spans if attribute(span, "mlflow.spanType").string_value == "CHAT_MODEL")


def attribute(span: Span, key: str) -> AnyValue:
    """Return an attribute's value; it is added when there is none."""
    found = next((each for each in span.attributes if each.key == key), None)
    value: AnyValue = (found or span.attributes.add(key=key)).value
    return value
