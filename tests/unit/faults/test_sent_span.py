"""Spans on their way to the server can be changed, and nothing else of the request is."""

from __future__ import annotations

import json

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from e2i_eval.faults.sent_span import SentSpan, other_id, rewritten

TRACE, CALL, NODE = b"t" * 16, b"c" * 8, b"n" * 8
USAGE = {"input_tokens": 12, "output_tokens": 3}


def request() -> bytes:
    """Return a request with a node and a call in it, attributes both typed and as JSON text."""
    sent = ExportTraceServiceRequest()
    scope = sent.resource_spans.add().scope_spans.add()
    scope.scope.name = "some library"
    scope.spans.add(trace_id=TRACE, span_id=NODE, name="node", start_time_unix_nano=1, end_time_unix_nano=9)
    call = scope.spans.add(trace_id=TRACE, span_id=CALL, parent_span_id=NODE, name="call", end_time_unix_nano=5)
    call.attributes.add(key="mlflow.spanType").value.string_value = "CHAT_MODEL"
    call.attributes.add(key="mlflow.chat.tokenUsage").value.string_value = json.dumps(USAGE)
    typed = call.attributes.add(key="mlflow.spanInputs").value.kvlist_value
    typed.values.add(key="max_tokens").value.int_value = 512
    call.events.add(name="retry")
    return bytes(sent.SerializeToString())


def spans_of(body: bytes) -> list[SentSpan]:
    """Return the spans of a request, decoded."""
    seen: list[SentSpan] = []

    def look(spans: list[SentSpan]) -> list[SentSpan]:
        seen.extend(spans)
        return spans

    rewritten(body, look)
    return seen


def test_what_is_not_changed_stays_byte_for_byte() -> None:
    """So that a fault without effect can be told from one that changed something."""
    assert rewritten(request(), lambda spans: spans) == request()


def test_attributes_are_decoded_whatever_their_form() -> None:
    """Typed values, and JSON text."""
    call = spans_of(request())[1]

    assert call.is_call
    assert call.attributes["mlflow.chat.tokenUsage"] == USAGE
    assert call.attributes["mlflow.spanInputs"] == {"max_tokens": 512}


def test_a_change_arrives_in_the_form_it_had() -> None:
    """JSON text stays text; events and the scope are kept."""

    def edit(spans: list[SentSpan]) -> list[SentSpan]:
        spans[1].attributes["mlflow.chat.tokenUsage"]["input_tokens"] = 6
        return spans

    body = rewritten(request(), edit)
    sent = ExportTraceServiceRequest.FromString(body)

    (scope,) = sent.resource_spans[0].scope_spans
    values = {each.key: each.value for each in scope.spans[1].attributes}
    assert json.loads(values["mlflow.chat.tokenUsage"].string_value) == {**USAGE, "input_tokens": 6}
    assert scope.spans[1].events[0].name == "retry"
    assert scope.scope.name == "some library"


def test_spans_can_be_dropped_and_added() -> None:
    """A twin has an id of its own."""
    body = rewritten(request(), lambda spans: [spans[0], spans[0].twin()])

    assert [span.span_id for span in spans_of(body)] == [NODE, other_id(NODE)]
    assert NODE != other_id(NODE) != bytes(8)
