"""In live mode everything passes, as it comes, and is captured without a secret."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude import ClaudeWire
    from e2i_eval.core.case import Case

SECRET = "sk-ant-secret"
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-8-20260401",
    "content": [{"type": "text", "text": "Grüße"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 3},
}
HEADERS = {"content-type": "application/json", "request-id": "req_1", "set-cookie": "session=cookie-secret"}
SSE_HEADERS = {**HEADERS, "content-type": "text/event-stream"}


def event(kind: str, **fields: Any) -> bytes:  # noqa: ANN401 - JSON
    """One event as a server writes it."""
    return f"event: {kind}\r\ndata: {json.dumps({'type': kind, **fields})}\r\n\r\n".encode()


START = event("message_start", message={**MESSAGE, "content": [], "stop_reason": None})
OPEN = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
HALF = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Grü"})
REST = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "ße"})
END = (
    event("content_block_stop", index=0)
    + event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 3})
    + event("message_stop")
)


def same(reply: Any) -> dict[bool, Any]:  # noqa: ANN401 - the server's reply
    """The reply for streams and others alike."""
    return {False: reply, True: reply}


@pytest.fixture
def client(server: Any) -> dict[str, Any]:  # noqa: ANN401 - the server
    """Options of a client of the server."""
    return {"base_url": server.url, "api_key": SECRET, "max_retries": 0}


def test_an_answer_passes_and_is_kept(
    live_wire: ClaudeWire,
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401 - the server
    reply: Any,  # noqa: ANN401 - the class of replies
    client: dict[str, Any],
    request_body: dict[str, Any],
) -> None:
    """With the model's usage and the request's id; a script is not needed."""
    server.replies.append(same(reply(pieces=[json.dumps(MESSAGE).encode()], headers=HEADERS)))
    with live_wire.capture(make_case("never said")) as capture, anthropic.Anthropic(**client) as claude:
        message = claude.messages.create(**request_body)

    assert message.id == "msg_1"
    (exchange,) = capture.exchanges
    assert exchange.request == request_body == json.loads(server.requests[0]["body"])
    assert exchange.response == MESSAGE
    assert (exchange.status, exchange.request_id, exchange.complete) == (200, "req_1", True)
    assert exchange.usage is not None
    assert (exchange.usage.output_tokens, exchange.usage.estimated) == (3, False)
    assert capture.notes == ()


def test_no_secret_is_kept(
    live_wire: ClaudeWire,
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401 - as above
    reply: Any,  # noqa: ANN401 - as above
    client: dict[str, Any],
    request_body: dict[str, Any],
) -> None:
    """Neither the key nor a cookie; both did pass."""
    server.replies.append(same(reply(pieces=[json.dumps(MESSAGE).encode()], headers=HEADERS)))
    with live_wire.capture(make_case()) as capture, anthropic.Anthropic(**client) as claude:
        claude.messages.create(**request_body)

    assert SECRET in str(server.requests[0]["headers"])
    assert "secret" not in repr(capture.exchanges)


def test_a_stream_is_not_held_back(
    live_wire: ClaudeWire,
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401 - as above
    reply: Any,  # noqa: ANN401 - as above
    client: dict[str, Any],
    request_body: dict[str, Any],
) -> None:
    """The first event is in the caller's hands, and on the tape, before the server has written the second."""
    server.replies.append(same(reply(pieces=[START, OPEN + HALF, REST + END], headers=SSE_HEADERS, ending="wait")))
    with live_wire.capture(make_case()) as capture, anthropic.Anthropic(**client) as claude:
        stream = claude.messages.create(**request_body, stream=True)
        first = next(stream)
        (under_way,) = capture.exchanges
        server.may_go_on.set()
        rest = list(stream)

    assert first.type == "message_start"
    assert (under_way.complete, under_way.response) == (False, {**MESSAGE, "content": [], "stop_reason": None})
    assert rest[-1].type == "message_stop"
    (exchange,) = capture.exchanges
    assert (exchange.complete, exchange.response) == (True, MESSAGE)
    assert exchange.first_event_s is not None
    assert exchange.first_event_s <= exchange.duration_s


