"""Every way to call an agent, and every way Claude can fail it: one trace a call, one model span a Claude call."""

from __future__ import annotations

import asyncio
import operator
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import anthropic
import httpx2
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, flush, observe

if TYPE_CHECKING:
    from collections.abc import Callable

    from langgraph.graph.state import CompiledStateGraph
    from mlflow.entities import Span, Trace

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]
    Graph = CompiledStateGraph[Any, Any, Any, Any]

USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7}
INPUT_TOKENS = 117


class State(TypedDict, total=False):
    """What the test graphs pass along."""

    question: str
    answers: Annotated[list[str], operator.add]


@dataclass
class ScriptedClaude:
    """Answers each request with the next of ``script``: a status, or "timeout"; then with "fine"."""

    script: list[int | str] = field(default_factory=list)
    seen: int = 0

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        self.seen += 1
        status = self.script.pop(0) if self.script else 200
        if status == "timeout":
            msg = "nobody answered"
            raise httpx2.ReadTimeout(msg, request=request)
        if status != 200:
            error = {"type": "error", "error": {"type": "some_error", "message": f"told {status}"}}
            return httpx2.Response(int(status), json=error, headers={"retry-after-ms": "1"})
        message = {
            "id": f"msg_{self.seen}",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [{"type": "text", "text": "fine"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": USAGE,
        }
        return httpx2.Response(200, json=message)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedClaude:
    """Put a Claude that fails on demand in the place of every transport."""
    fake = ScriptedClaude()
    transport = httpx2.MockTransport(fake.answer)
    monkeypatch.setattr(httpx2.Client, "_transport_for_url", lambda *_: transport)
    monkeypatch.setattr(httpx2.AsyncClient, "_transport_for_url", lambda *_: transport)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
    return fake


def model(max_retries: int = 2) -> ChatAnthropic:
    """Return a client as the agents make it."""
    return ChatAnthropic(
        model_name="claude-sonnet-5-5", max_tokens_to_sample=100, timeout=None, stop=None, max_retries=max_retries
    )


def ask(state: State) -> State:
    """Ask Claude the question."""
    return {"answers": [model().invoke([HumanMessage(state["question"])]).text]}


def ask_bluntly(state: State) -> State:
    """Ask Claude with a client that never tries again."""
    return {"answers": [model(0).invoke([HumanMessage(state["question"])]).text]}


async def ask_async(state: State) -> State:
    """Ask Claude without blocking."""
    answer = await model().ainvoke([HumanMessage(state["question"])])
    return {"answers": [answer.text]}


def graph_of(
    node: Any,  # noqa: ANN401 - as LangGraph declares it
    name: str = "ask",
) -> Graph:
    """Return a graph with one node."""
    graph = StateGraph(State)
    graph.add_node(name, node)
    graph.add_edge(START, name)
    graph.add_edge(name, END)
    return graph.compile()


def traces_of(mlflow: MlflowConfig, config: AgentConfig, expected: int = 1) -> list[Trace]:
    """Flush, and read an agent's traces back from the server."""
    result = flush(60)
    assert (result.pending, result.dropped) == (0, 0), result.reason
    client = MlflowClient(mlflow.tracking_uri)
    experiment = client.get_experiment_by_name(config.mlflow_experiment.format(brand="all-brands"))
    assert experiment is not None
    traces: list[Trace] = client.search_traces(locations=[experiment.experiment_id], max_results=200)
    assert len(traces) == expected
    return traces


def models_of(trace: Trace) -> list[Span]:
    """Return the calls to Claude."""
    return [span for span in trace.data.spans if span.span_type == "CHAT_MODEL"]


def assert_whole(trace: Trace, *, calls: int = 1) -> None:
    """Check that a trace is one tree, ended, and has its calls to Claude with their tokens."""
    ids = {span.span_id for span in trace.data.spans}
    roots = [span for span in trace.data.spans if span.parent_id is None]
    assert [root.span_type for root in roots] == ["AGENT"]
    assert all(span.parent_id in ids for span in trace.data.spans if span.parent_id is not None)
    assert trace.info.state in {"OK", "ERROR"}
    assert len(models_of(trace)) == calls
    assert (trace.info.token_usage or {}).get("input_tokens") == (calls * INPUT_TOKENS or None)


MODES: list[Any] = ["values", "updates", "debug", "messages", "custom", "tasks", "checkpoints", ["updates", "messages"]]


@pytest.mark.usefixtures("claude")
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_streaming_in_any_mode_is_one_trace(mlflow: MlflowConfig, agent: MakeAgent, mode: Any) -> None:  # noqa: ANN401 - as LangGraph
    """What a consumer wants to see changes nothing in the log."""
    config = agent()
    list(observe(graph_of(ask), config, mlflow=mlflow).stream({"question": "why?"}, stream_mode=mode))
    (trace,) = traces_of(mlflow, config)

    assert_whole(trace)
    # langchain-anthropic drops the id of an answer that it streams
    assert models_of(trace)[0].outputs.get("id") == (None if "messages" in mode else "msg_1")
    assert trace.data.spans[0].outputs["answers"] == ["WHY?"]


@pytest.mark.usefixtures("claude")
@pytest.mark.parametrize("mode", ["updates", "messages"])
def test_streaming_asynchronously_is_one_trace(mlflow: MlflowConfig, agent: MakeAgent, mode: Any) -> None:  # noqa: ANN401 - as LangGraph
    """`astream` is logged like `stream`; messages that come in pieces have a first token."""
    config = agent()
    observed = observe(graph_of(ask_async), config, mlflow=mlflow)

    async def consume() -> None:
        async for _ in observed.astream({"question": "why?"}, stream_mode=mode):
            pass

    asyncio.run(consume())
    (trace,) = traces_of(mlflow, config)
    (call,) = models_of(trace)

    assert_whole(trace)
    assert call.outputs["content"] == [{"type": "text", "text": "WHY?"}]
    assert ("e2i.ttft_ms" in call.attributes) == (mode == "messages")


@pytest.mark.usefixtures("claude")
def test_a_stream_that_is_left_early_is_an_ended_trace(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """A consumer that has seen enough leaves no trace in progress."""
    config = agent()
    stream = observe(graph_of(ask), config, mlflow=mlflow).stream({"question": "why?"}, stream_mode="updates")
    next(iter(stream))
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    (trace,) = traces_of(mlflow, config)

    assert_whole(trace)


@pytest.mark.usefixtures("claude")
@pytest.mark.parametrize("is_async", [False, True], ids=["batch", "abatch"])
def test_a_batch_is_one_trace_an_input(mlflow: MlflowConfig, agent: MakeAgent, *, is_async: bool) -> None:
    """Each input is a call of its own."""
    config = agent()
    observed = observe(graph_of(ask_async if is_async else ask), config, mlflow=mlflow)
    inputs: list[Any] = [{"question": f"q{number}"} for number in range(4)]
    if is_async:
        asyncio.run(observed.abatch(inputs))
    else:
        observed.batch(inputs)
    traces = traces_of(mlflow, config, expected=4)

    for trace in traces:
        assert_whole(trace)
    assert {trace.data.spans[0].inputs["question"] for trace in traces} == {f"q{number}" for number in range(4)}


@pytest.mark.usefixtures("claude")
def test_an_orchestrator_of_observed_and_unobserved_agents_is_one_trace(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Agents called by an agent, in parallel, are parts of its call; each Claude call is there once."""
    inner = agent(agent="inner")
    observed, plain = observe(graph_of(ask), inner, mlflow=mlflow), graph_of(ask, "plain")
    graph = StateGraph(State)
    graph.add_node("first", lambda state: {"answers": observed.invoke(state)["answers"]})
    graph.add_node("second", lambda state: {"answers": plain.invoke(state)["answers"]})
    graph.add_node("third", lambda state: {"answers": observed.invoke(state)["answers"]})
    for name in ("first", "second", "third"):
        graph.add_edge(START, name)
    config = agent(agent="outer")

    observe(graph.compile(), config, mlflow=mlflow).invoke({"question": "why?"})
    (trace,) = traces_of(mlflow, config)

    assert_whole(trace, calls=3)
    assert Counter(span.name for span in trace.data.spans if span.span_type == "AGENT") == {"outer": 1, "inner": 2}


def test_a_retry_of_the_client_is_one_call(mlflow: MlflowConfig, agent: MakeAgent, scripted: ScriptedClaude) -> None:
    """Two refusals and an answer are one call to Claude for LangChain, with one answer's tokens."""
    scripted.script = [429, 529]
    config = agent()
    answer = observe(graph_of(ask), config, mlflow=mlflow).invoke({"question": "why?"})
    (trace,) = traces_of(mlflow, config)

    assert (answer["answers"], scripted.seen) == (["fine"], 3)
    assert_whole(trace)
    assert trace.info.state == "OK"


def test_a_retry_by_langchain_is_a_call_each(mlflow: MlflowConfig, agent: MakeAgent, scripted: ScriptedClaude) -> None:
    """With a client that never retries, each attempt is a span: failed ones as errors, the last with its tokens."""
    scripted.script = [529, 529]
    retrying = model(0).with_retry(
        stop_after_attempt=3, wait_exponential_jitter=False, retry_if_exception_type=(anthropic.APIStatusError,)
    )
    config = agent()

    def node(state: State) -> State:
        return {"answers": [retrying.invoke([HumanMessage(state["question"])]).text]}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda _s: None)  # tenacity's pauses are of whole seconds
        observe(graph_of(node), config, mlflow=mlflow).invoke({"question": "why?"})
    (trace,) = traces_of(mlflow, config)
    states = [str(span.status.status_code).rsplit(".", 1)[1] for span in models_of(trace)]

    assert scripted.seen == 3
    assert states == ["ERROR", "ERROR", "OK"]
    assert (trace.info.token_usage or {})["input_tokens"] == INPUT_TOKENS
    assert trace.info.state == "OK"


@pytest.mark.parametrize(
    ("script", "error", "told"),
    [
        ([401], "AuthenticationError", "told 401"),
        ([529, 529, 529], "OverloadedError", "told 529"),
        (["timeout"] * 3, "TimeoutError", "timed out"),
    ],
    ids=["401", "529 x 3", "timeouts"],
)
def test_a_failure_of_claude_is_an_error_on_every_level(
    mlflow: MlflowConfig, agent: MakeAgent, scripted: ScriptedClaude, script: list[int | str], error: str, told: str
) -> None:
    """The caller gets the client's error, and the trace says what it was."""
    scripted.script = script
    attempts = len(script)
    config = agent()
    with pytest.raises(anthropic.APIError) as raised:
        observe(graph_of(ask), config, mlflow=mlflow).invoke({"question": "why?"})
    (trace,) = traces_of(mlflow, config)
    (call,) = models_of(trace)
    (event,) = call.events

    assert scripted.seen == attempts
    assert type(raised.value).__name__.endswith(error)
    assert trace.info.state == "ERROR"
    assert str(event.attributes["exception.type"]).endswith(error)
    assert told in str(event.attributes["exception.message"])
    assert all(str(span.status.status_code).endswith("ERROR") for span in trace.data.spans)


def test_a_failure_that_is_caught_leaves_the_call_good(
    mlflow: MlflowConfig, agent: MakeAgent, scripted: ScriptedClaude
) -> None:
    """An agent that falls back answers well; its failed call to Claude is still seen."""
    scripted.script = [401]
    config = agent()

    def fall_back(state: State) -> State:
        try:
            return ask_bluntly(state)
        except anthropic.APIError:
            return {"answers": ["by rule"]}

    observe(graph_of(fall_back), config, mlflow=mlflow).invoke({"question": "why?"})
    (trace,) = traces_of(mlflow, config)

    assert trace.info.state == "OK"
    assert [str(span.status.status_code).rsplit(".", 1)[1] for span in models_of(trace)] == ["ERROR"]


def test_a_cancelled_call_is_an_ended_trace(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """A caller that gives up gets its cancellation, and the trace says so instead of running for ever."""
    config = agent()

    async def wait(_state: State) -> State:
        await asyncio.sleep(30)
        return {"answers": ["too late"]}

    observed = observe(graph_of(wait), config, mlflow=mlflow)

    async def give_up() -> None:
        async with asyncio.timeout(0.2):
            await observed.ainvoke({"question": "why?"})

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    (trace,) = traces_of(mlflow, config)

    assert_whole(trace, calls=0)
    assert trace.info.state == "ERROR"
    assert "CancelledError" in str([event.attributes for event in trace.data.spans[0].events])
