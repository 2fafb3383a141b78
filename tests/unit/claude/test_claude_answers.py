"""What a scripted Claude says reaches every kind of client, whole and the same in every run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool

from e2i_eval.core.case import Case, ScriptedAnswer
from e2i_eval.core.exchange import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude import ClaudeWire

CONTENT: tuple[dict[str, Any], ...] = (
    {"type": "thinking", "thinking": "It was paid — let me look it up.", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "b3BhcXVl"},
    {"type": "text", "text": "Zwölf Euro wurden am Montag erstattet 😀 — reicht das?"},
    {"type": "tool_use", "id": "toolu_1", "name": "lookup", "input": {"order": 7, "tags": ["ä", None, 1.5]}},
    {"type": "tool_use", "id": "toolu_2", "name": "refresh", "input": {}},
)
USAGE = {
    "input_tokens": 120,
    "output_tokens": 12,
    "cache_read_input_tokens": 30,
    "cache_creation_input_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 10},
}


def test_every_client_hears_the_script(
    wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[..., Any], heard: Callable[[Any], Any]
) -> None:
    """Blocks, stop reason and usage arrive in all eight ways to ask, and the exchange holds them too."""
    with wire.capture(make_case(ScriptedAnswer(content=CONTENT, usage=USAGE))) as capture:
        answer = heard(ask)

    text = json.dumps(answer, ensure_ascii=False)
    assert "Zwölf Euro wurden am Montag erstattet 😀 — reicht das?" in text
    assert all(part in text for part in ("b3BhcXVl", "c2ln", "toolu_1", "lookup", "tool_use"))
    (exchange,) = capture.exchanges
    assert exchange.response is not None
    assert exchange.response["content"] == list(CONTENT)
    assert exchange.response["stop_reason"] == "tool_use"
    assert exchange.usage == Usage(
        input_tokens=120, output_tokens=12, cache_read_tokens=30, cache_write_5m_tokens=40, cache_write_1h_tokens=10
    )
    assert (exchange.status, exchange.complete, exchange.error) == (200, True, None)
    assert capture.notes == ()


def test_streams_come_in_pieces(wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]) -> None:
    """The events have the API's order, and text, thinking and tool input are cut."""
    case = make_case(ScriptedAnswer(content=(CONTENT[0], CONTENT[2], CONTENT[3])))
    with wire.capture(case), anthropic.Anthropic() as claude:
        events = list(claude.messages.create(**request_body, stream=True))

    kinds = [event.type for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 3
    deltas = [event.delta.type for event in events if event.type == "content_block_delta"]
    assert deltas == sorted(deltas, key=["thinking_delta", "signature_delta", "text_delta", "input_json_delta"].index)
    assert min(deltas.count(kind) for kind in ("thinking_delta", "text_delta", "input_json_delta")) > 1
    assert events[0].type == "message_start"
    assert events[0].message.usage.output_tokens == 1
    assert events[0].message.stop_reason is None


def test_two_runs_are_identical(wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[..., Any]) -> None:
    """Ids of messages, tool calls and requests are derived."""
    case = make_case(ScriptedAnswer(content=({"type": "tool_use", "name": "look", "input": {}},)))
    runs = []
    for _ in range(2):
        with wire.capture(case) as capture:
            ask()
        runs.append(capture.exchanges[0])

    assert runs[0].response == runs[1].response
    assert runs[0].request_id == runs[1].request_id is not None
    assert runs[0].response is not None
    assert runs[0].response["content"][0]["id"].startswith("toolu_")


def test_answers_have_ids_of_their_own(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """No two answers of a session share an id."""
    ids = []
    for name in ("one", "two"):
        with wire.capture(make_case("a", "b", name=name)) as capture, anthropic.Anthropic() as claude:
            ids += [claude.messages.create(**request_body).id for _ in range(2)]
        ids += [str(exchange.request_id) for exchange in capture.exchanges]

    assert len(set(ids)) == 8


def test_a_test_can_script_in_code(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """Answers appended to an open tape follow those of the case."""
    with wire.capture(make_case("from the file")) as capture, anthropic.Anthropic() as claude:
        capture.script([ScriptedAnswer(content=({"type": "text", "text": "from the test"},))])
        texts = [claude.messages.create(**request_body).content[0].to_dict()["text"] for _ in range(2)]

    assert texts == ["from the file", "from the test"]
    assert capture.notes == ()


def test_tokens_are_estimated_where_the_script_is_silent(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """A prompt that grows costs more, and says that the count is an estimate."""
    longer = {**request_body, "messages": [{"role": "user", "content": "Where is my refund?" * 10}]}
    with wire.capture(make_case("a", "a")) as capture, anthropic.Anthropic() as claude:
        claude.messages.create(**request_body)
        claude.messages.create(**longer)

    short, long = (exchange.usage for exchange in capture.exchanges)
    assert short is not None
    assert long is not None
    assert short.estimated
    assert (short.input_tokens, long.input_tokens) == (12, 75)  # 4 + ceil(19 / 2.7), 4 + ceil(190 / 2.7)


def test_tokens_can_be_counted(wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]) -> None:
    """The counting endpoint needs no script, agrees with the estimate, and is no model call with usage."""
    body = {key: value for key, value in request_body.items() if key != "max_tokens"}
    with wire.capture(make_case("a")) as capture, anthropic.Anthropic() as claude:
        counted = claude.messages.count_tokens(**body).input_tokens
        used = claude.messages.create(**request_body).usage.input_tokens

    assert counted == used
    assert [exchange.kind for exchange in capture.exchanges] == ["count_tokens", "messages"]
    assert capture.exchanges[0].usage is None


@pytest.mark.parametrize("method", ["create", "parse"])
def test_beta_calls_are_answered(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any], method: str
) -> None:
    """Beta endpoints use the same path with a query."""
    with wire.capture(make_case("a")) as capture, anthropic.Anthropic() as claude:
        getattr(claude.beta.messages, method)(**request_body, betas=["context-1m-2025-08-07"])

    assert capture.notes == ()
    assert len(capture.exchanges) == 1


def test_any_base_url_is_taken_over(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """A gateway's address with a path of its own is Claude, too, also for a client made before the wire."""
    with (
        wire.capture(make_case("a")) as capture,
        anthropic.Anthropic(base_url="https://gateway.example/team/anthropic") as claude,
    ):
        claude.messages.create(**request_body)

    assert capture.exchanges[0].status == 200


def test_the_aiohttp_transport_is_taken_over(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """The SDK's other transport never reaches the network either."""
    import asyncio  # noqa: PLC0415 - used here alone

    async def ask() -> str:
        async with anthropic.AsyncAnthropic(http_client=anthropic.DefaultAioHttpClient()) as claude:
            return str((await claude.messages.create(**request_body)).content[0].to_dict()["text"])

    with wire.capture(make_case("a")):
        text = asyncio.run(ask())

    assert text == "a"


@tool
def lookup(order: int) -> str:
    """Look an order up."""
    return f"order {order} was paid"


def test_a_tool_loop_of_langchain_runs(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """What a tool call says goes back under the id the script never named."""
    case = make_case(
        ScriptedAnswer(content=({"type": "tool_use", "name": "lookup", "input": {"order": 7}},)),
        ScriptedAnswer(contains="order 7 was paid", content=({"type": "text", "text": "It was paid."},)),
    )
    with wire.capture(case) as capture:
        model = ChatAnthropic(model_name="claude-sonnet-5-5", timeout=None, stop=None).bind_tools([lookup])
        first = model.invoke("Where is it?")
        result = lookup.invoke(first.tool_calls[0])
        last = model.invoke([("user", "Where is it?"), first, result])

    assert last.text == "It was paid."
    assert capture.notes == ()
    assert capture.exchanges[1].request["messages"][-1]["content"][0]["tool_use_id"] == first.tool_calls[0]["id"]
