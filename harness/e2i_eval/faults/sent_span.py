"""The spans of an OTLP request, decoded so that they can be changed, and encoded again."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.json_value import JsonValue

__all__ = ["TRACE_TAG", "SentSpan", "Spans", "calls", "rewritten", "root"]

INPUTS = "mlflow.spanInputs"
OUTPUTS = "mlflow.spanOutputs"
SPAN_TYPE = "mlflow.spanType"
TOKENS = "mlflow.chat.tokenUsage"
TRACE_TAG = "mlflow.traceTag."
"""Begins the attributes of a root span that become tags of the trace."""

MODEL_TYPES = frozenset({"CHAT_MODEL", "LLM"})
OK, ERROR = 1, 2


@dataclass(slots=True, kw_only=True)
class SentSpan:
    """One span on its way to the server.

    Attributes:
        trace_id: 16 bytes.
        span_id: 8 bytes.
        parent_id: empty for a root.
        name: as sent.
        start_ns: nanoseconds since the epoch.
        end_ns: 0 while it has not ended.
        status: OTLP's code: 1 is OK, 2 an error.
        attributes: decoded; JSON text is decoded too.
        as_text: names of the attributes that were JSON text, and are sent as such.
        original: the protobuf message, for what is not changed here.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    start_ns: int
    end_ns: int
    status: int
    attributes: dict[str, JsonValue]
    as_text: frozenset[str] = frozenset()
    original: Any = field(default=None, repr=False)

    @property
    def type(self) -> str:
        """MLflow's span type in capitals; empty when it states none."""
        return str(self.attributes.get(SPAN_TYPE) or "").upper()

    @property
    def is_call(self) -> bool:
        """Tell whether it stands for a call to a model."""
        return self.type in MODEL_TYPES

    def twin(self, number: int = 1) -> SentSpan:
        """Return a copy with an id of its own, the same in every run."""
        twin = copy.deepcopy(self)
        twin.span_id = other_id(self.span_id, number)
        return twin


Spans: TypeAlias = list[SentSpan]


def other_id(identifier: bytes, number: int = 1) -> bytes:
    """Return another id, derived from one, that is not all zeros."""
    return bytes([(identifier[0] + number) % 255 + 1]) + identifier[1:]


def calls(spans: list[SentSpan]) -> list[SentSpan]:
    """Return the spans of calls to a model."""
    return [span for span in spans if span.is_call]


def root(spans: list[SentSpan]) -> SentSpan | None:
    """Return the first span without a parent; None when it is not among them."""
    return next((span for span in spans if not span.parent_id), None)


def rewritten(body: bytes, edit: Callable[[list[SentSpan]], list[SentSpan]]) -> bytes:
    """Return an OTLP request with its spans changed; the same bytes when ``edit`` changes nothing."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415  protobuf is slow to import
        ExportTraceServiceRequest,
    )

    request = ExportTraceServiceRequest.FromString(body)
    is_changed = False
    for scope in (scope for resource in request.resource_spans for scope in resource.scope_spans):
        before = [_decoded(span) for span in scope.spans]
        after = edit(copy.deepcopy(before))
        if after != before:
            is_changed = True
            spans = [_encoded(span) for span in after]
            del scope.spans[:]
            scope.spans.extend(spans)
    return bytes(request.SerializeToString()) if is_changed else body


def _decoded(span: Any) -> SentSpan:  # noqa: ANN401  protobuf's classes are made at run time
    attributes = dict(_attributes(span.attributes))
    texts = {each.key for each in span.attributes if each.value.WhichOneof("value") == "string_value"}
    decoded = {name: _json(value) for name, value in attributes.items() if name in texts}
    structured = {name: value for name, value in decoded.items() if isinstance(value, (dict, list))}
    return SentSpan(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_span_id,
        name=span.name,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status=span.status.code,
        attributes=attributes | structured,
        as_text=frozenset(structured),
        original=span,
    )


def _json(text: JsonValue) -> JsonValue:
    try:
        return json.loads(str(text))
    except ValueError:
        return None


def _attributes(pairs: Any) -> Iterator[tuple[str, JsonValue]]:  # noqa: ANN401  as above
    for pair in pairs:
        yield pair.key, _value(pair.value)


def _value(value: Any) -> JsonValue:  # noqa: ANN401  as above
    match value.WhichOneof("value"):
        case None:
            return None
        case "kvlist_value":
            return dict(_attributes(value.kvlist_value.values))
        case "array_value":
            return [_value(each) for each in value.array_value.values]
        case kind:
            scalar: JsonValue = getattr(value, kind)
            return scalar


def _encoded(span: SentSpan) -> Any:  # noqa: ANN401  as above
    sent = type(span.original)()
    sent.CopyFrom(span.original)
    sent.trace_id, sent.span_id, sent.parent_span_id = span.trace_id, span.span_id, span.parent_id
    sent.name, sent.start_time_unix_nano, sent.end_time_unix_nano = span.name, span.start_ns, span.end_ns
    if sent.status.code != span.status:
        sent.status.code = span.status
        sent.status.message = ""
        del sent.events[:]
    del sent.attributes[:]
    for name, value in span.attributes.items():
        pair = sent.attributes.add(key=name)
        _fill(pair.value, json.dumps(value) if name in span.as_text else value)
    return sent


def _fill(target: Any, value: JsonValue) -> None:  # noqa: ANN401  as above
    match value:
        case None:
            return
        case bool():
            target.bool_value = value
        case int():
            target.int_value = value
        case float():
            target.double_value = value
        case str():
            target.string_value = value
        case dict():
            target.kvlist_value.SetInParent()
            for key, each in value.items():
                _fill(target.kvlist_value.values.add(key=str(key)).value, each)
        case bytes():
            target.bytes_value = value
        case _:
            target.array_value.SetInParent()
            for each in value:
                _fill(target.array_value.values.add(), each)
