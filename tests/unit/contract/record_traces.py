"""Record what real libraries store about calls to Claude: run as a script, it rewrites ``traces/*.json``.

Each scenario runs in this process against a fake transport and a file-backed MLflow store in a temporary folder.
The wire is written down from the transport's bodies; the trace is read back from the store.
Run ``python tests/unit/contract/record_traces.py`` after an upgrade of mlflow, anthropic or langchain-anthropic.
"""

# ruff: noqa: ANN401, PLC0415, SLF001  heavy libraries only where they run; their private seams are the point here
from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRACES = Path(__file__).parent / "traces"
MODEL = "claude-sonnet-5-5"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SYSTEM = "You are a careful analyst of prescriptions.\nAnswer in one sentence."
LOOKUP = {
    "name": "lookup_trx",
    "description": "TRx of a brand in a region.",
    "input_schema": {
        "type": "object",
        "properties": {"brand": {"type": "string"}, "months": {"type": "integer"}},
        "required": ["brand"],
    },
}


@dataclass
class FakeClaude:
    """Answers in order (or by a function of the request) and writes the wire down."""

    answers: list[Any]
    wire: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    calls: Iterator[int] = field(default_factory=itertools.count)

    def respond(self, request: Any) -> Any:
        """Answer one HTTP request."""
        import httpx2

        body = json.loads(request.content)
        retry = int(request.headers.get("x-stainless-retry-count", 0))
        started_at_s, begun = time.time(), time.perf_counter()
        with self.lock:
            index, answer = len(self.wire), self.answers.pop(0)
            if callable(answer):
                answer = answer(_node())
            call = next(self.calls) if not retry else self._last_call(body)
            entry: dict[str, Any] = {"index": index, "call": call, "attempt": retry, "caller": {"node": _node()}}
            self.wire.append(entry)
        time.sleep(0.003)
        response, status = _message(answer, body, index)
        entry |= {
            "request": body,
            "response": response,
            "status": status,
            "started_at_s": started_at_s,
            "duration_s": time.perf_counter() - begun,
            "streamed": bool(body.get("stream")),
            "usage": _usage(response),
            "error": None if status == 200 else {"type": response["error"]["type"], "message": "Overloaded"},
        }
        if status == 200 and body.get("stream"):
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=_sse(response))
        return httpx2.Response(status, json=response)

    def _last_call(self, body: dict[str, Any]) -> int:
        return next(int(entry["call"]) for entry in reversed(self.wire) if entry.get("request") == body)


def _node() -> str | None:
    from langchain_core.runnables.config import var_child_runnable_config

    config = var_child_runnable_config.get() or {}
    return config.get("metadata", {}).get("langgraph_node")


def _message(answer: Any, body: dict[str, Any], index: int) -> tuple[dict[str, Any], int]:
    if isinstance(answer, int):
        kind = {529: "overloaded_error", 401: "authentication_error"}[answer]
        return {"type": "error", "error": {"type": kind, "message": "Overloaded"}}, answer
    usage = {
        "input_tokens": 40 + index,
        "output_tokens": 7 + index,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    stop = "tool_use" if any(block["type"] == "tool_use" for block in answer["content"]) else "end_turn"
    return {
        "id": f"msg_{index:04d}{body['messages'][-1]['role']}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": answer["content"],
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": _with_lifetimes({**usage, **answer.get("usage", {})}),
    }, 200


def _with_lifetimes(usage: dict[str, Any]) -> dict[str, Any]:
    written = {"ephemeral_5m_input_tokens": usage["cache_creation_input_tokens"], "ephemeral_1h_input_tokens": 0}
    return {**usage, "cache_creation": written}


def _usage(response: dict[str, Any]) -> dict[str, int] | None:
    usage = response.get("usage")
    if usage is None:
        return None
    return {
        "input_tokens": usage["input_tokens"],
        "output_tokens": usage["output_tokens"],
        "cache_read_tokens": usage["cache_read_input_tokens"],
        "cache_write_5m_tokens": usage["cache_creation_input_tokens"],
    }


def _sse(message: dict[str, Any]) -> bytes:
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                **message,
                "content": [],
                "stop_reason": None,
                "usage": {**message["usage"], "output_tokens": 1},
            },
        },
    ]
    for index, block in enumerate(message["content"]):
        empty, deltas = _deltas(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": message["usage"]})
    events.append({"type": "message_stop"})
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        half = len(block["text"]) // 2
        parts = [block["text"][:half], block["text"][half:]]
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in parts]
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    data = json.dumps(block["input"])
    return {**block, "input": {}}, [
        {"type": "input_json_delta", "partial_json": data[:5]},
        {"type": "input_json_delta", "partial_json": data[5:]},
    ]


