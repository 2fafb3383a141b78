"""An exchange: one HTTP request to Claude and its response, as seen on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.intervals import covered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.json_value import JsonObject


__all__ = [
    "Caller",
    "Exchange",
    "ExchangeKind",
    "ExchangeSource",
    "Usage",
    "WireError",
    "WireNote",
    "WireNoteKind",
    "waited_s",
]

ExchangeKind = Literal["messages", "count_tokens"]

ExchangeSource = Literal["script", "cassette", "api"]
"""Who answered: the case's script, its recording, or whoever is at the configured address."""

WireNoteKind = Literal["miss", "leftover", "unknown_field", "blocked", "cassette", "budget"]
"""Something about the wire that is no exchange.

``miss``: a request no scripted or recorded answer fits. ``leftover``: such an answer nobody asked for.
``unknown_field``: a request with a field the API does not know. ``blocked``: an attempt to reach another host.
``cassette``: a recording that could not be kept. ``budget``: a request that was not sent because of what it may cost.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call, as the API counts them.

    Attributes:
        input_tokens: uncached input.
        output_tokens: output, thinking included.
        cache_read_tokens: input read from the cache.
        cache_write_5m_tokens: input written to the cache for five minutes.
        cache_write_1h_tokens: input written to the cache for one hour.
        estimated: counted by the mock's rule, not stated by a script, a cassette or the API.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    estimated: bool = False

    @property
    def cache_write_tokens(self) -> int:
        """Input written to the cache, whatever its lifetime."""
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def total_input_tokens(self) -> int:
        """All input: uncached, read from the cache and written to it."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        """All input and output."""
        return self.total_input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who was calling, from LangGraph's context; None where there is no such context."""

    node: str | None = None
    step: int | None = None
    namespace: str | None = None

    def __str__(self) -> str:
        return f"node {self.node!r}" if self.node else "code outside any node"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireError:
    """How an exchange failed.

    Attributes:
        type: the API's error type (``overloaded_error``), or the transport's exception class (``ReadError``).
        message: the error's text.
    """

    type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One HTTP request to Claude and its response.

    Attributes:
        index: 0-based position in the case, in order of start.
        call: 0-based logical call this request belongs to; the SDK's retries of a call share its number.
        attempt: 0 for the first request of a call, n for its n-th retry.
        caller: who asked.
        request: the body as sent.
        response: the message as received; a stream's events are accumulated into one message of the same form.
            None when there was none. For an HTTP error the error body. After a broken stream what had arrived.
        status: HTTP status; None when no response began.
        streamed: the request asked for a stream.
        complete: the response arrived to its end (``message_stop`` for a stream).
        usage: None when the response states none.
        error: None when the exchange succeeded.
        request_id: the ``request-id`` header, if any.
        started_at_s: seconds since the epoch when the request was sent.
        duration_s: seconds until the response ended, virtual delays not included.
        first_event_s: seconds until the first body byte was handed to the caller; None when there was none.
        virtual_s: scripted or recorded delay in seconds that was counted but not waited.
        waited_s: seconds the harness held the request back before it was sent, to keep within the API's limits; no part
            of ``duration_s``.
        source: who answered.
    """

    index: int
    call: int
    attempt: int
    caller: Caller
    request: JsonObject
    response: JsonObject | None
    status: int | None
    started_at_s: float
    duration_s: float
    kind: ExchangeKind = "messages"
    streamed: bool = False
    complete: bool = True
    usage: Usage | None = None
    error: WireError | None = None
    request_id: str | None = None
    first_event_s: float | None = None
    virtual_s: float = 0.0
    waited_s: float = 0.0
    source: ExchangeSource = "script"

    @property
    def model(self) -> str:
        """The model the request asked for; empty when it named none."""
        return str(self.request.get("model", ""))

    def __str__(self) -> str:
        retry = f", retry {self.attempt}" if self.attempt else ""
        return f"call {self.call + 1} ({self.caller}{retry})"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireNote:
    """Something about the wire that a case must not hide.

    Attributes:
        kind: what it is.
        message: a full explanation for a person, several lines allowed.
        line: 1-based line in the case file of the scripted answer concerned; 0 when there is none.
        entries: positions of the recorded answers concerned, from 0.
    """

    kind: WireNoteKind
    message: str
    line: int = 0
    entries: tuple[int, ...] = ()


def waited_s(exchanges: Iterable[Exchange]) -> float:
    """Return the seconds during which at least one request was held back.

    Parallel branches wait at the same time: that time counts once. What another branch did meanwhile is not known to
    have been on the critical path, so the latency without this time is a lower bound for a case with parallel branches,
    and exact for one without.
    """
    return covered((each.started_at_s - each.waited_s, each.started_at_s) for each in exchanges if each.waited_s > 0)
