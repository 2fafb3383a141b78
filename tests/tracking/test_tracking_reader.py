"""Whoever logged and however it was sent: what is read back from the server has one form."""

from __future__ import annotations

import json
import math
import os
import time
import urllib.request
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import pytest

from e2i_eval.core.trace import TokenTotals
from e2i_eval.tracking.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.trace import Span, Trace
    from e2i_eval.tracking import TrackingClient

    OpenCase = Callable[..., CaseRun]

# MLflow, LangChain and their dependencies warn each other; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

T = TypeVar("T")

FLUSH_S = 30.0
INPUTS = {"question": "Where is my refund?", "order": 7, "weights": [0.5, 1.0, None], "empty": {}, "none": None}
OUTPUTS = {"answer": "It was paid.", "found": True}
TOKENS = {
    "input_tokens": 17,
    "output_tokens": 5,
    "total_tokens": 22,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 2,
}


class State(TypedDict, total=False):
    """What flows through the graph."""

    question: str
    answer: str


@pytest.fixture
def graph(claude: Any) -> Any:  # noqa: ANN401  LangGraph is heavy: imported only here
    """Return a graph of two nodes, one of which asks Claude through LangChain."""
    from langchain_anthropic import ChatAnthropic  # noqa: PLC0415
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415
    from pydantic import SecretStr  # noqa: PLC0415

    model = ChatAnthropic(
        model_name="claude-sonnet-5-5", api_key=SecretStr("none"), max_tokens_to_sample=100, timeout=None, stop=None
    )
    model.__dict__["_client"] = claude
    builder = StateGraph(State)
    builder.add_node("plan", lambda _state: {})
    builder.add_node("answer", lambda state: {"answer": model.invoke(state["question"]).content})
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "answer")
    builder.add_edge("answer", END)
    return builder.compile()


@pytest.fixture
def autolog() -> Iterator[Callable[[str], None]]:
    """Return a function that switches an autolog on; off again afterwards."""
    import mlflow  # noqa: PLC0415

    used: list[str] = []

    def switch_on(flavor: str) -> None:
        used.append(flavor)
        getattr(mlflow, flavor).autolog()

    yield switch_on
    for flavor in used:
        getattr(mlflow, flavor).autolog(disable=True)


def only(items: tuple[T, ...]) -> T:
    """Return the one item there must be."""
    assert len(items) == 1
    return items[0]


def spans_by_name(trace: Trace) -> dict[str, Span]:
    """Return the spans of a trace by name."""
    return {span.name: span for span in trace.spans}


def test_langchain_autolog(
    client: TrackingClient,
    open_case: OpenCase,
    graph: Any,  # noqa: ANN401  LangGraph is heavy: imported only by the fixture
    autolog: Callable[[str], None],
) -> None:
    """Nodes, the model call with its tokens, states and previews."""
    autolog("langchain")
    case_run = open_case(client)
    with client.active(case_run):
        graph.invoke({"question": "Where is my refund?"})
    assert client.flush(FLUSH_S)
    traces, _ = client.read(case_run)
    trace = only(traces)
    model = spans_by_name(trace)["ChatAnthropic"]

    assert (trace.state, trace.nodes()) == ("OK", ("plan", "answer"))
    assert trace.root is not None
    assert trace.root.inputs == {"question": "Where is my refund?"}
    assert trace.root.outputs == {"question": "Where is my refund?", "answer": "It was paid on Monday."}
    assert (model.type, model.node, model.status) == ("CHAT_MODEL", "answer", "OK")
    assert model.tokens == trace.tokens
    assert model.tokens == TokenTotals(
        input_tokens=17, output_tokens=5, total_tokens=22, cache_read_tokens=3, cache_write_tokens=2
    )
    assert [span.name for span in trace.ancestors(model)] == ["answer", "LangGraph"]
    assert trace.tags.items() >= case_run.trace_tags.items()
    assert model.duration_s is not None
    assert abs(model.started_at_s - time.time()) < 60


