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
from e2i_eval.claude.forwarding import is_forwarding
from e2i_eval.claude.library import ScriptMissError, http, translated
from e2i_eval.claude.open_captures import last_call
from e2i_eval.claude.playback import lead_s, played
from e2i_eval.claude.rate_limiter import bucket_name
from e2i_eval.claude.responder import Responder
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from e2i_eval.claude.budget import SessionBudget
    from e2i_eval.claude.capture import Capture
    from e2i_eval.claude.cassette import CassetteEntry
    from e2i_eval.claude.forwarding import Forwarding
    from e2i_eval.claude.open_captures import OpenCaptures
    from e2i_eval.claude.rate_limiter import RateLimiter
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
    """Records each request on its capture, and answers it from the script or the cassette, or lets it pass.

    Args:
        open_captures: the open captures.
        on_stray: called for a request that belongs to no capture; returns the error to raise, or None to let it pass.
        budget: what requests that pass may cost; None when nobody minds.
        rate_limiter: when requests that pass may be sent; None lets them go at once.
        forwarding: returns what knows where a request goes that this process sends to the endpoint; None without one.
    """

    def __init__(
        self,
        open_captures: OpenCaptures,
        on_stray: Callable[[str], str | None],
        budget: SessionBudget | None = None,
        rate_limiter: RateLimiter | None = None,
        forwarding: Callable[[], Forwarding | None] = lambda: None,
    ) -> None:
        self._open_captures = open_captures
        self._on_stray = on_stray
        self._budget = budget
        self._rate_limiter = rate_limiter
        self._responders: dict[int, Responder] = {}
        self._forwarding = forwarding

    def destination(self, url: http.URL) -> http.URL:
        """Return where a request to ``url`` goes when it passes."""
        forwarding = self._forwarding()
        return forwarding.destination(url) if forwarding else url

    def send(
        self, request: http.Request, pass_on: Callable[[http.Request], http.Response], *, capture: Capture | None = None
    ) -> http.Response:
        """Handle a request of a synchronous client, or one that came to the endpoint for ``capture``."""
        if is_forwarding.get():
            return pass_on(request)
        self._readdress(request)
        capture = capture or self._capture(request)
        if capture is None:
            return pass_on(request)
        recording = _record(capture, request, request.read())
        with _recording_failure(recording):
            if capture.is_scripted:
                response = self._answer(capture, request, recording)
            elif entry := _recorded_answer(capture, recording):
                time.sleep(lead_s(entry, is_paced=_is_paced(capture)))
                response = played(entry, is_paced=_is_paced(capture))
            else:
                if self._rate_limiter is not None:
                    bucket = bucket_name(request.url.host, request.headers)
                    recording.sent(self._rate_limiter.enter(bucket, is_nested=capture.has_open_stream))
                self._let_pass(capture, request, recording)
                response = pass_on(request)
        return _tee(response, recording)

    async def send_async(
        self, request: http.Request, pass_on: Callable[[http.Request], Awaitable[http.Response]]
    ) -> http.Response:
        """Handle a request of an asynchronous client."""
        self._readdress(request)
        capture = self._capture(request)
        if capture is None:
            return await pass_on(request)
        recording = _record(capture, request, await request.aread())
        with _recording_failure(recording):
            if capture.is_scripted:
                response = self._answer(capture, request, recording)
            elif entry := _recorded_answer(capture, recording):
                await anyio.sleep(lead_s(entry, is_paced=_is_paced(capture)))
                response = played(entry, is_paced=_is_paced(capture))
            else:
                if self._rate_limiter is not None:
                    bucket = bucket_name(request.url.host, request.headers)
                    recording.sent(await self._rate_limiter.enter_async(bucket, is_nested=capture.has_open_stream))
                self._let_pass(capture, request, recording)
                response = await pass_on(request)
        return _tee(response, recording)

    def _readdress(self, request: http.Request) -> None:
        forwarding = self._forwarding()
        if forwarding is not None:
            forwarding.readdress(request)

    def forget(self, capture: Capture) -> None:
        """Drop what was kept to answer for ``capture``."""
        self._responders.pop(id(capture), None)

    def _capture(self, request: http.Request) -> Capture | None:
        capture = self._open_captures.current()
        if capture is None and (error := self._on_stray(f"{request.method} {request.url.path}")):
            raise ScriptMissError(error)
        return capture

    def _let_pass(self, capture: Capture, request: http.Request, recording: Recording) -> None:
        """Prepare for an answer from outside: it must fit the budget, and with a cassette session it is taken down."""
        recording.source = "api"
        if self._budget is not None:
            try:
                held = self._budget.hold(recording.request, recording.kind)
            except BudgetError as error:
                capture.note(WireNote(kind="budget", message=str(error)))
                raise ScriptMissError(str(error)) from None
            recording.settle = partial(self._budget.settle, held)
        if capture.cassette_session is not None:
            request.headers["accept-encoding"] = "identity"  # compressed, the time of an event would be unknown
            recording.recorder = capture.cassette_session.take_down(recording)

    def _answer(self, capture: Capture, request: http.Request, recording: Recording) -> http.Response:
        responder = self._responders.get(id(capture)) or self._responders.setdefault(id(capture), Responder(capture))
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


def _recorded_answer(capture: Capture, recording: Recording) -> CassetteEntry | None:
    """Return the entry that answers a request; None when it is to be sent.

    Raises:
        ScriptMissError: it may not be sent, and nothing that was recorded answers it.
    """
    cassette_session = capture.cassette_session
    if cassette_session is None:
        return None
    recording.source = "cassette"
    entry = cassette_session.play(recording)
    if entry is None and not cassette_session.takes_down:
        message = cassette_session.explain(recording)
        capture.note(WireNote(kind="miss", message=message))
        raise ScriptMissError(message)
    if entry is not None and not cassette_session.is_paced:
        recording.virtual_s = entry.took_ms / MS_PER_S
    return entry


def _is_paced(capture: Capture) -> bool:
    return capture.cassette_session is not None and capture.cassette_session.is_paced


def _record(capture: Capture, request: http.Request, content: bytes) -> Recording:
    kind: ExchangeKind = "count_tokens" if request.url.path.endswith("/count_tokens") else "messages"
    call = _retried_call(capture, request, content)
    recording = capture.record(_parsed(content), kind=kind, call=call)
    last_call.set((capture, recording.call, content))
    return recording


def _retried_call(capture: Capture, request: http.Request, content: bytes) -> Call | None:
    if request.headers.get(RETRY_COUNT_HEADER, "0") == "0":
        return None
    last = last_call.get()
    return last[1] if last is not None and last[0] is capture and last[2] == content else None


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
    if recording.recorder is not None:
        encoded = decode if headers.get("content-encoding") else None
        recording.recorder.responded(response.status_code, headers, is_event_stream=is_event_stream, decode=encoded)
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
