"""Any content survives the way from the script through the stream into the SDK."""

from __future__ import annotations

import copy
import json
import os
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e2i_eval.claude import ClaudeWire
from e2i_eval.claude.sse import Accumulator, decode_events, encode_event, message_events
from e2i_eval.core.case import Case, ScriptedAnswer
from e2i_eval.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = st.text(st.characters(codec="utf-8"), max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
CITATION = st.builds(
    lambda text, start: {
        "type": "char_location",
        "cited_text": text,
        "document_index": 0,
        "document_title": None,
        "start_char_index": start,
        "end_char_index": start + 1,
        "file_id": None,
    },
    TEXT,
    st.integers(0, 99),
)
BLOCK = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}),
    st.fixed_dictionaries(
        {"type": st.just("text"), "text": TEXT, "citations": st.lists(CITATION, min_size=1, max_size=2)}
    ),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXT, "signature": TEXT.filter(bool)}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": TEXT}),
    st.fixed_dictionaries(
        {
            "type": st.just("tool_use"),
            "id": st.uuids().map(lambda each: f"toolu_{each.hex}"),
            "name": TEXT.filter(bool),
            "input": st.dictionaries(TEXT, JSON, max_size=4),
        }
    ),
)
CONTENT = st.lists(BLOCK, max_size=4)
REQUEST: dict[str, Any] = {
    "model": "claude-opus-4-8",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "x"}],
}


@pytest.fixture(scope="module")
def long_wire() -> Iterator[ClaudeWire]:
    """A wire for all examples."""
    wire = ClaudeWire(mode="mock", environ=os.environ, clock=SystemClock())
    wire.start()
    yield wire
    wire.stop()


def as_scripted(message: anthropic.types.Message, script: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The SDK's blocks, with the keys the script has."""
    blocks = [block.model_dump(mode="json") for block in message.content]
    return [{key: block[key] for key in said} for block, said in zip(blocks, script, strict=True)]


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENT)
def test_the_sdk_hears_what_the_script_says(long_wire: ClaudeWire, content: list[dict[str, Any]]) -> None:
    """Whole, streamed, and on the tape."""
    before = copy.deepcopy(content)
    answer = ScriptedAnswer(content=tuple(content), times=2)
    case = Case(id="any/content", target="any", inputs={}, script=(answer,))
    with long_wire.capture(case) as capture, anthropic.Anthropic() as claude:
        whole = claude.messages.create(**REQUEST)
        with claude.messages.stream(**REQUEST) as stream:
            streamed = stream.get_final_message()

    assert as_scripted(whole, content) == as_scripted(streamed, content) == content == before
    assert [item.response["content"] for item in capture.exchanges if item.response] == [content, content]
    assert whole.usage == streamed.usage
    assert all(item.complete for item in capture.exchanges)


@settings(max_examples=100, deadline=None, database=None)
@given(content=CONTENT, cut=st.floats(0, 1))
def test_a_stream_cut_anywhere_is_read_as_far_as_it_goes(content: list[dict[str, Any]], cut: float) -> None:
    """Never an error, never more than was said, and complete only when whole."""
    message: dict[str, Any] = {"type": "message", "content": content, "stop_reason": "end_turn", "stop_sequence": None}
    message["usage"] = {"input_tokens": 3, "output_tokens": 7}
    body = b"".join(encode_event(event) for event in message_events(message))
    arrived = body[: int(len(body) * cut)]

    read = Accumulator(decode_events(arrived))

    assert read.complete is (arrived == body)
    said = read.message["content"] if read.message else []
    assert len(said) <= len(content)
    for heard, block in zip(said, content, strict=False):
        assert str(block.get("text", "")).startswith(heard.get("text", ""))
    if read.complete:
        assert read.message == json.loads(json.dumps(message))


def test_the_events_have_the_order_of_the_api() -> None:
    """Each block is opened, kept alive, filled and closed, between the message's own events."""
    content = [{"type": "text", "text": "Hello"}, {"type": "redacted_thinking", "data": "x"}]
    message = {"type": "message", "content": content, "stop_reason": "end_turn", "stop_sequence": None}

    kinds = [event["type"] for event in message_events({**message, "usage": {"output_tokens": 7}})]

    block = ["content_block_start", "ping", "content_block_delta", "content_block_stop"]
    empty = ["content_block_start", "ping", "content_block_stop"]
    assert kinds == ["message_start", *block, *empty, "message_delta", "message_stop"]