def test_anthropic_autolog(
    client: TrackingClient,
    open_case: OpenCase,
    claude: Any,  # noqa: ANN401  as above, the SDK
    autolog: Callable[[str], None],
) -> None:
    """The SDK's own call, without any graph around it."""
    autolog("anthropic")
    case_run = open_case(client)
    with client.active(case_run):
        claude.messages.create(
            model="claude-sonnet-5-5", max_tokens=9, messages=[{"role": "user", "content": "Where?"}]
        )
    assert client.flush(FLUSH_S)
    traces, _ = client.read(case_run)
    span = only(only(traces).spans)

    assert span.type == "CHAT_MODEL"
    assert span.inputs["messages"] == [{"role": "user", "content": "Where?"}]
    assert span.outputs["content"][0]["text"] == "It was paid on Monday."
    assert span.tokens is not None
    assert span.tokens.output_tokens == 5


def log_by_client() -> None:
    """Log the sample trace by MLflow's own functions."""
    import mlflow  # noqa: PLC0415

    with mlflow.start_span("support", span_type="AGENT") as root:
        root.set_inputs(INPUTS)
        with mlflow.start_span("ask", span_type="CHAT_MODEL") as span:
            span.set_inputs("a text")
            span.set_attribute("mlflow.chat.tokenUsage", TOKENS)
            span.set_attribute("metadata", {"langgraph_node": "answer"})
            span.set_outputs("It was paid.")
        root.set_outputs(OUTPUTS)


def log_by_otlp() -> None:
    """Post the sample trace the way OpenTelemetry does, addressed by the variables of the case."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415

    request = trace_service_pb2.ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    trace_id, root_id = os.urandom(16), os.urandom(8)
    add_span(spans, trace_id, root_id, b"", "support", {"Type": "AGENT", "Inputs": INPUTS, "Outputs": OUTPUTS})
    texts = {"Type": "CHAT_MODEL", "Inputs": json.dumps("a text"), "Outputs": json.dumps("It was paid.")}
    child = add_span(spans, trace_id, os.urandom(8), root_id, "ask", texts)
    for key, value in (("mlflow.chat.tokenUsage", TOKENS), ("metadata", {"langgraph_node": "answer"})):
        child.attributes.add(key=key).value.string_value = json.dumps(value)
    headers = {
        "Content-Type": "application/x-protobuf",
        "x-mlflow-experiment-id": os.environ["MLFLOW_EXPERIMENT_ID"],
        "x-mlflow-run-id": os.environ["MLFLOW_RUN_ID"],
    }
    address = f"{os.environ['MLFLOW_TRACKING_URI']}/v1/traces"
    urllib.request.urlopen(urllib.request.Request(address, request.SerializeToString(), headers)).close()


def add_span(
    spans: Any,  # noqa: ANN401  protobuf's, without public types
    trace_id: bytes,
    span_id: bytes,
    parent_id: bytes,
    name: str,
    fields: Mapping[str, object],
) -> Any:  # noqa: ANN401  likewise
    """Add a finished span with MLflow's attributes as JSON text."""
    span = spans.add(trace_id=trace_id, span_id=span_id, parent_span_id=parent_id, name=name)
    span.start_time_unix_nano = time.time_ns()
    span.end_time_unix_nano = span.start_time_unix_nano + 2_000_000
    span.status.code = 1
    for key, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        span.attributes.add(key=f"mlflow.span{key}").value.string_value = text
    return span


def in_one_form(trace: Trace) -> list[object]:
    """Return all of a trace that does not depend on the moment it was made."""
    return [
        (trace.state, trace.tokens),
        *(
            (each.name, each.type, each.node, each.status, each.inputs, each.outputs, each.tokens)
            for each in trace.spans
        ),
    ]


def test_a_trace_reads_alike_whether_the_client_or_otlp_sent_it(client: TrackingClient, open_case: OpenCase) -> None:
    """A check must not have to know who logged."""
    forms = []
    for send in (log_by_client, log_by_otlp):
        case_run = open_case(client, send.__name__)
        with client.active(case_run):
            send()
        assert client.flush(FLUSH_S)
        traces, _ = client.read(case_run)
        forms.append(in_one_form(only(traces)))

    assert forms[0] == forms[1]
    tokens = TokenTotals(input_tokens=17, output_tokens=5, total_tokens=22, cache_read_tokens=3, cache_write_tokens=2)
    assert forms[0] == [
        ("OK", tokens),
        ("support", "AGENT", None, "OK", INPUTS, OUTPUTS, None),
        ("ask", "CHAT_MODEL", "answer", "OK", "a text", "It was paid.", tokens),
    ]