@contextlib.contextmanager
def _connected(fake: FakeClaude) -> Iterator[None]:
    import httpx2
    from anthropic._base_client import AsyncAPIClient, SyncAPIClient

    transport = httpx2.MockTransport(fake.respond)
    kept = {
        (owner, name): getattr(owner, name)
        for owner, name in [
            (httpx2.Client, "_transport_for_url"),
            (httpx2.AsyncClient, "_transport_for_url"),
            (SyncAPIClient, "_sleep_for_retry"),
            (AsyncAPIClient, "_sleep_for_retry"),
        ]
    }

    async def no_wait(*_: Any, **__: Any) -> None:
        await asyncio.sleep(0)

    httpx2.Client._transport_for_url = lambda *_: transport  # type: ignore[method-assign]
    httpx2.AsyncClient._transport_for_url = lambda *_: transport  # type: ignore[method-assign]
    SyncAPIClient._sleep_for_retry = lambda *_, **__: None  # type: ignore[method-assign]
    AsyncAPIClient._sleep_for_retry = no_wait  # type: ignore[method-assign]
    try:
        yield
    finally:
        for (owner, name), value in kept.items():
            setattr(owner, name, value)


def _text(text: str, **usage: int) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "usage": usage}


def _tool(identifier: str, **arguments: Any) -> dict[str, Any]:
    say = {"type": "text", "text": "Let me look it up."}
    use = {"type": "tool_use", "id": identifier, "name": "lookup_trx", "input": arguments}
    return {"content": [say, use]}


# --- targets -----------------------------------------------------------------------------------------------------


def _chat(**options: Any) -> Any:
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model_name=MODEL, max_tokens_to_sample=256, timeout=5, stop=None, **options)


def _question(text: str = "Why did TRx fall in the West?") -> list[Any]:
    from langchain_core.messages import HumanMessage, SystemMessage

    return [SystemMessage(SYSTEM), HumanMessage(text)]


def _graph(nodes: dict[str, Callable[..., Any]], *, parallel: bool = False) -> Any:
    import operator
    from typing import Annotated, TypedDict

    from langgraph.graph import END, START, StateGraph

    # The class is made here, not declared: its annotations would be looked up in this module, which has no langgraph.
    fields = {"question": str, "answers": Annotated[list[str], operator.add]}
    state = TypedDict("state", fields)  # type: ignore[misc]
    graph: Any = StateGraph(state)
    for name, node in nodes.items():
        graph.add_node(name, node)
    names = list(nodes)
    if parallel:
        for name in names:
            graph.add_edge(START, name)
            graph.add_edge(name, END)
    else:
        for before, after in itertools.pairwise([START, *names, END]):
            graph.add_edge(before, after)
    return graph.compile(name="agent")


def lc_sync() -> Any:
    """One plain call."""

    def answer(state: Any) -> Any:
        return {"answers": [_chat().invoke(_question(state["question"])).text]}

    return _graph({"answer": answer}).invoke({"question": "Why did TRx fall in the West?", "answers": []})


