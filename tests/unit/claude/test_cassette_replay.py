"""What was recorded from a server is played without one, and nobody can tell the difference."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from e2i_eval.claude import CassetteStore, ClaudeWire
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.prices import PriceTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i_eval.core.case import Case
    from e2i_eval.core.exchange import Exchange

JSON_TYPE = {"content-type": "application/json", "request-id": "req_7"}
SSE_TYPE = {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_7"}
CONTENT = [
    {"type": "thinking", "thinking": "Hmm, Köln.", "signature": "c2ln"},
    {"type": "text", "text": "Zwölf Euro 😀\nzurück"},
    {"type": "tool_use", "id": "toolu_7", "name": "lookup", "input": {"order": 7}},
]
MESSAGE = {
    "id": "msg_7",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-8",
    "content": CONTENT,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 120, "output_tokens": 12},
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Zwölf Eu"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ro 😀\nzurück"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"input_tokens": 120, "output_tokens": 12},
    },
    {"type": "message_stop"},
]
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}, "request_id": "req_7"}
REFUSED = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": "req_7"}


def sse(*events: dict[str, Any]) -> list[bytes]:
    """Events as a server writes them."""
    return [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]


def good(reply: Any, *, keep: int | None = None, ending: str = "complete") -> Any:  # noqa: ANN401  conftest's reply
    """A good answer, whole or as a stream, or the beginning of it."""
    return {
        False: reply(pieces=[json.dumps(MESSAGE).encode()], headers=JSON_TYPE, ending=ending),
        True: reply(pieces=sse(*EVENTS)[:keep], headers=SSE_TYPE, ending=ending),
    }


def failing(reply: Any, status: int, body: dict[str, Any]) -> Any:  # noqa: ANN401  conftest's reply
    """An HTTP error that may be retried at once."""
    headers = {**JSON_TYPE, "retry-after-ms": "1"}
    return dict.fromkeys((False, True), reply(pieces=[json.dumps(body).encode()], status=status, headers=headers))


def facts(exchange: Exchange) -> dict[str, Any]:
    """What an exchange says apart from its times and who answered."""
    known = dataclasses.asdict(exchange)
    for name in ("started_at_s", "duration_s", "first_event_s", "source", "virtual_s"):
        del known[name]
    return known


@pytest.fixture
def new_wire(tmp_path: Path) -> Callable[..., ClaudeWire]:
    """Makes wires of one shelf."""

    def make(mode: Any, **cassette_store: Any) -> ClaudeWire:  # noqa: ANN401  a mode, the shelf's options
        cassette_store = {"prices": PriceTable.load(), **cassette_store}
        return ClaudeWire(
            mode=mode, environ=os.environ, clock=SystemClock(), cassette_store=CassetteStore(tmp_path, **cassette_store)
        )

    return make


@pytest.fixture
def twice(
    new_wire: Callable[..., ClaudeWire],
    server: Any,  # noqa: ANN401  conftest's class
    make_case: Callable[..., Case],
    heard: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    """Records, replays where no socket can connect, and demands that both outcomes are the same."""

    def run(ask: Callable[..., Any], *replies: Any) -> Any:  # noqa: ANN401  what was heard
        server.replies += replies
        recording = new_wire("record")
        recording.start()
        with recording.capture(make_case()) as recorded:
            expected = heard(lambda: ask(base_url=server.url, api_key="k"))
        recording.stop()
        assert server.replies == []
        monkeypatch.setattr(socket.socket, "connect", _no_socket)
        replaying = new_wire("replay")
        replaying.start()
        with replaying.capture(make_case()) as replayed:
            actual = heard(lambda: ask(base_url="https://api.anthropic.com"))
        replaying.stop()

        assert actual == expected
        assert [facts(each) for each in replayed.exchanges] == [facts(each) for each in recorded.exchanges]
        assert replayed.notes == recorded.notes == ()
        assert {each.source for each in recorded.exchanges} == {"api"}
        assert {each.source for each in replayed.exchanges} == {"cassette"}
        return expected

    return run


def _no_socket(*_args: object) -> None:
    message = "a socket was opened"
    raise AssertionError(message)


def test_a_good_answer(twice: Callable[..., Any], ask: Callable[..., Any], reply: Any) -> None:  # noqa: ANN401
    """Thinking, text and a tool call, in all ways to ask."""
    assert "error" not in twice(ask, good(reply))


def test_a_refusal(twice: Callable[..., Any], ask: Callable[..., Any], reply: Any) -> None:  # noqa: ANN401
    """An error that is not retried has the same class and text."""
    outcome = twice(ask, failing(reply, 400, REFUSED))

    assert "invalid_request_error" in outcome["text"]


@pytest.mark.parametrize("status", [429, 529])
def test_a_retry(twice: Callable[..., Any], ask: Callable[..., Any], reply: Any, status: int) -> None:  # noqa: ANN401
    """An error that the SDK retries with success is two entries, played in their order."""
    assert "error" not in twice(ask, failing(reply, status, OVERLOADED), good(reply))


def test_an_error_event(twice: Callable[..., Any], ask_streaming: Callable[..., Any], reply: Any) -> None:  # noqa: ANN401
    """The API gives up in the middle of a stream."""
    broken = good(reply, keep=4)
    broken[True].pieces += sse(OVERLOADED)

    assert "overloaded_error" in twice(ask_streaming, broken)["text"]


@pytest.mark.parametrize("ending", ["unfinished", "truncate", "reset"])
def test_a_broken_stream(
    twice: Callable[..., Any],
    ask_streaming: Callable[..., Any],
    reply: Any,  # noqa: ANN401  conftest's class
    ending: str,
) -> None:
    """The body ends too early, with an error and without one."""
    twice(ask_streaming, good(reply, keep=4, ending=ending))


def test_nobody_listens(
    new_wire: Callable[..., ClaudeWire],
    make_case: Callable[..., Case],
    ask: Callable[..., Any],
    heard: Any,  # noqa: ANN401
) -> None:
    """Refused connections, retries included, are played as what they were."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        outcomes, seen = [], []
        for mode in ("record", "replay"):
            wire = new_wire(mode)
            wire.start()
            with wire.capture(make_case()) as capture:
                outcomes.append(heard(lambda: ask(base_url=url, api_key="k", max_retries=1)))
            wire.stop()
            assert capture.notes == ()
            seen.append([facts(each) for each in capture.exchanges])

    assert "ConnectionError" in outcomes[0]["error"]
    assert outcomes[1] == outcomes[0]
    assert seen[1] == seen[0]
    assert len(seen[0]) == 2


