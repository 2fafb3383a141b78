"""Scripted failures reach the SDK as real ones do: the same classes, the same retries, no waiting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

from e2i_eval.core.case import Case, ScriptedAnswer, ScriptedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude import ClaudeWire
    from e2i_eval.core.case import StreamFault

TEXT = ({"type": "text", "text": "It was paid on Monday, and it will arrive soon."},)


@pytest.mark.parametrize(
    ("status", "kind", "raised", "requests"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError, 1),
        (401, "authentication_error", anthropic.AuthenticationError, 1),
        (403, "permission_error", anthropic.PermissionDeniedError, 1),
        (404, "not_found_error", anthropic.NotFoundError, 1),
        (413, "request_too_large", anthropic.ContentTooLargeError, 1),
        (429, "rate_limit_error", anthropic.RateLimitError, 3),
        (500, "api_error", anthropic.InternalServerError, 3),
        (504, "timeout_error", anthropic.GatewayTimeoutError, 3),
        (529, "overloaded_error", anthropic.OverloadedError, 3),
    ],
)
def test_each_error_status_has_its_class(  # noqa: PLR0913, PLR0917 - fixtures and a table
    wire: ClaudeWire,
    make_case: Callable[..., Case],
    request_body: dict[str, Any],
    status: int,
    kind: str,
    raised: type[Exception],
    requests: int,
) -> None:
    """The error's class, type and number of attempts are the SDK's for that status."""
    case = make_case(ScriptedAnswer(error=ScriptedError(status=status), times=requests))
    with wire.capture(case) as capture, anthropic.Anthropic() as claude, pytest.raises(raised) as caught:
        claude.messages.create(**request_body)

    assert isinstance(caught.value, anthropic.APIStatusError)
    assert caught.value.type == kind
    assert caught.value.request_id == capture.exchanges[-1].request_id
    assert [(item.call, item.attempt) for item in capture.exchanges] == [(0, attempt) for attempt in range(requests)]
    assert all(item.error is not None and item.error.type == kind for item in capture.exchanges)
    assert all(item.status == status and item.complete and item.usage is None for item in capture.exchanges)
    assert capture.notes == ()


def test_a_retry_is_not_a_new_call(wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[..., Any]) -> None:
    """After an error the next entry answers the same call, at once, whatever `retry-after` says."""
    overloaded = ScriptedAnswer(error=ScriptedError(status=429, retry_after_s=30.0))
    started_s = time.perf_counter()
    with wire.capture(make_case(overloaded, ScriptedAnswer(content=TEXT))) as capture:
        ask()

    assert time.perf_counter() - started_s < 25  # less than `retry-after`: nobody waited
    assert [(item.call, item.attempt, item.status) for item in capture.exchanges] == [(0, 0, 429), (0, 1, 200)]
    assert capture.exchanges[0].error is not None
    assert capture.exchanges[0].error.type == "rate_limit_error"
    assert capture.notes == ()


def test_an_error_entry_is_repeated_for_its_own_call(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """A retry stays with the entry that failed it, although another entry comes first in the script."""
    case = make_case(
        ScriptedAnswer(contains="Bonn", content=TEXT),
        ScriptedAnswer(error=ScriptedError(status=500), times=2),
        ScriptedAnswer(content=TEXT),
    )
    with wire.capture(case) as capture, anthropic.Anthropic() as claude:
        claude.messages.create(**request_body)

    assert [item.status for item in capture.exchanges] == [500, 500, 200]
    assert [note.kind for note in capture.notes] == ["leftover"]


def test_retry_after_is_sent(wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]) -> None:
    """The header has the scripted seconds."""
    case = make_case(ScriptedAnswer(error=ScriptedError(status=429, retry_after_s=2.5)))
    with (
        wire.capture(case),
        anthropic.Anthropic(max_retries=0) as claude,
        pytest.raises(anthropic.RateLimitError) as caught,
    ):
        claude.messages.create(**request_body)

    assert caught.value.response.headers["retry-after"] == "2.5"


def test_a_delay_is_counted_and_not_waited(
    wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    """Claude takes half a minute of virtual time."""
    with wire.capture(make_case(ScriptedAnswer(content=TEXT, delay_s=30.0))) as capture:
        ask()

    assert capture.exchanges[0].virtual_s == 30.0
    assert capture.exchanges[0].duration_s < 25


def test_a_delay_beyond_the_clients_patience_is_a_timeout(
    wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    """The client gives up as it would, and tries again."""
    case = make_case(ScriptedAnswer(content=TEXT, delay_s=30.0), ScriptedAnswer(content=TEXT))
    with wire.capture(case) as capture:
        ask(timeout=10.0)

    first, second = capture.exchanges
    assert first.error is not None
    assert (first.error.type, first.status) == ("ReadTimeout", None)
    assert (second.call, second.attempt, second.status) == (0, 1, 200)


def test_no_connection_is_retried_and_then_raised(
    wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    """The SDK sees its own library's error."""
    case = make_case(ScriptedAnswer(fault="connect", times=3))
    with wire.capture(case) as capture, pytest.raises(anthropic.APIConnectionError) as caught:
        ask()

    causes = [caught.value, caught.value.__cause__, getattr(caught.value.__cause__, "__cause__", None)]
    assert any(type(cause) is httpx2.ConnectError for cause in causes)  # LangChain puts one more around it
    assert [item.attempt for item in capture.exchanges] == [0, 1, 2]
    assert {item.error.type for item in capture.exchanges if item.error} == {"ConnectError"}
    assert all(item.status is None and item.response is None and not item.complete for item in capture.exchanges)


