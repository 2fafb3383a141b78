"""What the server holds after an observed agent was called."""

from __future__ import annotations

import asyncio
import json
import operator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypedDict

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, flush, observe

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langgraph.graph.state import CompiledStateGraph
    from mlflow.entities import Span, Trace

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

CALLERS = 8


class Claude(Protocol):
    """The fake of conftest.py."""

    requests: list[dict[str, Any]]


class State(TypedDict, total=False):
    """What the test graphs pass along."""

    question: str
    brand: str
    answers: Annotated[list[str], operator.add]
    confidence: float


def model() -> ChatAnthropic:
    """Return a client as the agents make it."""
    return ChatAnthropic(model_name="claude-sonnet-5-5", max_tokens_to_sample=100, timeout=None, stop=None)


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def ask(state: State) -> State:
    """Ask Claude the question."""
    answer = model().invoke([SystemMessage("Be brief."), HumanMessage(state["question"])])
    return {"answers": [answer.text], "confidence": 0.5}


def ask_only(state: State) -> State:
    """Ask Claude, and say nothing else: parallel branches must not all set the confidence."""
    return {"answers": ask(state)["answers"]}


async def ask_async(state: State) -> State:
    """Ask Claude the question without blocking."""
    answer = await model().ainvoke([HumanMessage(state["question"])])
    return {"answers": [answer.text]}


def ask_streaming(state: State) -> State:
    """Ask Claude with streaming and tools."""
    chunks = list(model().bind_tools([add]).stream([HumanMessage(state["question"])]))
    return {"answers": ["".join(chunk.text for chunk in chunks)]}


def use_tool(state: State) -> State:
    """Ask with a tool, use it, and tell Claude the result."""
    asking = model().bind_tools([add], tool_choice="add")
    first = asking.invoke([HumanMessage(state["question"])])
    result = add.invoke(first.tool_calls[0]["args"])
    reply = ToolMessage(str(result), tool_call_id=first.tool_calls[0]["id"] or "")
    last = model().invoke([HumanMessage(state["question"]), first, reply])
    return {"answers": [last.text]}


def graph_of(
    node: Any,  # noqa: ANN401 - as LangGraph declares it
    name: str = "ask",
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return a graph with one node."""
    graph = StateGraph(State)
    graph.add_node(name, node)
    graph.add_edge(START, name)
    graph.add_edge(name, END)
    return graph.compile()


def traces_of(mlflow: MlflowConfig, config: AgentConfig, brand: str = "all-brands", expected: int = 1) -> list[Trace]:
    """Flush, and read an agent's traces back from the server."""
    result = flush(60)
    assert (result.pending, result.dropped) == (0, 0), result.reason
    client = MlflowClient(mlflow.tracking_uri)
    experiment = client.get_experiment_by_name(config.mlflow_experiment.format(brand=brand))
    assert experiment is not None
    traces: list[Trace] = client.search_traces(locations=[experiment.experiment_id], max_results=200)
    assert len(traces) == expected
    return traces


def spans_of(trace: Trace, kind: str) -> list[Span]:
    """Return the spans of one type."""
    return [span for span in trace.data.spans if span.span_type == kind]


@pytest.mark.usefixtures("claude")
def test_a_call_becomes_a_tree_of_agent_node_and_model(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Root, node and Claude call nest as they ran, with inputs and outputs."""
    config = agent()
    observed = observe(graph_of(ask), config, mlflow=mlflow)

    answer = observed.invoke({"question": "why?", "brand": "kisqali"})
    (trace,) = traces_of(mlflow, config, "Kisqali")
    root, node, call = trace.data.spans

    assert answer["answers"] == ["WHY?"]
    assert trace.info.state == "OK"
    assert [span.span_type for span in (root, node, call)] == ["AGENT", "CHAIN", "CHAT_MODEL"]
    assert (root.name, node.parent_id, call.parent_id) == ("tester", root.span_id, node.span_id)
    assert root.inputs == {"question": "why?", "brand": "kisqali"}
    assert root.outputs == answer
    assert node.attributes["langgraph_node"] == "ask"
    assert node.attributes["metadata"]["langgraph_step"] == 1
    assert "langgraph_node" not in call.attributes


def test_a_model_span_holds_the_request_and_the_answer(mlflow: MlflowConfig, agent: MakeAgent, claude: Claude) -> None:
    """The span's inputs are the body on the wire, the outputs are the message that came back."""
    config = agent()
    observe(graph_of(use_tool), config, mlflow=mlflow).invoke({"question": "a tool please"})
    (trace,) = traces_of(mlflow, config)
    first, second = spans_of(trace, "CHAT_MODEL")

    assert [first.inputs, second.inputs] == claude.requests
    assert first.outputs["content"] == [
        {"type": "text", "text": "A TOOL PLEASE"},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1, "b": 2}},
    ]
    assert (first.outputs["id"], first.outputs["stop_reason"]) == ("msg_1", "tool_use")
    assert first.attributes["mlflow.llm.model"] == "claude-sonnet-5-5"
    assert first.attributes["mlflow.llm.provider"] == "anthropic"
    (used,) = spans_of(trace, "TOOL")
    assert (used.name, used.inputs, used.outputs) == ("add", {"a": 1, "b": 2}, 3)


