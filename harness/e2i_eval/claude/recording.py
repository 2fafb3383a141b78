"""A recording: one exchange while it happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.sse import Accumulator, decode_events
from e2i_eval.claude.tokens import stated_usage
from e2i_eval.core.exchange import Exchange, WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_eval.claude.cassette import ExchangeRecorder
    from e2i_eval.claude.origin import RequestOrigin
    from e2i_eval.claude.rate_limiter import Ticket
    from e2i_eval.core.clock import Clock
    from e2i_eval.core.exchange import ExchangeKind, ExchangeSource
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Call", "Recording"]

FIRST_ERROR_STATUS = 400


class Call:
    """A logical call of the SDK: a first request and its retries.

    Attributes:
        number: 0-based number of the call in its case.
        attempts: requests sent so far.
        position: position in the script of the entry that answered last; None before an answer, and without a script.
    """

    __slots__ = ("attempts", "number", "position")

    def __init__(self, number: int) -> None:
        self.number = number
        self.attempts = 0
        self.position: int | None = None


class Recording:
    """Keeps what passes by of one request, and gives it as an exchange at any moment.

    The caller's thread feeds it; any thread may read :attr:`exchange`. Nothing is held back from the caller:
    the pieces are kept as they pass and are decoded once the response has ended.

    Attributes:
        source: who answers.
        recorder: takes the exchange down for a cassette; None when nothing does.
        settle: is given the exchange once it has ended; None when nobody waits for it.
        ticket: the permission to send it, to be given back; None when it needs none.
        waited_s: seconds that the request waited for that; no part of the exchange's duration.
    """

    def __init__(
        self, *, index: int, call: Call, origin: RequestOrigin, request: JsonObject, kind: ExchangeKind, clock: Clock
    ) -> None:
        self.index = index
        self.call = call
        self.attempt = call.attempts
        self.origin = origin
        self.request = request
        self.kind = kind
        self.estimated = False
        self.virtual_s = 0.0
        self.source: ExchangeSource = "script"
        self.recorder: ExchangeRecorder | None = None
        self.settle: Callable[[Exchange], None] | None = None
        self.ticket: Ticket | None = None
        self.waited_s = 0.0
        self._clock = clock
        self._started_at_s = clock.time_s()
        self._start_s = clock.elapsed_s()
        self._first_event_s: float | None = None
        self._status: int | None = None
        self._request_id: str | None = None
        self._is_event_stream = False
        self._decode: Callable[[Sequence[bytes]], bytes] = b"".join
        self._pieces: list[bytes] = []
        self._error: WireError | None = None
        self._exhausted = False
        self._finished: Exchange | None = None

    @property
    def exchange(self) -> Exchange:
        """The exchange as it is now; an unfinished one is not complete."""
        return self._finished or self._build()

    @property
    def is_unread_error(self) -> bool:
        """An HTTP error whose body nobody read: the SDK drops it when it tries a stream again."""
        is_error = self._status is not None and self._status >= FIRST_ERROR_STATUS
        return is_error and self._finished is None and not self._pieces

    @property
    def is_open_stream(self) -> bool:
        """A stream that has begun and not ended."""
        return self._is_event_stream and self._finished is None

    def sent(self, ticket: Ticket) -> None:
        """Note that the request may go now: its time begins here."""
        self.ticket = ticket
        self.waited_s = ticket.waited_s
        self._started_at_s = self._clock.time_s()
        self._start_s = self._clock.elapsed_s()

    def responded(
        self,
        status: int,
        *,
        request_id: str | None,
        is_event_stream: bool,
        decode: Callable[[Sequence[bytes]], bytes] = b"".join,
    ) -> None:
        """Note the head of the response; ``decode`` undoes the content encoding of the pieces that follow."""
        self._status = status
        self._request_id = request_id
        self._is_event_stream = is_event_stream
        self._decode = decode

    def received(self, piece: bytes) -> None:
        """Note a piece of the body that is being handed to the caller."""
        at_s = self._elapsed_s()
        if self._first_event_s is None:
            self._first_event_s = at_s
        self._pieces.append(piece)
        if self.recorder is not None:
            self.recorder.received(piece, at_s)

    def ended(self) -> None:
        """Note that the body is at its end."""
        self._exhausted = True
        self._finish()

    def failed(self, error: BaseException) -> None:
        """Note that the transport raised ``error``."""
        self._error = WireError(type=type(error).__name__, message=str(error))
        self._finish()

    def closed(self) -> None:
        """Note that the caller reads no further."""
        self._finish()

    def _finish(self) -> None:
        if self._finished is None:
            self._finished = self._build()
            self._pieces = []
            if self.recorder is not None:
                failure = self._error
                self.recorder.ended(self._elapsed_s(), None if failure is None else (failure.type, failure.message))
            if self.settle is not None:
                self.settle(self._finished)
            if self.ticket is not None:
                self.ticket.leave(self._finished)

    def _build(self) -> Exchange:
        response, complete, error = self._read()
        return Exchange(
            index=self.index,
            call=self.call.number,
            attempt=self.attempt,
            caller=self.origin.caller,
            request=self.request,
            response=response,
            status=self._status,
            started_at_s=self._started_at_s,
            duration_s=self._elapsed_s(),
            kind=self.kind,
            streamed=bool(self.request.get("stream")),
            complete=complete,
            usage=stated_usage(response, estimated=self.estimated) if response else None,
            error=self._error or error,
            request_id=self._request_id,
            first_event_s=self._first_event_s,
            virtual_s=self.virtual_s,
            waited_s=self.waited_s,
            source=self.source,
        )

    def _read(self) -> tuple[dict[str, Any] | None, bool, WireError | None]:
        body = self._decode(tuple(self._pieces))
        if self._is_event_stream:
            stream = Accumulator(decode_events(body))
            return stream.message, stream.complete, _wire_error(stream.error)
        document = _document(body)
        # A body that ends early without an error shows by its being no JSON.
        complete = self._exhausted and document is not None
        if self._status is not None and self._status >= FIRST_ERROR_STATUS:
            return document, complete, _wire_error((document or {}).get("error"), self._status)
        return document, complete, None

    def _elapsed_s(self) -> float:
        return self._clock.elapsed_s() - self._start_s


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _wire_error(error: Any, status: int | None = None) -> WireError | None:  # noqa: ANN401 - whatever the body held
    if isinstance(error, dict):
        return WireError(type=str(error.get("type", "")), message=str(error.get("message", "")))
    return WireError(type=f"http_{status}", message="") if status is not None else None
