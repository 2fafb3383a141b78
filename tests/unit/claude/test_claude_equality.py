"""The mock and a real server that speaks the protocol cannot be distinguished."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.case import Case, ScriptedAnswer, ScriptedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude import ClaudeWire
    from e2i_eval.core.case import StreamFault
    from e2i_eval.core.exchange import Exchange

JSON_TYPE = {"content-type": "application/json"}
SSE_TYPE = {"content-type": "text/event-stream; charset=utf-8"}
USAGE = {
    "input_tokens": 120,
    "cache_creation_input_tokens": 50,
    "cache_read_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 10},
    "output_tokens": 12,
    "service_tier": "standard",
}
THINKING = {"type": "thinking", "thinking": "Hmm, Köln.", "signature": "c2ln"}
TEXT = {"type": "text", "text": "Zwölf Euro 😀"}
TOOL = {"type": "tool_use", "id": "toolu_7", "name": "lookup", "input": {"order": 7, "by": ["ä", None]}}
ANSWER = ScriptedAnswer(content=(THINKING, TEXT, TOOL), usage=USAGE)

# The same answer as a server would write it, by hand: cut at other places than the mock cuts.
EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": {
            "id": "MSG",
            "type": "message",
            "role": "assistant",
            "model": "claude-opus-4-8",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**USAGE, "output_tokens": 1},
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {**THINKING, "thinking": "", "signature": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hmm, "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Köln."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Zwölf Eu"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "ro 😀"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {**TOOL, "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"order": 7'}},
    {
        "type": "content_block_delta",
        "index": 2,
        "delta": {"type": "input_json_delta", "partial_json": ', "by": ["ä", null]}'},
    },
    {"type": "content_block_stop", "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {
            "input_tokens": 120,
            "cache_creation_input_tokens": 50,
            "cache_read_input_tokens": 30,
            "output_tokens": 12,
        },
    },
    {"type": "message_stop"},
]
MESSAGE = {
    **EVENTS[0]["message"],
    "content": [THINKING, TEXT, TOOL],
    "stop_reason": "tool_use",
    "usage": USAGE,
}
BUSY = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "scripted overloaded error"},
    "request_id": "req_of_the_first",
}
BAD = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": "REQ"}


def sse(events: list[dict[str, Any]]) -> list[bytes]:
    """Events as a server writes them, with blanks in the JSON."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def facts(exchange: Exchange) -> dict[str, Any]:
    """What an exchange says apart from its times, the transport's wording and who answered."""
    known = dataclasses.asdict(exchange)
    for name in ("started_at_s", "duration_s", "first_event_s", "request_id", "source"):
        del known[name]
    (known["response"] or {}).pop("request_id", None)
    if known["error"] is not None:
        del known["error"]["message"]
    return known


@pytest.fixture
def compare(
    wire: ClaudeWire,
    server: Any,  # noqa: ANN401 - conftest's class
    reply: Any,  # noqa: ANN401 - as above
    make_case: Callable[..., Case],
    heard: Callable[[Any], Any],
) -> Callable[..., Any]:
    """Asks the mock, then the server through a live wire, and demands that both outcomes are the same."""
    from e2i_eval.claude import ClaudeWire as Wire  # noqa: PLC0415 - the name is taken by the fixture's type

    def run(ask: Callable[..., Any], script: list[ScriptedAnswer], replies: list[Any]) -> Any:  # noqa: ANN401
        client = {"base_url": server.url, "api_key": "k"}
        with wire.capture(make_case(*script)) as mocked:
            expected = heard(lambda: ask(**client))
        wire.stop()
        last = mocked.exchanges[-1]
        ids = {"MSG": str((last.response or {}).get("id")), "REQ": str(last.request_id)}
        server.replies += [each(reply, ids) for each in replies]
        live = Wire(mode="live", environ={}, clock=wire._clock)  # noqa: SLF001 - the same clock, whatever it is
        live.start()
        try:
            with live.capture(make_case()) as passed:
                actual = heard(lambda: ask(**client))
        finally:
            live.stop()

        assert actual == expected
        assert [facts(item) for item in passed.exchanges] == [facts(item) for item in mocked.exchanges]
        assert passed.notes == mocked.notes == ()
        assert server.replies == []
        return expected

    return run


def good(reply: Any, ids: dict[str, str], *, keep: int | None = None, ending: str = "complete") -> Any:  # noqa: ANN401
    """The good answer, whole or as a stream, or the beginning of it."""
    whole = json.dumps(MESSAGE).replace("MSG", ids["MSG"]).encode()
    events = [piece.replace(b"MSG", ids["MSG"].encode()) for piece in sse(EVENTS)]
    return {
        False: reply(pieces=[whole], headers=JSON_TYPE, ending=ending),
        True: reply(pieces=events[:keep], headers=SSE_TYPE, ending=ending),
    }


def failing(status: int, body: dict[str, Any]) -> Callable[[Any, dict[str, str]], Any]:
    """An HTTP error that may be retried at once."""

    def make(reply: Any, ids: dict[str, str]) -> Any:  # noqa: ANN401
        text = json.dumps(body).replace("REQ", ids["REQ"])
        headers = {**JSON_TYPE, "retry-after-ms": "1", "request-id": ids["REQ"]}
        return dict.fromkeys((False, True), reply(pieces=[text.encode()], status=status, headers=headers))

    return make


def test_a_good_answer(compare: Callable[..., Any], ask: Callable[..., Any]) -> None:
    """Thinking, text and a tool call, in all ways to ask."""
    outcome = compare(ask, [ANSWER], [good])

    assert "error" not in outcome


def test_a_refusal(compare: Callable[..., Any], ask: Callable[..., Any]) -> None:
    """An error that is not retried, with its request id."""
    outcome = compare(ask, [ScriptedAnswer(error=ScriptedError(status=400, message="no"))], [failing(400, BAD)])

    assert "invalid_request_error" in outcome["text"]


def test_an_overload_that_passes(compare: Callable[..., Any], ask: Callable[..., Any]) -> None:
    """An error that the SDK retries with success."""
    outcome = compare(ask, [ScriptedAnswer(error=ScriptedError(status=529)), ANSWER], [failing(529, BUSY), good])

    assert "error" not in outcome


def test_an_error_event(compare: Callable[..., Any], ask_streaming: Callable[..., Any]) -> None:
    """The API gives up in the middle of a stream."""

    def broken(reply: Any, ids: dict[str, str]) -> Any:  # noqa: ANN401
        start = good(reply, ids, keep=3)
        start[True].pieces.append(sse([{**BUSY, "request_id": ids["REQ"]}])[0])
        start[True].headers = {**SSE_TYPE, "request-id": ids["REQ"]}
        return start

    # Of eight events the mock sends the first three before it fails.
    answer = ScriptedAnswer(content=({**THINKING, "thinking": "Hm"},), usage=USAGE, fault="error_event")
    outcome = compare(ask_streaming, [answer], [broken])

    assert "overloaded_error" in outcome["text"]


@pytest.mark.parametrize(("fault", "ending"), [("drop", "unfinished"), ("truncate", "truncate")])
def test_a_broken_stream(
    compare: Callable[..., Any], ask_streaming: Callable[..., Any], fault: StreamFault, ending: str
) -> None:
    """The body ends too early, with an error and without one."""

    def broken(reply: Any, ids: dict[str, str]) -> Any:  # noqa: ANN401
        return good(reply, ids, keep=3, ending=ending)

    answer = ScriptedAnswer(content=({**THINKING, "thinking": "Hm"},), usage=USAGE, fault=fault)
    compare(ask_streaming, [answer], [broken])
