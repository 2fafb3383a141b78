"""The responder: a respx router that answers like the API's server, from a capture's script.

Importing this module loads respx and httpx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.lowlevel
import httpx
import respx
from respx.models import AllMockedAssertionError

from e2i_eval.claude.answer import derived_id, error_body, message_of
from e2i_eval.claude.fields import rejected_fields
from e2i_eval.claude.library import ScriptMissError
from e2i_eval.claude.prompt import compact_json
from e2i_eval.claude.sse import encode_event, message_events
from e2i_eval.claude.tokens import estimate_input_tokens
from e2i_eval.core.case import ScriptedError
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

    from e2i_eval.claude.capture import Capture
    from e2i_eval.claude.recording import Recording
    from e2i_eval.claude.script import Use
    from e2i_eval.core.case import ScriptedAnswer

__all__ = ["Responder"]

RECORDING = "e2i_eval.recording"
"""Name of the request extension that carries the recording to the route."""

SENT_BEFORE_FAULT = 0.5
"""Share of a body that arrives before it is cut."""

ERROR_EVENT_STATUS = 529
"""What an ``error_event`` is without an error of its own: the API's overload."""


class Responder:
    """Answers the requests of one capture."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._router = respx.Router(assert_all_called=False)
        self._router.post(path__regex=r"/v1/messages$").mock(side_effect=self._message)
        self._router.post(path__regex=r"/v1/messages/count_tokens$").mock(side_effect=self._count)

    def respond(self, request: httpx.Request, recording: Recording) -> httpx.Response:
        """Return the response for ``request``; its stream may raise an ``httpx`` error.

        Raises:
            ScriptMissError: no scripted answer fits, or the endpoint is not mocked.
            httpx.TransportError: the script says so.
        """
        request.extensions[RECORDING] = recording
        try:
            return self._router.handler(request)
        except AllMockedAssertionError as error:
            raise self._miss(recording, f"{request.method} {request.url.path} is not mocked") from error
        finally:
            self._router.calls.clear()  # respx would keep every request and response of a session

    def _message(self, request: httpx.Request) -> httpx.Response:
        recording: Recording = request.extensions[RECORDING]
        if refusal := self._refusal(request, recording):
            return refusal
        use = self._capture.answer(recording)
        if use is None:
            raise self._miss(recording)
        recording.virtual_s = _virtual_delay_s(use.answer, request)
        return self._scripted(use, recording)

    def _count(self, request: httpx.Request) -> httpx.Response:
        recording: Recording = request.extensions[RECORDING]
        body = {"input_tokens": estimate_input_tokens(recording.request)}
        return self._refusal(request, recording) or _json(200, body, self._own_request_id(recording))

    def _scripted(self, use: Use, recording: Recording) -> httpx.Response:
        answer, seed = use.answer, self._capture.seed(use)
        if answer.fault == "connect":
            msg = "scripted connection failure"
            raise httpx.ConnectError(msg)
        request_id = derived_id("req", seed)
        is_stream = bool(recording.request.get("stream"))
        if answer.error is not None and not (is_stream and answer.fault == "error_event"):
            return _error(answer.error, request_id)
        if answer.fault == "error_event" and not is_stream:
            return _error(ScriptedError(status=ERROR_EVENT_STATUS), request_id)
        message = message_of(answer, recording.request, seed)
        recording.estimated = message.estimated
        if is_stream:
            return _stream(message_events(message.body), answer, request_id)
        return _whole(message.body, answer, request_id)

    def _refusal(self, request: httpx.Request, recording: Recording) -> httpx.Response | None:
        """Return the API's 400 for a body with fields it does not know, and note them."""
        paths = rejected_fields(
            recording.request,
            kind=recording.kind,
            is_beta="anthropic-beta" in request.headers or request.url.params.get("beta") == "true",
            version=request.headers.get("anthropic-version", ""),
        )
        if not paths:
            return None
        message = "; ".join(f"{path}: Extra inputs are not permitted" for path in paths)
        where = self._capture.case.where()
        text = f"{where}: {recording.exchange} sends what the API does not know and answers with 400: {message}"
        self._capture.note(WireNote(kind="unknown_field", message=text))
        return _error(ScriptedError(status=400, message=message), self._own_request_id(recording))

    def _miss(self, recording: Recording, what: str | None = None) -> ScriptMissError:
        if what is None:
            return ScriptMissError(self._capture.miss(recording))
        self._capture.note(WireNote(kind="miss", message=f"{self._capture.case.where()}: {what}"))
        return ScriptMissError(what)

    def _own_request_id(self, recording: Recording) -> str:
        return derived_id("req", f"{self._capture.case.id}/call {recording.call.number}/{recording.attempt}")