def test_a_caller_that_gives_up(
    new_wire: Callable[..., ClaudeWire],
    server: Any,  # noqa: ANN401  conftest's class
    reply: Any,  # noqa: ANN401  as above
    make_case: Callable[..., Case],
) -> None:
    """An answer that nobody waited for does not come in replay either: the caller's own limit is reached again."""
    body: dict[str, Any] = {
        "model": "claude-opus-4-8",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Where?"}],
    }
    server.replies.append({True: reply(pieces=sse(EVENTS[0]), headers=SSE_TYPE, ending="wait")})

    async def ask(begun: list[str]) -> None:
        async with anthropic.AsyncAnthropic(base_url=server.url, api_key="k") as claude:
            async for event in await claude.messages.create(**body, stream=True):
                begun.append(event.type)  # noqa: PERF401  what came before the limit is kept

    async def give_up(begun: list[str]) -> None:
        await asyncio.wait_for(ask(begun), 1.0)

    seen = []
    for mode in ("record", "replay"):
        wire = new_wire(mode)
        wire.start()
        heard: list[str] = []
        with wire.capture(make_case()) as capture, pytest.raises(TimeoutError):
            asyncio.run(give_up(heard))
        wire.stop()
        assert capture.notes == ()
        seen.append((heard, len(capture.exchanges)))

    assert seen[0] == seen[1]
    assert seen[0][1] == 1


def _chunks(url: str) -> list[str]:
    body: dict[str, Any] = {
        "model": "claude-opus-4-8",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Where?"}],
    }
    with anthropic.Anthropic(base_url=url, api_key="k") as claude:
        return [event.type for event in claude.messages.create(**body, stream=True)]


def test_chunks_and_times(
    new_wire: Callable[..., ClaudeWire],
    server: Any,  # noqa: ANN401  conftest's class
    reply: Any,  # noqa: ANN401  as above
    make_case: Callable[..., Case],
    tmp_path: Path,
) -> None:
    """A stream comes in its events; on demand at their times, which are otherwise counted and not waited."""
    server.replies.append(good(reply))
    wire = new_wire("record")
    wire.start()
    with wire.capture(make_case()):
        recorded = _chunks(server.url)
    wire.stop()
    file = tmp_path / "support" / "refund.json"
    data = json.loads(file.read_text())
    for piece in data["entries"][0]["pieces"][3:]:
        piece["at_ms"] = 300
    data["entries"][0]["took_ms"] = 300
    file.write_text(json.dumps(data))

    took_s, virtual_s = [], []
    for is_paced in (False, True):
        wire = new_wire("replay", is_paced=is_paced)
        wire.start()
        with wire.capture(make_case()) as capture:
            start_s = time.monotonic()
            assert _chunks(server.url) == recorded
            took_s.append(time.monotonic() - start_s)
        wire.stop()
        virtual_s.append(capture.exchanges[0].virtual_s)
        assert len(data["entries"][0]["pieces"]) == len(EVENTS)

    assert took_s[1] >= 0.25
    assert virtual_s == [0.3, 0.0]
