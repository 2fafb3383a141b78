"""The endpoint's HTTP server: one thread a request, one request a connection.

Importing this module loads the SDK and its HTTP library.
"""

from __future__ import annotations

import re
import socket
import struct
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol

from e2i_eval.claude.endpoint.refusal import Refusal
from e2i_eval.claude.endpoint.request_body import read_body
from e2i_eval.claude.forwarding import HEADERS_OF_A_HOP
from e2i_eval.claude.library import ScriptMissError, http
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from e2i_eval.claude.endpoint.case_session import CaseSession
    from e2i_eval.claude.forwarding import Forwarding
    from e2i_eval.claude.relay import Relay

__all__ = ["EndpointServer"]

LOOPBACK = "127.0.0.1"
PATH = re.compile(r"/c/([^/?]+)(/[^?]*)(\?.*)?")
CLAUDE_PATH = re.compile(r"/v1/messages($|/)")
RETRY_COUNT_HEADER = "x-stainless-retry-count"
RETRIED = frozenset({408, 409, 429, *range(500, 600)})
WAIT_HEADER = "retry-after-ms"
"""What the SDKs heed before ``retry-after``: nobody waits for an answer that is scripted or recorded."""
STALLED_S = 60.0
"""How long a client may take to send its request."""
LONGEST_SILENCE_S = 30.0
"""How long a request that was never answered is left hanging for a client that does not give up."""
RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing the socket resets the connection."""


class CaseDirectory(Protocol):
    """The endpoint as its server knows it: which case a request belongs to, and how it is answered.

    Attributes:
        relay: answers requests to Claude.
        forwarding: sends on to the API.
        is_open: whether what is no message may go to the API.
    """

    relay: Relay
    forwarding: Forwarding
    is_open: bool

    @property
    def hosts(self) -> frozenset[str]:
        """What a request may call this host."""

    def case_session(self, token: str) -> CaseSession:
        """Return the case that has ``token``.

        Raises:
            Refusal: none has it, or the case has ended.
        """

    def note(self, refusal: Refusal) -> None:
        """Report a refused request, where somebody must know."""


class EndpointServer(ThreadingHTTPServer):
    """Listens on the loopback interface."""

    daemon_threads = True
    request_queue_size = 128  # with http.server's 5, many callers at once wait a second to connect, or are reset
    block_on_close = False  # a client that never reads must not keep the session from ending

    def __init__(self, endpoint: CaseDirectory) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.endpoint = endpoint
        self.url = f"http://{LOOPBACK}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  the library's signature
        """Keep the screen to pytest: a connection that broke off is none of its business."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = STALLED_S
    server: EndpointServer

    def do_POST(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, *_args: object) -> None:
        """Keep the screen to pytest."""

    def _answer(self) -> None:
        # Clients keep connections for an event loop that may be gone with the next case.
        self.close_connection = True
        try:
            body = read_body(self.headers, self.rfile)  # first: with a rest unread the refusal could be lost in a reset
            case_session, path = self._case_session()
            self._pass(case_session, path, body)
        except Refusal as refusal:
            self.server.endpoint.note(refusal)
            self._refuse(refusal)

    def _case_session(self) -> tuple[CaseSession, str]:
        """Return the case that asks, and the path it asks for.

        Raises:
            Refusal: the request is not for this host, or of no case that is running.
        """
        host = self.headers.get("host", "")
        if host.lower() not in self.server.endpoint.hosts:
            message = f"this is no host called {host!r}"
            raise Refusal(403, message, is_noted=True)
        parts = PATH.fullmatch(self.path)
        case_session = self.server.endpoint.case_session(parts[1] if parts else "")
        return case_session, f"{parts[2]}{parts[3] or ''}" if parts else ""

    def _pass(self, case_session: CaseSession, path: str, body: bytes) -> None:
        endpoint = self.server.endpoint
        request = endpoint.forwarding.request(self.command, path, dict(self.headers.items()), body)
        if CLAUDE_PATH.match(path):
            send = partial(endpoint.relay.send, request, endpoint.forwarding.send, capture=case_session.capture)
        elif endpoint.is_open:
            send = partial(endpoint.forwarding.send, request)
        else:
            case_session.capture.note(WireNote(kind="miss", message=f"{self.command} {path} is not mocked"))
            raise Refusal(404, f"{self.command} {path} is not mocked")
        try:
            response = case_session.ask(send, body=body, attempt=_attempt(self.headers.get(RETRY_COUNT_HEADER, "")))
        except ScriptMissError as error:
            raise Refusal(400, str(error)) from error
        except http.TransportError as error:
            self._break_off(error)
        except Exception as error:
            message = f"the endpoint could not answer: {type(error).__name__}: {error}"
            case_session.capture.note(WireNote(kind="miss", message=message))
            raise Refusal(500, message) from error
        else:
            self._send(response)

    def _send(self, response: http.Response) -> None:
        """Hand a response on piece by piece, and what breaks it."""
        self.send_response_only(response.status_code)
        if response.status_code in RETRIED and not self.server.endpoint.is_open:
            response.headers[WAIT_HEADER] = "1"
        for name, value in response.headers.multi_items():
            if name.lower() not in HEADERS_OF_A_HOP:
                self.send_header(name, value)
        is_chunked = self.request_version != "HTTP/1.0"
        if is_chunked:
            self.send_header("transfer-encoding", "chunked")
        self.send_header("connection", "close")
        stream: Any = response.stream
        try:
            self.end_headers()
            for piece in filter(None, stream):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            self.wfile.write(b"0\r\n\r\n" if is_chunked else b"")
        except http.TransportError as error:
            self._break_off(error)
        except OSError:
            pass  # the client reads no further, which is its right
        finally:
            stream.close()

    def _break_off(self, error: http.TransportError) -> None:
        """End the connection as the other side's would have: too early, by silence, or reset."""
        if isinstance(error, http.TimeoutException):
            self.connection.settimeout(LONGEST_SILENCE_S)
            try:
                while self.rfile.read(1):
                    continue
            except OSError:
                pass
        if not isinstance(error, http.RemoteProtocolError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.connection.close()

    def _refuse(self, refusal: Refusal) -> None:
        try:
            self.send_response_only(refusal.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(refusal.body)))
            self.send_header("x-should-retry", "false")
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(refusal.body)
        except OSError:
            pass  # nobody listens


def _attempt(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