def lc_stream() -> Any:
    """One streamed call."""

    def answer(state: Any) -> Any:
        return {"answers": ["".join(chunk.text for chunk in _chat().stream(_question(state["question"])))]}

    return _graph({"answer": answer}).invoke({"question": "Why did TRx fall in the West?", "answers": []})


def lc_tools(*, stream: bool = False) -> Any:
    """A tool call, its result, and the answer."""
    from langchain_core.messages import ToolMessage

    model = _chat(streaming=stream).bind_tools([LOOKUP])

    def agent(state: Any) -> Any:
        messages = _question(state["question"])
        asked = model.invoke(messages)
        messages += [asked, ToolMessage('{"trx": [412, 380]}', tool_call_id=asked.tool_calls[0]["id"])]
        return {"answers": [model.invoke(messages).text]}

    return _graph({"agent": agent}).invoke({"question": "How many TRx?", "answers": []})


def lc_thinking() -> Any:
    """A call with thinking, whose thinking is sent back in the next."""
    from langchain_core.messages import HumanMessage

    model = _chat(thinking={"type": "adaptive"})

    def answer(state: Any) -> Any:
        messages = _question(state["question"])
        first = model.invoke(messages)
        second = model.invoke([*messages, first, HumanMessage("Are you sure?")])
        return {"answers": [second.text]}

    return _graph({"answer": answer}).invoke({"question": "Why?", "answers": []})


def lc_cache() -> Any:
    """A call with a cached system prompt and an image."""
    from langchain_core.messages import HumanMessage, SystemMessage

    system = SystemMessage([{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}])
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    user = HumanMessage([{"type": "text", "text": "What is this?"}, image])

    def answer(_state: Any) -> Any:
        return {"answers": [_chat().invoke([system, user]).text]}

    return _graph({"answer": answer}).invoke({"question": "image", "answers": []})


def lc_error() -> Any:
    """A call that fails for good; the node goes on without it."""
    import anthropic

    def answer(state: Any) -> Any:
        try:
            return {"answers": [_chat().invoke(_question(state["question"])).text]}
        except anthropic.APIStatusError:
            return {"answers": ["unavailable"]}

    return _graph({"answer": answer}).invoke({"question": "Why?", "answers": []})


def lc_raise() -> Any:
    """A call that fails for good and ends the target."""

    def answer(state: Any) -> Any:
        return {"answers": [_chat().invoke(_question(state["question"])).text]}

    return _graph({"answer": answer}).invoke({"question": "Why?", "answers": []})


def lc_parallel() -> Any:
    """Three parallel branches with the same prompt."""

    def left(_state: Any) -> Any:
        return {"answers": [_chat().invoke(_question("Same?")).text]}

    def middle(_state: Any) -> Any:
        return {"answers": [_chat().invoke(_question("Same?")).text]}

    def right(_state: Any) -> Any:
        return {"answers": [_chat().invoke(_question("Same?")).text]}

    graph = _graph({"left": left, "middle": middle, "right": right}, parallel=True)
    return graph.invoke({"question": "Same?", "answers": []})


def lc_async() -> Any:
    """Two asynchronous calls of one node at once with the same prompt."""

    async def answer(_state: Any) -> Any:
        model = _chat()
        both = await asyncio.gather(model.ainvoke(_question("Same?")), model.ainvoke(_question("Same?")))
        return {"answers": [reply.text for reply in both]}

    graph = _graph({"answer": answer})
    return asyncio.run(graph.ainvoke({"question": "Same?", "answers": []}))


def _client() -> Any:
    import anthropic

    return anthropic.Anthropic(api_key="dummy")


def _create(client: Any, text: str = "Why did TRx fall in the West?", **options: Any) -> Any:
    messages = options.pop("messages", [{"role": "user", "content": text}])
    return client.messages.create(
        **{"model": MODEL, "max_tokens": 256, "system": SYSTEM, "messages": messages, **options}
    )