def _json(
    status: int, body: dict[str, Any], request_id: str, headers: Iterable[tuple[str, str]] = ()
) -> httpx.Response:
    content = compact_json(body).encode("utf-8", "replace")
    return _response(status, [content], request_id, "application/json", headers)


def _error(error: ScriptedError, request_id: str) -> httpx.Response:
    headers = [] if error.retry_after_s is None else [("retry-after", f"{error.retry_after_s:g}")]
    return _json(error.status, error_body(error, request_id), request_id, headers)


def _stream(events: Iterable[dict[str, Any]], answer: ScriptedAnswer, request_id: str) -> httpx.Response:
    pieces: list[bytes | Exception] = [encode_event(event) for event in events]
    if answer.fault is not None:
        error = answer.error or ScriptedError(status=ERROR_EVENT_STATUS)
        event = encode_event(error_body(error, request_id))
        pieces = [*_before_fault(pieces), *_fault_pieces(answer, event)]
    return _response(200, pieces, request_id, "text/event-stream; charset=utf-8")


def _before_fault(pieces: list[bytes | Exception]) -> list[bytes | Exception]:
    # The last two events close the message; a broken stream never has them.
    return pieces[: max(1, int((len(pieces) - 2) * SENT_BEFORE_FAULT))]


def _whole(body: dict[str, Any], answer: ScriptedAnswer, request_id: str) -> httpx.Response:
    if answer.fault is None:
        return _json(200, body, request_id)
    content = compact_json(body).encode("utf-8", "replace")
    half = content[: int(len(content) * SENT_BEFORE_FAULT)]
    return _response(200, [half, *_fault_pieces(answer, b"")], request_id, "application/json")


def _fault_pieces(answer: ScriptedAnswer, error_event: bytes) -> list[bytes | Exception]:
    if answer.fault == "error_event":
        return [error_event]
    if answer.fault == "drop":
        return [
            httpx.RemoteProtocolError("scripted drop: peer closed connection without sending complete message body")
        ]
    return []


def _response(
    status: int,
    pieces: Sequence[bytes | Exception],
    request_id: str,
    content_type: str,
    headers: Iterable[tuple[str, str]] = (),
) -> httpx.Response:
    all_headers = [("content-type", content_type), ("request-id", request_id), *headers]
    return httpx.Response(status, headers=all_headers, stream=_Pieces(pieces))


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives piece by piece; a piece that is an exception is raised."""

    def __init__(self, pieces: Sequence[bytes | Exception]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            # A server never has everything ready at once: let other tasks run, as they would.
            await anyio.lowlevel.checkpoint()
            yield piece


def _virtual_delay_s(answer: ScriptedAnswer, request: httpx.Request) -> float:
    """Return the seconds Claude takes.

    Raises:
        httpx.ReadTimeout: the client would not have waited so long.
    """
    patience_s = (request.extensions.get("timeout") or {}).get("read")
    if patience_s is not None and answer.delay_s > patience_s:
        msg = f"scripted delay of {answer.delay_s:g} s is longer than the client's timeout of {patience_s:g} s"
        raise httpx.ReadTimeout(msg)
    return answer.delay_s
