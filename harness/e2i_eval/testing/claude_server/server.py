"""The server itself: Claude's endpoints and a control path, on the loopback interface."""

from __future__ import annotations

import datetime as dt
import json
import select
import socket
import struct
import time
from contextlib import suppress
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.answer import derived_id, error_body
from e2i_eval.claude.sse import encode_event, message_events
from e2i_eval.claude.tokens import estimate_input_tokens
from e2i_eval.core.case import ScriptedError
from e2i_eval.testing.claude_server.batches import Batches
from e2i_eval.testing.claude_server.derived_answer import body_digest, derived_answer
from e2i_eval.testing.claude_server.request_log import RequestLog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.testing.claude_server.plan import Fault, ServerPlan

__all__ = ["ClaudeHttpServer"]

HAND_OVER_TIMEOUT_S = 5.0
STATUSES: dict[Fault, int] = {"rate_limit": 429, "overloaded": 529, "error": 500}
BATCHES_PATH = "/v1/messages/batches"


class _DroppedError(Exception):
    """The connection was ended on purpose, or by the client."""


class ClaudeHttpServer(ThreadingHTTPServer):
    """Serves Claude's protocol.

    Attributes:
        plan: what it does; replaced as a whole by ``POST /control``.
        book: what it did.
        batches: the message batches it was given.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, plan: ServerPlan, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.plan = plan
        self.book = RequestLog()
        self.batches = Batches(self.batch_result)

    @property
    def url(self) -> str:
        """The address for ``ANTHROPIC_BASE_URL``."""
        return f"http://127.0.0.1:{self.server_port}"

    def batch_result(self, params: JsonObject) -> JsonObject:
        """Answer one request of a batch, and count it as paid."""
        digest = body_digest(params)
        self.book.ask(digest)
        self.book.end(digest, "batch", paid=True)
        return {"type": "succeeded", "message": derived_answer(params, self.plan.answers)}

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  a socket, perhaps closed
        """End a connection, unless a fault did."""
        if request.fileno() != -1:
            super().shutdown_request(request)

    def handle_error(self, *_args: object) -> None:
        """Take a client's leaving for granted."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: ClaudeHttpServer

    def do_GET(self) -> None:
        """Serve counts and batches."""
        path = self.path.partition("?")[0]
        if path == "/control":
            self._send(200, {"plan": asdict(self.server.plan), **self.server.book.to_json()})
        elif path.startswith(BATCHES_PATH):
            self._get_batch(path.removeprefix(BATCHES_PATH).strip("/"))
        else:
            self._refuse(404, "there is no such endpoint")

    def do_POST(self) -> None:
        """Serve everything else."""
        path = self.path.partition("?")[0]
        body = self._body()
        if body is None:
            self._refuse(400, "the body is no JSON object")
        elif path == "/control":
            self._control(body)
        elif not self.headers.get("x-api-key") and not self.headers.get("authorization"):
            self._refuse(401, "no key")
        elif path == "/v1/messages":
            self._message(body)
        elif path == "/v1/messages/count_tokens":
            self._send(200, {"input_tokens": estimate_input_tokens(body)})
        elif path.startswith(BATCHES_PATH):
            self._post_batch(path.removeprefix(BATCHES_PATH).strip("/"), body)
        else:
            self._refuse(404, "there is no such endpoint")

    def finish(self) -> None:
        """End the connection, unless a fault did."""
        if self.connection.fileno() != -1:
            with suppress(OSError):
                super().finish()

    def log_message(self, *_args: object) -> None:
        """Print nothing: standard output holds the address alone."""

    def _control(self, changes: JsonObject) -> None:
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()
        }
        try:
            self.server.plan = replace(self.server.plan, **known)
        except TypeError as error:
            self._refuse(400, str(error))
            return
        self._send(200, {"plan": asdict(self.server.plan)})

    def _message(self, request: JsonObject) -> None:
        plan, book = self.server.plan, self.server.book
        digest = body_digest(request)
        number = book.ask(digest)
        outcome = "abandoned"
        try:
            if refused := book.refusal(plan):
                outcome = "429"
                self._fail(429, digest, retry_after_s=refused.wait_s)
            elif not {"model", "messages", "max_tokens"} <= request.keys():
                outcome = "400"
                self._fail(400, digest, message="model, messages and max_tokens are needed")
            else:
                fault = plan.fault(digest, number)
                outcome = fault or "200"
                outcome = self._answer(request, digest, fault)
        except (_DroppedError, OSError):
            outcome = outcome if outcome in {"reset", "drop", "error_event"} else "abandoned"
        finally:
            book.end(digest, outcome, paid=outcome in {"200", "slow"})

    def _answer(self, request: JsonObject, digest: str, fault: Fault | None) -> str:
        """Answer, well or badly; return how it ended."""
        plan = self.server.plan
        is_stream = bool(request.get("stream"))
        if fault == "error_event" and not is_stream:
            fault = "error"
        if fault == "reset":
            self._reset()
        if fault in STATUSES:
            self._fail(STATUSES[fault], digest, retry_after_s=plan.retry_after_s if fault == "rate_limit" else None)
            return str(STATUSES[fault])
        if not self.server.book.wait_while_held(lambda: self.server.plan, self._is_client_gone):
            raise _DroppedError
        message = derived_answer(request, plan.answers)
        takes_s = plan.slow_s if fault == "slow" else plan.latency_s
        if is_stream:
            self._stream(message, digest, takes_s=takes_s, fault=fault)
        else:
            time.sleep(takes_s)
            self._whole(json.dumps(message).encode(), digest, is_cut=fault == "drop")
        self._hand_over()
        return fault or "200"

    def _stream(self, message: JsonObject, digest: str, *, takes_s: float, fault: Fault | None) -> None:
        events = list(message_events(message))
        middle = len(events) // 2 if fault in {"drop", "error_event"} else None
        headers = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
        self._head(200, digest, headers)
        for index, event in enumerate(events):
            if index == middle:
                self._break(fault)
            time.sleep(takes_s / len(events))
            self._chunk(encode_event(event))
        self._chunk(b"")

    def _break(self, fault: Fault | None) -> None:
        if fault == "error_event":
            error = {"type": "overloaded_error", "message": "Overloaded"}
            self._chunk(encode_event({"type": "error", "error": error}))
            self._chunk(b"")
            self._hand_over()
            raise _DroppedError
        self._reset()

    def _whole(self, data: bytes, digest: str, *, is_cut: bool) -> None:
        if self._is_client_gone():
            raise _DroppedError
        self._head(200, digest, {"content-type": "application/json", "content-length": str(len(data))})
        self.wfile.write(data[: len(data) // 2] if is_cut else data)
        if is_cut:
            self._reset()

    def _fail(self, status: int, digest: str, *, retry_after_s: float | None = None, message: str = "") -> None:
        body = error_body(ScriptedError(status=status, message=message or None), derived_id("req", digest))
        data = json.dumps(body).encode()
        headers = {"content-type": "application/json", "content-length": str(len(data))}
        if retry_after_s is not None:
            # Whole seconds as the API says them; milliseconds for a test that does not want to wait.
            headers |= {"retry-after": str(max(1, round(retry_after_s))), "retry-after-ms": f"{retry_after_s * 1e3:g}"}
        self._head(status, digest, headers)
        self.wfile.write(data)

    def _refuse(self, status: int, message: str) -> None:
        self._send(status, error_body(ScriptedError(status=status, message=message), derived_id("req", message)))

    def _send(self, status: int, body: Mapping[str, object]) -> None:
        data = json.dumps(body).encode()
        self._head(status, "control", {"content-type": "application/json", "content-length": str(len(data))})
        self.wfile.write(data)

    def _head(self, status: int, digest: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        framing = {} if self.server.plan.keep_alive else {"connection": "close"}
        ids = {"request-id": derived_id("req", digest)}
        for name, value in {**headers, **ids, **self._limits(), **framing}.items():
            self.send_header(name, value)
        self.end_headers()

    def _limits(self) -> dict[str, str]:
        plan = self.server.plan
        if not plan.limit_requests:
            return {}
        left, reset_s = self.server.book.limits(plan)
        reset = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=reset_s)
        prefix = "anthropic-ratelimit-requests"
        return {
            f"{prefix}-limit": str(plan.limit_requests),
            f"{prefix}-remaining": str(left),
            f"{prefix}-reset": reset.isoformat(),
        }

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _reset(self) -> None:
        """End the connection so that the client's kernel hears of a reset."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        raise _DroppedError

    def _hand_over(self) -> None:
        """Wait until the client has read everything: one that ends with unread data resets the connection.

        Raises:
            OSError: it was not read.
        """
        if self.server.plan.keep_alive:
            return
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(HAND_OVER_TIMEOUT_S)
        while self.connection.recv(1024):
            continue

    def _is_client_gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        if not readable:
            return False
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _body(self) -> dict[str, Any] | None:
        with suppress(ValueError):
            value = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            if isinstance(value, dict):
                return value
        return None

    def _post_batch(self, rest: str, body: JsonObject) -> None:
        if rest.endswith("/cancel"):
            self._shown(self.server.batches.cancel(rest.removesuffix("/cancel"), self.server.url))
            return
        try:
            self._shown(self.server.batches.create(body, takes_s=self.server.plan.batch_s, url=self.server.url))
        except (ValueError, KeyError, AttributeError) as error:
            self._refuse(400, str(error))

    def _get_batch(self, rest: str) -> None:
        batches = self.server.batches
        if not rest:
            self._shown(batches.all_shown(self.server.url))
        elif not rest.endswith("/results"):
            self._shown(batches.shown(rest, self.server.url))
        elif (results := batches.results(rest.removesuffix("/results"))) is None:
            self._refuse(404, "there are no results")
        else:
            data = b"".join(json.dumps(each).encode() + b"\n" for each in results)
            self._head(200, rest, {"content-type": "application/x-jsonl", "content-length": str(len(data))})
            self.wfile.write(data)

    def _shown(self, value: Mapping[str, object] | None) -> None:
        if value is None:
            self._refuse(404, "there is no such batch")
        else:
            self._send(200, value)