def raw_sync() -> Any:
    """One plain call by the SDK."""
    return _create(_client()).content[0].text


def raw_tools() -> Any:
    """A tool call, its result, and the answer, by the SDK."""
    client = _client()
    question = {"role": "user", "content": "How many TRx?"}
    asked = _create(client, messages=[question], tools=[LOOKUP])
    use = asked.content[-1]
    result = {"type": "tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": '{"trx": [412]}'}]}
    messages = [question, {"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    return _create(client, messages=messages, tools=[LOOKUP]).content[0].text


def raw_cache() -> Any:
    """A cached system prompt, an image and thinking, by the SDK."""
    system = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    content = [{"type": "text", "text": "What is this?"}, image]
    thinking = {"type": "enabled", "budget_tokens": 128}
    messages = [{"role": "user", "content": content}]
    return _create(_client(), messages=messages, system=system, thinking=thinking).content[-1].text


def raw_error() -> Any:
    """A call that fails for good; the target goes on."""
    import anthropic

    try:
        return _create(_client()).content[0].text
    except anthropic.APIStatusError:
        return "unavailable"


def raw_graph_parallel() -> Any:
    """Raw SDK calls with equal prompts in parallel branches of a graph."""

    def left(_state: Any) -> Any:
        return {"answers": [_create(_client(), "Same?").content[0].text]}

    def right(_state: Any) -> Any:
        return {"answers": [_create(_client(), "Same?").content[0].text]}

    return _graph({"left": left, "right": right}, parallel=True).invoke({"question": "Same?", "answers": []})


def manual_strings() -> Any:
    """Hand-made spans around strings."""
    import mlflow

    with mlflow.start_span("ask", span_type="LLM") as span:
        span.set_inputs({"prompt": f"{SYSTEM}\n\nWhy did TRx fall in the West?"})
        reply = _create(_client())
        span.set_outputs(reply.content[0].text)
        span.set_attribute("model", reply.model)
        span.set_attribute("max_tokens", 256)
        span.set_attribute("mlflow.chat.tokenUsage", _mlflow_usage(reply.usage))
    return reply.content[0].text


def manual_openai() -> Any:
    """Hand-made spans in OpenAI's form, with a tool call."""
    import mlflow

    client = _client()
    question = {"role": "user", "content": "How many TRx?"}
    with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
        span.set_inputs({"model": MODEL, "max_tokens": 256, "messages": _openai([question]), "tools": [_function()]})
        asked = _create(client, messages=[question], tools=[LOOKUP])
        span.set_outputs(_openai_reply(asked))
        span.set_attribute("mlflow.chat.tokenUsage", _mlflow_usage(asked.usage))
    use = asked.content[-1]
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "412"}
    messages = [question, {"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    history = [_openai_message(asked), {"role": "tool", "tool_call_id": use.id, "content": "412"}]
    with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
        inputs = {"model": MODEL, "max_tokens": 256, "messages": [*_openai([question]), *history]}
        span.set_inputs({**inputs, "tools": [_function()]})
        reply = _create(client, messages=messages, tools=[LOOKUP])
        span.set_outputs(_openai_reply(reply))
        span.set_attribute("mlflow.chat.tokenUsage", _mlflow_usage(reply.usage))
    return reply.content[0].text


def _function() -> dict[str, Any]:
    function = {
        "name": LOOKUP["name"],
        "description": LOOKUP["description"],
        "parameters": LOOKUP["input_schema"],
    }
    return {"type": "function", "function": function}


def _openai(messages: list[Any]) -> list[Any]:
    return [{"role": "system", "content": SYSTEM}, *messages]


def _openai_message(reply: Any) -> dict[str, Any]:
    text = "".join(block.text for block in reply.content if block.type == "text")
    calls = [
        {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": json.dumps(block.input)}}
        for block in reply.content
        if block.type == "tool_use"
    ]
    return {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}


def _openai_reply(reply: Any) -> dict[str, Any]:
    finish = "tool_calls" if reply.stop_reason == "tool_use" else "stop"
    choice = {"index": 0, "message": _openai_message(reply), "finish_reason": finish}
    return {"id": reply.id, "model": reply.model, "choices": [choice]}


def _mlflow_usage(usage: Any) -> dict[str, int]:
    total = usage.input_tokens + usage.output_tokens
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, "total_tokens": total}


THINK = {"type": "thinking", "thinking": "The West lost two reps.", "signature": "c2lnbmF0dXJl"}
CACHED = {"cache_read_input_tokens": 900, "cache_creation_input_tokens": 120}
PLAIN: list[Any] = [_text("Fewer rep visits explain it.")]
TOOLS: list[Any] = [_tool("toolu_01", brand="Kisqali", months=2), _text("They fell from 412 to 380.")]
THINKING: list[Any] = [
    {"content": [THINK, {"type": "text", "text": "Two reps left."}]},
    {"content": [THINK, {"type": "text", "text": "Yes, I am sure."}]},
]
BY_NODE: list[Any] = [lambda node: _text(f"It is {node}.")] * 3


@dataclass(frozen=True)
class Scenario:
    """One recording: which autologs, which target, which answers."""

    name: str
    autologs: tuple[str, ...]
    target: Callable[[], Any]
    answers: list[Any]
    root: bool = False


SCENARIOS = [
    *[
        Scenario(f"{name}_{target.__name__.removeprefix('lc_')}", autologs, target, answers)
        for name, autologs in [("langchain", ("langchain",)), ("both", ("langchain", "anthropic"))]
        for target, answers in [
            (lc_sync, PLAIN),
            (lc_stream, PLAIN),
            (lc_tools, TOOLS),
            (lc_thinking, THINKING),
            (lc_cache, [_text("One pixel.", **CACHED)]),
            (lc_error, [529, 529, 529]),
            (lc_raise, [401]),
            (lc_parallel, BY_NODE),
            (lc_async, [_text("First."), _text("Second.")]),
        ]
    ],
    Scenario("langchain_retry", ("langchain",), lc_sync, [529, 529, *PLAIN]),
    Scenario("both_retry", ("langchain", "anthropic"), lc_sync, [529, 529, *PLAIN]),
    Scenario("langchain_tools_stream", ("langchain",), lambda: lc_tools(stream=True), TOOLS),
    Scenario("anthropic_sync", ("anthropic",), raw_sync, PLAIN),
    Scenario("anthropic_tools", ("anthropic",), raw_tools, TOOLS, root=True),
    Scenario(
        "anthropic_cache",
        ("anthropic",),
        raw_cache,
        [{"content": [THINK, {"type": "text", "text": "One pixel."}], "usage": CACHED}],
    ),
    Scenario("anthropic_retry", ("anthropic",), raw_sync, [529, 529, *PLAIN]),
    Scenario("anthropic_error", ("anthropic",), raw_error, [529, 529, 529], root=True),
    Scenario("anthropic_raise", ("anthropic",), raw_sync, [401]),
    Scenario("graph_parallel", ("langchain", "anthropic"), raw_graph_parallel, BY_NODE[:2]),
    Scenario("manual_strings", (), manual_strings, PLAIN, root=True),
    Scenario("manual_openai", (), manual_openai, TOOLS, root=True),
]


# --- the store -----------------------------------------------------------------------------------------------------


def record(scenario: Scenario) -> dict[str, Any]:
    """Run one scenario and return its wire and traces as JSON data."""
    import mlflow

    _autolog(scenario.autologs)
    before = {trace["trace_id"] for trace in _traces()}
    fake = FakeClaude(list(scenario.answers))
    started_at_s, begun = time.time(), time.perf_counter()
    output, error = None, None
    with _connected(fake):
        try:
            output = mlflow.trace(scenario.target, name="agent")() if scenario.root else scenario.target()
        except Exception as raised:  # noqa: BLE001  what the target raises is what is recorded
            error = {"type": type(raised).__name__, "bases": [], "message": str(raised), "traceback": ""}
    duration_s = time.perf_counter() - begun
    mlflow.flush_trace_async_logging()
    run = {"output": output, "error": error, "started_at_s": started_at_s, "duration_s": duration_s}
    fresh = [trace for trace in _traces() if trace["trace_id"] not in before]
    return {"run": run, "exchanges": fake.wire, "traces": fresh}


def _autolog(names: tuple[str, ...]) -> None:
    import mlflow.anthropic
    import mlflow.langchain

    for module in (mlflow.anthropic, mlflow.langchain):
        module.autolog(disable=module.__name__.rpartition(".")[2] not in names, silent=True)


def _traces() -> list[dict[str, Any]]:
    import mlflow

    found = mlflow.search_traces(return_type="list", max_results=500, locations=["0"])
    return [_trace(mlflow.get_trace(trace.info.trace_id)) for trace in found]


def _trace(trace: Any) -> dict[str, Any]:
    info = trace.info
    spans = sorted(trace.data.spans, key=lambda span: span.start_time_ns)
    return {
        "trace_id": info.trace_id,
        "state": info.state.value,
        "experiment_id": info.experiment_id or "0",
        "started_at_s": info.request_time / 1e3,
        "duration_s": None if info.execution_duration is None else info.execution_duration / 1e3,
        "tags": {key: value for key, value in info.tags.items() if key != "mlflow.artifactLocation"},
        "metadata": {
            key: value
            for key, value in info.trace_metadata.items()
            if not key.startswith(("mlflow.source", "mlflow.user"))
        },
        "spans": [_span(span) for span in spans],
        "tokens": _tokens(info.token_usage),
        "request_preview": info.request_preview or "",
        "response_preview": info.response_preview or "",
    }


def _span(span: Any) -> dict[str, Any]:
    attributes = dict(span.attributes)
    for name in ("mlflow.spanLogLevel", "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.llm.cost"):
        attributes.pop(name, None)
    return {
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": span.name,
        "type": span.span_type,
        "status": span.status.status_code.value,
        "status_message": span.status.description or "",
        "started_at_s": span.start_time_ns / 1e9,
        "duration_s": None if span.end_time_ns is None else (span.end_time_ns - span.start_time_ns) / 1e9,
        "inputs": span.inputs,
        "outputs": span.outputs,
        "attributes": attributes,
        "events": [_event(event) for event in span.events],
        "tokens": _tokens(attributes.get("mlflow.chat.tokenUsage")),
    }


def _event(event: Any) -> dict[str, Any]:
    attributes = {key: value for key, value in (event.attributes or {}).items() if key != "exception.stacktrace"}
    return {"name": event.name, "attributes": attributes}


def _tokens(usage: dict[str, int] | None) -> dict[str, int | None] | None:
    if not usage:
        return None
    return {
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "cache_read_tokens": usage.get("cache_read_input_tokens"),
        "cache_write_tokens": usage.get("cache_creation_input_tokens"),
    }


def main() -> None:
    """Record the scenarios named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    names = set(parser.parse_args().names)
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_MODEL_CATALOG_URI": ""}
    os.environ.update({**quiet, "ANTHROPIC_API_KEY": "dummy"})
    TRACES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{folder}/store.db")
        for scenario in SCENARIOS:
            if not names or scenario.name in names:
                data = record(scenario)
                text = json.dumps(data, indent=1, default=str)
                (TRACES / f"{scenario.name}.json").write_text(text + "\n", encoding="utf-8")
                sys.stdout.write(f"{scenario.name}: {len(data['exchanges'])} exchanges\n")


if __name__ == "__main__":
    main()