def test_a_dropped_stream_breaks_raw(
    wire: ClaudeWire, make_case: Callable[..., Case], ask_streaming: Callable[..., Any]
) -> None:
    """Nothing is retried once a stream has begun; the tape keeps what had arrived."""
    with (
        wire.capture(make_case(ScriptedAnswer(content=TEXT, fault="drop"))) as capture,
        pytest.raises(httpx2.RemoteProtocolError),
    ):
        ask_streaming()

    (exchange,) = capture.exchanges
    assert exchange.error is not None
    assert (exchange.error.type, exchange.complete) == ("RemoteProtocolError", False)
    assert exchange.response is not None
    assert TEXT[0]["text"].startswith(exchange.response["content"][0]["text"])
    assert 0 < len(exchange.response["content"][0]["text"]) < len(TEXT[0]["text"])


def test_a_truncated_stream_raises_nothing(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """It ends without a stop reason, as it does in production; only the tape tells."""
    case = make_case(ScriptedAnswer(content=TEXT, fault="truncate"))
    with (
        wire.capture(case) as capture,
        anthropic.Anthropic() as claude,
        claude.messages.stream(**request_body) as stream,
    ):
        message = stream.get_final_message()

    assert (message.stop_reason, message.usage.output_tokens) == (None, 1)
    assert (capture.exchanges[0].complete, capture.exchanges[0].error) == (False, None)


def test_an_error_event_ends_a_stream(
    wire: ClaudeWire, make_case: Callable[..., Case], ask_streaming: Callable[..., Any]
) -> None:
    """The event's error is the script's, or the API's overload."""
    with (
        wire.capture(make_case(ScriptedAnswer(content=TEXT, fault="error_event"))) as capture,
        pytest.raises(anthropic.APIStatusError, match="overloaded"),
    ):
        ask_streaming()

    (exchange,) = capture.exchanges
    assert exchange.error is not None
    assert (exchange.status, exchange.complete, exchange.error.type) == (200, False, "overloaded_error")


@pytest.mark.parametrize(
    ("fault", "raised"),
    [("drop", anthropic.APIConnectionError), ("error_event", anthropic.OverloadedError), ("truncate", ValueError)],
)
def test_faults_of_plain_responses(
    wire: ClaudeWire,
    make_case: Callable[..., Case],
    request_body: dict[str, Any],
    fault: StreamFault,
    raised: type[Exception],
) -> None:
    """A body that is no stream breaks as well."""
    case = make_case(ScriptedAnswer(content=TEXT, fault=fault))
    with wire.capture(case) as capture, anthropic.Anthropic(max_retries=0) as claude, pytest.raises(raised):
        claude.messages.create(**request_body)

    assert capture.exchanges[0].complete is (fault == "error_event")


def test_a_caller_that_stops_reading_is_no_error(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """The exchange is incomplete, and says nothing failed."""
    with (
        wire.capture(make_case(ScriptedAnswer(content=TEXT))) as capture,
        anthropic.Anthropic() as claude,
        claude.messages.create(**request_body, stream=True) as stream,
    ):
        next(stream)
        before = capture.exchanges[0]

    assert (before.complete, before.error) == (False, None)
    assert (capture.exchanges[0].complete, capture.exchanges[0].error) == (False, None)
    assert capture.exchanges[0].response is not None


def test_what_is_read_after_the_case_is_not_on_its_tape(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """A stream left open is recorded as far as it was read when the case ended."""
    with anthropic.Anthropic() as claude:
        with wire.capture(make_case(ScriptedAnswer(content=TEXT))) as capture:
            stream = claude.messages.create(**request_body, stream=True)
            next(stream)
        at_the_end = capture.exchanges[0]
        rest = list(stream)

    assert rest[-1].type == "message_stop"
    assert capture.exchanges[0] == at_the_end
    assert at_the_end.complete is False
