"""The relay: takes each request to Claude from the SDK's transport, and hands its response back as it comes.

Importing this module loads the SDK and its HTTP libraries.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from e2i_eval.claude.budget import BudgetError
from e2i_eval.claude.endpoint.forwarding import is_forwarding
from e2i_eval.claude.library import ScriptMissError, http, translated
from e2i_eval.claude.open_captures import last_call
from e2i_eval.claude.playback import lead_s, played
from e2i_eval.claude.rate_limiter import lane_name
from e2i_eval.claude.responder import Responder
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from e2i_eval.claude.budget import Budget
    from e2i_eval.claude.capture import Tape
    from e2i_eval.claude.cassette import Entry
    from e2i_eval.claude.endpoint import Forwarding
    from e2i_eval.claude.open_captures import Deck
    from e2i_eval.claude.rate_limiter import Pace
    from e2i_eval.claude.recording import Call, Recording
    from e2i_eval.core.exchange import ExchangeKind

__all__ = ["Relay", "is_claude"]

CLAUDE_PATH = re.compile(r"(^|/)v1/messages($|/)")
MS_PER_S = 1_000
RETRY_COUNT_HEADER = "x-stainless-retry-count"


def is_claude(url: http.URL) -> bool:
    """Tell whether a request to ``url`` is one to Claude, whatever host serves it."""
    return CLAUDE_PATH.search(url.path) is not None


class Relay:
    """Records requests on the tape they belong to and answers them from its script or its reel, or lets them pass.

    Args:
        deck: the open tapes.
        on_stray: called for a request that belongs to no tape; returns the error to raise, or None to let it pass.
        budget: what requests that pass may cost; None when nobody minds.
        pace: when requests that pass may be sent; None lets them go at once.
    """

    def __init__(
        self,
        deck: Deck,
        on_stray: Callable[[str], str | None],
        budget: Budget | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._deck = deck
        self._on_stray = on_stray
        self._budget = budget
        self._pace = pace
        self._responders: dict[int, Responder] = {}
        self.forwarding: Forwarding | None = None
        """Knows where a request goes that this process sends to the endpoint; None without an endpoint."""

    def destination(self, url: http.URL) -> http.URL:
        """Return where a request to ``url`` goes when it passes."""
        return self.forwarding.destination(url) if self.forwarding else url

    def send(
        self, request: http.Request, pass_on: Callable[[http.Request], http.Response], *, tape: Tape | None = None
    ) -> http.Response:
        """Handle a request of a synchronous client, or one that came to the endpoint for ``tape``."""
        if is_forwarding.get():
            return pass_on(request)
        self._readdress(request)
        tape = tape or self._tape(request)
        if tape is None:
            return pass_on(request)
        recording = _record(tape, request, request.read())
        with _recording_failure(recording):
            if tape.is_scripted:
                response = self._answer(tape, request, recording)
            elif entry := _recorded_answer(tape, recording):
                time.sleep(lead_s(entry, is_paced=_is_paced(tape)))
                response = played(entry, is_paced=_is_paced(tape))
            else:
                if self._pace is not None:
                    lane = lane_name(request.url.host, request.headers)
                    recording.sent(self._pace.enter(lane, is_nested=tape.has_open_stream))
                self._let_pass(tape, request, recording)
                response = pass_on(request)
        return _tee(response, recording)

    async def send_async(
        self, request: http.Request, pass_on: Callable[[http.Request], Awaitable[http.Response]]
    ) -> http.Response:
        """Handle a request of an asynchronous client."""
        self._readdress(request)
        tape = self._tape(request)
        if tape is None:
            return await pass_on(request)
        recording = _record(tape, request, await request.aread())
        with _recording_failure(recording):
            if tape.is_scripted:
                response = self._answer(tape, request, recording)
            elif entry := _recorded_answer(tape, recording):
                await anyio.sleep(lead_s(entry, is_paced=_is_paced(tape)))
                response = played(entry, is_paced=_is_paced(tape))
            else:
                if self._pace is not None:
                    lane = lane_name(request.url.host, request.headers)
                    recording.sent(await self._pace.enter_async(lane, is_nested=tape.has_open_stream))
                self._let_pass(tape, request, recording)
                response = await pass_on(request)
        return _tee(response, recording)

    def _readdress(self, request: http.Request) -> None:
        if self.forwarding is not None:
            self.forwarding.readdress(request)

    def forget(self, tape: Tape) -> None:
        """Drop what was kept to answer for ``tape``."""
        self._responders.pop(id(tape), None)

    def _tape(self, request: http.Request) -> Tape | None:
        tape = self._deck.current()
        if tape is None and (error := self._on_stray(f"{request.method} {request.url.path}")):
            raise ScriptMissError(error)
        return tape

    def _let_pass(self, tape: Tape, request: http.Request, recording: Recording) -> None:
        """Prepare for an answer from outside: it must fit the budget, and with a reel it is taken down."""
        recording.source = "api"
        if self._budget is not None:
            try:
                held = self._budget.hold(recording.request, recording.kind)
            except BudgetError as error:
                tape.note(WireNote(kind="budget", message=str(error)))
                raise ScriptMissError(str(error)) from None
            recording.settle = partial(self._budget.settle, held)
        if tape.reel is not None:
            request.headers["accept-encoding"] = "identity"  # compressed, an event could not be told when it came
            recording.taping = tape.reel.take_down(recording)

    def _answer(self, tape: Tape, request: http.Request, recording: Recording) -> http.Response:
        responder = self._responders.get(id(tape)) or self._responders.setdefault(id(tape), Responder(tape))
        asked = httpx.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=request.content,
            extensions=dict(request.extensions),
        )
        try:
            answered = responder.respond(asked, recording)
        except httpx.HTTPError as error:
            raise translated(error) from error
        return http.Response(answered.status_code, headers=answered.headers.raw, stream=_Translated(answered.stream))


def _recorded_answer(tape: Tape, recording: Recording) -> Entry | None:
    """Return the entry that answers a request; None when it is to be sent.

    Raises:
        ScriptMissError: it may not be sent, and nothing that was recorded answers it.
    """
    reel = tape.reel
    if reel is None:
        return None
    recording.source = "cassette"
    entry = reel.play(recording)
    if entry is None and not reel.takes_down:
        message = reel.explain(recording)
        tape.note(WireNote(kind="miss", message=message))
        raise ScriptMissError(message)
    if entry is not None and not reel.is_paced:
        recording.virtual_s = entry.took_ms / MS_PER_S
    return entry


def _is_paced(tape: Tape) -> bool:
    return tape.reel is not None and tape.reel.is_paced


def _record(tape: Tape, request: http.Request, content: bytes) -> Recording:
    kind: ExchangeKind = "count_tokens" if request.url.path.endswith("/count_tokens") else "messages"
    call = _retried_call(tape, request, content)
    recording = tape.record(_parsed(content), kind=kind, call=call)
    last_call.set((tape, recording.call, content))
    return recording


def _retried_call(tape: Tape, request: http.Request, content: bytes) -> Call | None:
    if request.headers.get(RETRY_COUNT_HEADER, "0") == "0":
        return None
    last = last_call.get()
    return last[1] if last is not None and last[0] is tape and last[2] == content else None


def _parsed(content: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        value = json.loads(content)
        if isinstance(value, dict):
            return value
    return {}


@contextmanager
def _recording_failure(recording: Recording) -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # a cancelled request is recorded as well
        recording.failed(error)
        raise


def _tee(response: http.Response, recording: Recording) -> http.Response:
    headers = response.headers

    def decode(pieces: Sequence[bytes]) -> bytes:
        if not headers.get("content-encoding"):
            return b"".join(pieces)
        whole = http.Response(200, headers=headers, content=iter(pieces))
        parts: list[bytes] = []
        with suppress(http.DecodingError):  # a broken body is decoded as far as it goes
            for part in whole.iter_bytes():
                parts.append(part)  # noqa: PERF402 - what came before an error must be kept
        return b"".join(parts)

    is_event_stream = headers.get("content-type", "").startswith("text/event-stream")
    recording.responded(
        response.status_code, request_id=headers.get("request-id"), is_event_stream=is_event_stream, decode=decode
    )
    if recording.ticket is not None:
        recording.ticket.heard(response.status_code, headers)
    if recording.taping is not None:
        encoded = decode if headers.get("content-encoding") else None
        recording.taping.responded(response.status_code, headers, is_event_stream=is_event_stream, decode=encoded)
    response.stream = _Tee(response.stream, recording)
    return response


class _Tee(http.SyncByteStream, http.AsyncByteStream):
    """Hands a body on piece by piece while a recording takes note."""

    def __init__(self, body: Any, recording: Recording) -> None:  # noqa: ANN401 - a stream of either kind
        self._body = body
        self._recording = recording

    def __iter__(self) -> Iterator[bytes]:
        with _recording_failure_of_body(self._recording):
            for piece in self._body:
                self._recording.received(piece)
                yield piece
        self._recording.ended()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _recording_failure_of_body(self._recording):
            async for piece in self._body:
                self._recording.received(piece)
                yield piece
        self._recording.ended()

    def close(self) -> None:
        if self._recording.is_unread_error:
            with suppress(Exception):  # what cannot be read was not going to be
                for _ in self:
                    continue
        self._recording.closed()
        if hasattr(self._body, "close"):
            self._body.close()

    async def aclose(self) -> None:
        if self._recording.is_unread_error:
            with suppress(Exception):  # as above
                async for _ in self:
                    continue
        self._recording.closed()
        if hasattr(self._body, "aclose"):
            await self._body.aclose()


@contextmanager
def _recording_failure_of_body(recording: Recording) -> Iterator[None]:
    try:
        yield
    except GeneratorExit:  # the caller stopped reading, which is no failure
        recording.closed()
        raise
    except BaseException as error:
        recording.failed(error)
        raise


class _Translated(http.SyncByteStream, http.AsyncByteStream):
    """A scripted body whose ``httpx`` errors reach the SDK as its own library's."""

    def __init__(self, body: Any) -> None:  # noqa: ANN401 - a stream of either kind
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except httpx.HTTPError as error:
            raise translated(error) from error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._body:
                yield piece
        except httpx.HTTPError as error:
            raise translated(error) from error