def test_a_compressed_body_is_read(
    live_wire: ClaudeWire,
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401 - as above
    reply: Any,  # noqa: ANN401 - as above
    client: dict[str, Any],
    request_body: dict[str, Any],
) -> None:
    """The tape holds what the caller reads, not what travels."""
    packed = gzip.compress(json.dumps(MESSAGE).encode())
    headers = {**HEADERS, "content-encoding": "gzip"}
    server.replies.append(same(reply(pieces=[packed[:20], packed[20:]], headers=headers)))
    with live_wire.capture(make_case()) as capture, anthropic.Anthropic(**client) as claude:
        claude.messages.create(**request_body)

    assert capture.exchanges[0].response == MESSAGE


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_reset_in_the_middle_of_a_stream(  # noqa: PLR0913 - fixtures
    live_wire: ClaudeWire,
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401 - as above
    reply: Any,  # noqa: ANN401 - as above
    client: dict[str, Any],
    request_body: dict[str, Any],
    *,
    is_async: bool,
    encoding: str,
) -> None:
    """The caller gets the library's error, the tape what had arrived."""
    sent = START + OPEN + HALF
    pieces = [gzip.compress(sent)] if encoding else [sent]
    headers = {**SSE_HEADERS, **({"content-encoding": encoding} if encoding else {})}
    server.replies.append(same(reply(pieces=pieces, headers=headers, ending="reset")))

    def read() -> None:
        with anthropic.Anthropic(**client) as claude, claude.messages.stream(**request_body) as stream:
            stream.get_final_message()

    async def read_async() -> None:
        async with anthropic.AsyncAnthropic(**client) as claude, claude.messages.stream(**request_body) as stream:
            await stream.get_final_message()

    with live_wire.capture(make_case()) as capture, pytest.raises(httpx2.TransportError) as caught:
        asyncio.run(read_async()) if is_async else read()

    (exchange,) = capture.exchanges
    assert exchange.error is not None
    assert exchange.error.type == type(caught.value).__name__
    assert exchange.complete is False
    assert exchange.response is not None
    assert exchange.response["content"] in ([{"type": "text", "text": "Grü"}], [])


def test_no_connection_is_recorded(
    live_wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """Each attempt of it."""
    with (
        live_wire.capture(make_case()) as capture,
        anthropic.Anthropic(base_url="http://127.0.0.1:9", api_key=SECRET, max_retries=1) as claude,
        pytest.raises(anthropic.APIConnectionError),
    ):
        claude.messages.create(**request_body)

    assert [(item.call, item.attempt, item.status) for item in capture.exchanges] == [(0, 0, None), (0, 1, None)]
    assert {item.error.type for item in capture.exchanges if item.error} == {"ConnectError"}


def test_a_cancelled_call_is_recorded(
    live_wire: ClaudeWire,
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401 - as above
    reply: Any,  # noqa: ANN401 - as above
    request_body: dict[str, Any],
) -> None:
    """An agent that gives up has still asked."""
    server.replies.append(same(reply(pieces=[START, END], headers=SSE_HEADERS, ending="wait")))

    async def give_up() -> None:
        async with anthropic.AsyncAnthropic(base_url=server.url, api_key=SECRET) as claude:
            stream = await claude.messages.create(**request_body, stream=True)
            await asyncio.wait_for(anext(stream), 5)
            await asyncio.wait_for(anext(stream), 0.05)

    with live_wire.capture(make_case()) as capture, pytest.raises(TimeoutError):
        asyncio.run(give_up())

    (exchange,) = capture.exchanges
    assert exchange.error is not None
    assert (exchange.error.type, exchange.complete) == ("CancelledError", False)


def test_calls_outside_a_case_pass(
    live_wire: ClaudeWire,
    server: Any,  # noqa: ANN401 - as above
    reply: Any,  # noqa: ANN401 - as above
    client: dict[str, Any],
    request_body: dict[str, Any],
) -> None:
    """They are nobody's, and live calls are not refused."""
    server.replies.append(same(reply(pieces=[json.dumps(MESSAGE).encode()], headers=HEADERS)))
    with anthropic.Anthropic(**client) as claude:
        message = claude.messages.create(**request_body)

    assert message.id == "msg_1"
    assert live_wire.notes == ()


def test_threads_share_nothing(
    live_wire: ClaudeWire,
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401 - as above
    reply: Any,  # noqa: ANN401 - as above
    client: dict[str, Any],
    request_body: dict[str, Any],
) -> None:
    """Cases in threads keep their own exchanges."""
    server.replies += [same(reply(pieces=[json.dumps(MESSAGE).encode()], headers=HEADERS))] * 4
    asked: dict[str, list[str]] = {}

    def run(name: str) -> None:
        with live_wire.capture(make_case(name=name)) as capture, anthropic.Anthropic(**client) as claude:
            for _ in range(2):
                claude.messages.create(**{**request_body, "system": name})
        asked[name] = [item.request["system"] for item in capture.exchanges]

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert asked == {"one": ["one", "one"], "two": ["two", "two"]}