@pytest.mark.usefixtures("claude")
def test_tokens_count_the_cache_and_add_up(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Total input is uncached, read and written; the trace's total is the sum over calls."""
    config = agent()
    observe(graph_of(use_tool), config, mlflow=mlflow).invoke({"question": "a tool please"})
    (trace,) = traces_of(mlflow, config)

    expected = {
        "input_tokens": 117,
        "output_tokens": 5,
        "total_tokens": 122,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 7,
    }
    assert [span.attributes["mlflow.chat.tokenUsage"] for span in spans_of(trace, "CHAT_MODEL")] == [expected] * 2
    assert trace.info.token_usage == {name: 2 * count for name, count in expected.items()}


@pytest.mark.usefixtures("claude")
def test_a_streamed_answer_is_complete_and_has_a_first_token(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Pieces are put together, and the time to the first of them is known."""
    config = agent()
    observe(graph_of(ask_streaming), config, mlflow=mlflow).invoke({"question": "tool"})
    (trace,) = traces_of(mlflow, config)
    (span,) = spans_of(trace, "CHAT_MODEL")

    assert span.outputs["content"] == [
        {"type": "text", "text": "TOOL"},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1, "b": 2}},
    ]
    assert span.inputs["stream"] is True
    duration_ms = ((span.end_time_ns or 0) - span.start_time_ns) / 1e6
    assert 0 < span.attributes["e2i.ttft_ms"] <= duration_ms
    assert span.attributes["mlflow.chat.tokenUsage"]["input_tokens"] == 117


def test_streaming_the_graph_itself_is_one_trace(mlflow: MlflowConfig, agent: MakeAgent, claude: Claude) -> None:
    """A consumer that reads updates, or messages, changes nothing in the log but the streaming."""
    config = agent()
    observed = observe(graph_of(ask), config, mlflow=mlflow)
    updates = list(observed.stream({"question": "why?"}, stream_mode="updates"))
    (trace,) = traces_of(mlflow, config)

    assert updates == [{"ask": {"answers": ["WHY?"], "confidence": 0.5}}]
    assert len(spans_of(trace, "CHAT_MODEL")) == len(claude.requests) == 1
    assert trace.info.state == "OK"


def test_an_overloaded_claude_is_an_error_with_its_reason(
    mlflow: MlflowConfig, agent: MakeAgent, claude: Claude
) -> None:
    """The error reaches the caller unchanged; the trace says what, where, and after how many retries."""
    config = agent()
    observed = observe(graph_of(ask), config, mlflow=mlflow)
    with pytest.raises(Exception, match="529"):
        observed.invoke({"question": "overloaded"})
    (trace,) = traces_of(mlflow, config)
    root, _node, call = trace.data.spans

    assert len(claude.requests) == 3
    assert trace.info.state == "ERROR"
    assert [str(span.status.status_code) for span in trace.data.spans] == ["SpanStatusCode.ERROR"] * 3
    (event,) = call.events
    assert event.name == "exception"
    assert str(event.attributes["exception.type"]).endswith("OverloadedError")
    assert "Overloaded" in str(event.attributes["exception.message"])
    assert (call.attributes["e2i.retries"], call.attributes["e2i.http_status"]) == (2, 529)
    assert root.outputs is None


@pytest.mark.usefixtures("claude")
def test_a_fan_out_keeps_every_branch_apart(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Branches made by Send run in parallel, and each has its own node, input and Claude call."""
    graph = StateGraph(State)
    graph.add_node("plan", lambda _state: {})
    graph.add_node("branch", ask_only)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda _state: [Send("branch", {"question": f"slow {n}"}) for n in range(5)])
    config = agent()

    observe(graph.compile(), config, mlflow=mlflow).invoke({"question": "all"})
    (trace,) = traces_of(mlflow, config)
    spans = {span.span_id: span for span in trace.data.spans}
    calls = spans_of(trace, "CHAT_MODEL")

    assert len(calls) == 5
    for call in calls:
        branch = spans[str(call.parent_id)]
        question = branch.inputs["question"]
        assert branch.attributes["langgraph_node"] == "branch"
        assert call.inputs["messages"] == [{"role": "user", "content": question}]
        assert branch.outputs["answers"] == [question.upper()]


@pytest.mark.usefixtures("claude")
def test_async_callers_do_not_mix(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Concurrent awaits give one trace each, with its own question throughout."""
    config = agent()
    observed = observe(graph_of(ask_async), config, mlflow=mlflow)

    async def all_of_them() -> None:
        await asyncio.gather(*(observed.ainvoke({"question": f"q{n}"}) for n in range(CALLERS)))

    asyncio.run(all_of_them())

    assert_unmixed(traces_of(mlflow, config, expected=CALLERS))


@pytest.mark.usefixtures("claude")
def test_callers_in_threads_do_not_mix(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Eight threads with four calls each give 32 traces, with their own question throughout."""
    config = agent()
    observed = observe(graph_of(ask), config, mlflow=mlflow)
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda n: observed.invoke({"question": f"slow q{n}"}), range(4 * CALLERS)))

    assert_unmixed(traces_of(mlflow, config, expected=4 * CALLERS))


