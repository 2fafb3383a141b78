"""A span of a call to Claude becomes the request that was sent and the answer that came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.claude.cassette.answer_of import answer_of
from e2i_eval.claude.cassette.fingerprint import fingerprint
from e2i_eval.dataset.harvest.answer import Failure, HarvestedMessage
from e2i_eval.dataset.harvest.call import harvested_calls
from e2i_eval.dataset.harvest.recorded_answers import entries_of, script_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.trace import Span, Trace

WIRE: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 512,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Where is my refund?"}],
    "tools": [{"name": "lookup", "input_schema": {"type": "object"}, "description": "Looks up."}],
}
OVERLOADED = (
    "Error code: 529 - {'type': 'error', 'error': {'type': 'overloaded_error', 'message': 'busy'}, "
    "'request_id': 'req_4a5bfacd570785c6'}"
)


def test_the_apis_own_body_is_the_request(model: Callable[..., Span], trace: Callable[..., Trace]) -> None:
    """Replay takes the rebuilt request for the one an unchanged agent sends."""
    (call,) = harvested_calls(trace(model()))
    (entry,) = entries_of((call,), "support/x")

    assert fingerprint(entry.request) == fingerprint(WIRE)
    assert call.missing == ()
    assert (answer_of(entry) or {})["content"][0]["input"] == {"order": 7}
    assert (answer_of(entry) or {})["usage"]["cache_read_input_tokens"] == 30


def test_chat_dictionaries_are_put_back_into_the_apis_form(
    model: Callable[..., Span], trace: Callable[..., Trace]
) -> None:
    """LangChain's autolog writes OpenAI's form; on the wire were blocks, and one message of tool results."""
    arguments = json.dumps({"order": 7})
    chat = [
        {"role": "system", "content": "Be brief.", "tool_calls": None},
        {"role": "user", "content": "Where is my refund?", "tool_calls": None},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "toolu_01", "type": "function", "function": {"name": "lookup", "arguments": arguments}}
            ],
        },
        {"role": "tool", "content": "paid", "tool_call_id": "toolu_01", "tool_calls": None},
    ]
    params = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 512,
        "temperature": None,
        "_type": "x",
        "tools": WIRE["tools"],
    }
    told = model(
        inputs={"messages": chat},
        outputs={"choices": [{"message": {"role": "assistant", "content": "On Monday."}, "finish_reason": "stop"}]},
        attributes={"invocation_params": params},
    )
    (call,) = harvested_calls(trace(told))
    sent = WIRE["messages"] + [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "name": "lookup", "input": {"order": 7}, "id": "toolu_9"}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "content": "paid", "tool_use_id": "toolu_9", "is_error": False}],
        },
    ]

    assert fingerprint(call.request) == fingerprint({**WIRE, "messages": sent})
    assert isinstance(call.answer, HarvestedMessage)
    assert call.answer.content == ({"type": "text", "text": "On Monday."},)
    assert call.answer.stop_reason == "end_turn"


def test_what_a_span_leaves_out_is_named(model: Callable[..., Span], trace: Callable[..., Trace]) -> None:
    """A request without its tools would never be asked again: there is no cassette, and it is said why."""
    bare = {name: value for name, value in WIRE.items() if name not in {"tools", "max_tokens"}}
    (call,) = harvested_calls(trace(model(inputs=bare)))

    assert call.missing == (
        "the span does not record 'max_tokens'",
        "the span does not record the tool 'lookup' that Claude called",
    )


def test_the_sdks_own_span_inside_knows_better(
    model: Callable[..., Span], span: Callable[..., Span], trace: Callable[..., Trace]
) -> None:
    """Two libraries log one call: the inner one has the body as it was sent."""
    outer = model(inputs=["unreadable"], span_id="outer", name="ChatAnthropic")
    inner = model(parent="outer", span_id="inner", name="Messages.create", node=None, at_s=0.1)
    del span
    (call,) = harvested_calls(trace(outer, inner))

    assert fingerprint(call.request) == fingerprint(WIRE)
    assert call.node == "act"


def test_each_attempt_of_a_failed_call_is_an_entry(failed: Callable[..., Span], trace: Callable[..., Trace]) -> None:
    """The SDK asks again twice: replay answers three requests, the last with the id the caller was told."""
    (call,) = harvested_calls(trace(failed("OverloadedError", OVERLOADED, attributes={"e2i.retries": 2})))
    entries = entries_of((call,), "support/x")

    assert [(entry.attempt, entry.status) for entry in entries] == [(0, 529), (1, 529), (2, 529)]
    assert entries[-1].headers["request-id"] == "req_4a5bfacd570785c6"
    assert script_of((call,)) == [
        {
            "node": "act",
            "error": {"status": 529, "type": "overloaded_error", "message": "busy"},
            "times": 3,
        }
    ]


@pytest.mark.parametrize(
    ("kind", "message", "error", "attempts"),
    [
        ("APIConnectionError", "Connection error.", "ConnectError", 3),
        ("APITimeoutError", "Request timed out.", "ReadTimeout", 3),
        ("RemoteProtocolError", "peer closed", "RemoteProtocolError", 1),
    ],
)
def test_a_connection_that_failed_fails_again(
    failed: Callable[..., Span], trace: Callable[..., Trace], kind: str, message: str, error: str, attempts: int
) -> None:
    """Without an HTTP status the transport's own error is kept."""
    (call,) = harvested_calls(trace(failed(kind, message)))
    entries = entries_of((call,), "support/x")

    assert [entry.error and entry.error[0] for entry in entries] == [error] * attempts
    assert bool(call.assumed) == (attempts > 1)


def test_an_error_of_the_agent_is_not_claudes(failed: Callable[..., Span], trace: Callable[..., Trace]) -> None:
    """A span may end in any error: what is not known to come from the wire makes no cassette."""
    (call,) = harvested_calls(trace(failed("ValueError", "boom")))

    assert isinstance(call.answer, Failure)
    assert call.missing == ("the call ended in ValueError, which is not known to be Claude's",)


def test_calls_of_one_node_at_the_same_time_are_told_apart(
    model: Callable[..., Span], trace: Callable[..., Trace]
) -> None:
    """Branches ask in any order: each answer names a line of the prompt that the other has not."""
    other = {**WIRE, "messages": [{"role": "user", "content": "Cancel the order, please."}]}
    both = harvested_calls(trace(model(span_id="a"), model(span_id="b", inputs=other, at_s=0.1)))
    apart = harvested_calls(trace(model(span_id="a"), model(span_id="b", inputs=other, at_s=5.0)))

    assert [entry.get("contains") for entry in script_of(both)] == ["Where is my refund?", "Cancel the order, please."]
    assert [entry.get("contains") for entry in script_of(apart)] == [None, None]