def test_an_error_keeps_its_message_and_its_exception(client: TrackingClient, open_case: OpenCase) -> None:
    """State, status and the event say what was raised."""
    import mlflow  # noqa: PLC0415

    case_run = open_case(client)
    support = mlflow.trace(name="support")(int)
    with client.active(case_run), pytest.raises(ValueError, match="invalid literal"):
        support("no number")
    assert client.flush(FLUSH_S)
    traces, _ = client.read(case_run)
    span = only(traces).spans[0]
    told = "invalid literal for int() with base 10: 'no number'"

    assert (only(traces).state, span.status, span.status_message) == ("ERROR", "ERROR", f"ValueError: {told}")
    assert [event.name for event in span.events] == ["exception"]
    assert span.events[0].attributes["exception.message"] == told


def test_a_trace_the_database_refused_is_read_from_its_file(client: TrackingClient, open_case: OpenCase) -> None:
    """MLflow keeps it as a file then; its numbers are whole, which OTLP's 64 bits could not hold."""
    import mlflow  # noqa: PLC0415

    case_run = open_case(client)
    with client.active(case_run), mlflow.start_span("support", span_type="TOOL") as span:
        span.set_outputs({"big": 10**25, "text": '{"not": "decoded"}'})
        span.set_attribute("metadata", {"langgraph_node": "plan"})
    assert client.flush(FLUSH_S)
    traces, _ = client.read(case_run)
    read = only(traces).spans[0]

    assert (read.type, read.node, read.status) == ("TOOL", "plan", "OK")
    assert read.outputs == {"big": 10**25, "text": '{"not": "decoded"}'}


def test_a_text_that_looks_like_json_stays_a_text(client: TrackingClient, open_case: OpenCase) -> None:
    """Claude may answer in JSON; its answer is a text all the same."""
    import mlflow  # noqa: PLC0415

    case_run = open_case(client)
    with client.active(case_run), mlflow.start_span("support") as span:
        span.set_outputs({"answer": '{"paid": true}', "number": "12", "odd": float("nan")})
    assert client.flush(FLUSH_S)
    traces, _ = client.read(case_run)
    outputs = only(traces).spans[0].outputs

    assert (outputs["answer"], outputs["number"]) == ('{"paid": true}', "12")
    assert math.isnan(outputs["odd"])


def test_a_trace_that_has_not_ended_says_so(client: TrackingClient, open_case: OpenCase) -> None:
    """It is waited for, and then shown as it is."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415

    case_run = open_case(client)
    request = trace_service_pb2.ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    add_span(spans, os.urandom(16), os.urandom(8), os.urandom(8), "orphan", {"Type": "TOOL"})
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": case_run.experiment_id}
    address = f"{client.uri}/v1/traces"
    urllib.request.urlopen(urllib.request.Request(address, request.SerializeToString(), headers)).close()
    trace_id = "tr-" + spans[0].trace_id.hex()
    Connection(client.uri, {}).call(
        "POST", "/api/2.0/mlflow/traces/link-to-run", {"trace_ids": [trace_id], "run_id": case_run.run_id}
    )
    begun_s = time.monotonic()
    traces, _ = client.read(case_run, settle_s=0.3)

    assert only(traces).state == "IN_PROGRESS"
    assert time.monotonic() - begun_s >= 0.3


def test_nothing_logged_is_nothing_read(client: TrackingClient, open_case: OpenCase) -> None:
    """No trace, no metric: an empty answer, which is a finding and not an error."""
    traces, logged = client.read(open_case(client), settle_s=0.0)

    assert traces == ()
    assert (logged.metrics, logged.params, logged.artifacts, logged.status) == ({}, {}, (), "RUNNING")