def assert_unmixed(traces: list[Trace]) -> None:
    """Check that every trace is about one question, and no two about the same."""
    questions = set()
    for trace in traces:
        root, node, call = trace.data.spans
        question = root.inputs["question"]
        questions.add(question)
        assert node.inputs["question"] == question
        assert call.inputs["messages"][-1]["content"] == question
        assert root.outputs["answers"] == [question.upper()]
    assert len(questions) == len(traces)


@pytest.mark.usefixtures("claude")
def test_a_subgraph_is_part_of_the_trace(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """The nodes of a graph inside a node are below that node."""
    config = agent()
    observe(graph_of(graph_of(ask, "inner"), "outer"), config, mlflow=mlflow).invoke({"question": "why?"})
    (trace,) = traces_of(mlflow, config)
    nodes = [span.attributes["langgraph_node"] for span in trace.data.spans if "langgraph_node" in span.attributes]

    assert nodes == ["outer", "inner"]
    assert len(spans_of(trace, "CHAT_MODEL")) == 1


def test_an_agent_inside_another_is_logged_once(mlflow: MlflowConfig, agent: MakeAgent, claude: Claude) -> None:
    """One Claude call is one model span in one trace; the inner agent is an agent span in it."""
    inner_config = agent(agent="inner", mlflow_experiment=agent().mlflow_experiment + "-inner")
    inner = observe(graph_of(ask), inner_config, mlflow=mlflow)
    config = agent()
    outer = observe(
        graph_of(lambda state: inner.invoke({"question": state["question"]}), "call"), config, mlflow=mlflow
    )

    outer.invoke({"question": "why?"})
    (trace,) = traces_of(mlflow, config)
    client = MlflowClient(mlflow.tracking_uri)

    assert client.get_experiment_by_name(inner_config.mlflow_experiment.format(brand="all-brands")) is None
    assert [span.name for span in spans_of(trace, "AGENT")] == ["tester", "inner"]
    assert len(spans_of(trace, "CHAT_MODEL")) == len(claude.requests) == 1


class Shelf(BaseRetriever):
    """A retriever that always finds the same."""

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del query, run_manager
        return [Document("Hives itch.", id="d1", metadata={"score": 0.9, "source": "label"})]


@pytest.mark.usefixtures("claude")
def test_retrieval_and_reranking_are_spans_of_their_own(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """The query, the documents with ids and scores, and the reranked order are on the server."""

    def with_last(found: list[Any]) -> list[Any]:
        return [*found, "last"]

    reranker = RunnableLambda(with_last).with_config(run_name="rerank", metadata={"role": "reranker"})

    def search(state: State) -> State:
        found = Shelf().invoke(state["question"])
        reranker.invoke(found)
        return {"answers": []}

    config = agent()
    observe(graph_of(search), config, mlflow=mlflow).invoke({"question": "itch?"})
    (trace,) = traces_of(mlflow, config)
    (retrieval,), (reranking,) = spans_of(trace, "RETRIEVER"), spans_of(trace, "RERANKER")

    assert retrieval.inputs == {"query": "itch?"}
    assert retrieval.outputs == [
        {"id": "d1", "score": 0.9, "page_content": "Hives itch.", "metadata": {"score": 0.9, "source": "label"}}
    ]
    assert reranking.name == "rerank"
    assert reranking.outputs[-1] == "last"


@pytest.mark.usefixtures("claude")
def test_tags_session_and_user_are_searchable(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """What a person filters by is on the trace, and the server finds it by it."""
    config = agent()
    observed = observe(graph_of(ask), config, mlflow=mlflow)
    metadata = {"session_id": "s-1", "user_id": "u-1", "mlflow.test.name": "t", "e2i.shift": "night", "other": 1}
    observed.invoke({"question": "why?", "brand": "Fabhalta", "kpi": "TRx"}, {"metadata": metadata})
    (trace,) = traces_of(mlflow, config, "Fabhalta")
    client = MlflowClient(mlflow.tracking_uri)
    found = client.search_traces(
        locations=[str(trace.info.experiment_id)],
        filter_string="tags.`e2i.brand` = 'Fabhalta' AND tags.`e2i.tier` = '2'",
    )

    assert [item.info.trace_id for item in found] == [trace.info.trace_id]
    tags = trace.info.tags
    assert (tags["e2i.agent"], tags["e2i.use_case"], tags["e2i.config_version"]) == ("tester", "testing", "cafe")
    assert (tags["e2i.prompt_version"], tags["mlflow.traceName"]) == ("plan=3", "tester")
    assert (tags["mlflow.test.name"], tags["e2i.shift"]) == ("t", "night")
    assert "other" not in tags
    assert trace.info.trace_metadata["mlflow.trace.session"] == "s-1"
    assert trace.info.trace_metadata["mlflow.trace.user"] == "u-1"


def everything_kept(mlflow: MlflowConfig, trace: Trace) -> str:
    """Return all the server holds of a call, as one text."""
    client = MlflowClient(mlflow.tracking_uri)
    runs = client.search_runs([str(trace.info.experiment_id)])
    files = [
        client.download_artifacts(run.info.run_id, file.path)
        for run in runs
        for file in client.list_artifacts(run.info.run_id)
    ]
    texts = [Path(path).read_text(encoding="utf-8") for path in files]
    return json.dumps([trace.to_dict(), [run.to_dictionary() for run in runs], texts], default=str)


@pytest.mark.usefixtures("claude")
def test_without_prompt_logging_no_prompt_is_anywhere(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Neither spans, previews, tags nor artifacts hold a word of it; tokens, latency and metrics stay."""
    config = agent(log_prompts=False)
    observed = observe(graph_of(ask), config, mlflow=mlflow)
    observed.invoke({"question": "MARKER"})
    with pytest.raises(Exception, match="529"):
        observed.invoke({"question": "overloaded MARKER"})
    failed, good = traces_of(mlflow, config, expected=2)
    client = MlflowClient(mlflow.tracking_uri)
    run = client.search_runs([str(good.info.experiment_id)], "status = 'FINISHED'")[0]

    for trace in (failed, good):
        kept = everything_kept(mlflow, trace)
        assert "MARKER" not in kept
        assert "Be brief" not in kept
    assert (good.info.token_usage or {})["input_tokens"] == 117
    assert run.data.metrics["confidence"] == 0.5
    assert run.data.metrics["latency_ms"] > 0


@pytest.mark.usefixtures("claude")
def test_secrets_and_identifiers_never_arrive(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Keys, addresses and record numbers are gone from everything; counts and ids are not."""
    config = agent()
    secrets = (
        "sk-ant-api03-abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9.e30",
        "jo@clinic.org",
        "555-123-4567",
        "1234567893",
    )
    text = f"key {secrets[0]}, Bearer {secrets[1]}, {secrets[2]}, {secrets[3]}, NPI {secrets[4]}, 5012345678 HCPs"
    observe(graph_of(ask), config, mlflow=mlflow).invoke({"question": text})
    (trace,) = traces_of(mlflow, config)
    kept = everything_kept(mlflow, trace)

    assert not [secret for secret in secrets if secret.lower() in kept.lower()]
    assert "5012345678 HCPs" in kept
    assert spans_of(trace, "CHAT_MODEL")[0].outputs["id"] == "msg_1"
