"""A loopback proxy in front of a tracking server, through which a target's logging is seen and may be changed."""

from __future__ import annotations

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from e2i_eval.tracking.traffic import Handling, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

__all__ = ["LoggingProxy"]

TIMEOUT_S = 30.0
BAD_GATEWAY = 502
OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "date", "host", "keep-alive", "server", "te", "transfer-encoding", "upgrade"}
)
STORED_NOTHING = {"content-type": "application/json"}


class LoggingProxy:
    """Forwards every request to a server, unless a handler is set for it.

    Attributes:
        uri: the proxy's address.
    """

    def __init__(self, server_uri: str) -> None:
        self._server = server_uri
        self._decide: Callable[[HttpRequest], Handling] | None = None
        self._later: list[HttpRequest] = []
        self._good: dict[str, HttpResponse] = {}
        self._lock = threading.Lock()
        self._listener = _Listener(self)
        self.uri = f"http://127.0.0.1:{self._listener.server_port}"
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.05,), name="e2i-eval-proxy", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    @contextlib.contextmanager
    def intercepting(self, decide: Callable[[HttpRequest], Handling] | None) -> Iterator[None]:
        """Let ``decide`` say what becomes of each request; afterwards the server gets what it was to get later."""
        self._decide = decide
        try:
            yield
        finally:
            self._decide = None
            with self._lock:
                later, self._later = self._later, []
            for message in later:
                self._exchange(message)

    def answer(self, message: HttpRequest) -> HttpResponse:
        """Return the response to a request."""
        handling = Handling(send=(message,)) if self._decide is None else self._decide(message)
        with self._lock:
            self._later += handling.later
        heard = [self._exchange(each) for each in handling.send]
        if handling.answer is not None:
            return handling.answer
        if not heard:
            return self._pretended(message)
        return self._remembered(message, heard[-1])

    def _remembered(self, message: HttpRequest, answer: HttpResponse) -> HttpResponse:
        if answer.status == http.client.OK:
            self._good[_kind(message)] = answer
        return answer

    def _pretended(self, message: HttpRequest) -> HttpResponse:
        """Return what the server says when all went well; requests of one kind are answered alike."""
        return self._good.get(_kind(message)) or HttpResponse(status=http.client.OK, headers=STORED_NOTHING, body=b"{}")

    def _exchange(self, message: HttpRequest) -> HttpResponse:
        parts = urlsplit(self._server)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request(message.method, message.path, message.body or None, dict(message.headers))
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            return HttpResponse(status=BAD_GATEWAY, body=str(error).encode())
        finally:
            connection.close()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in OF_THE_CONNECTION}
        return HttpResponse(status=response.status, headers=headers, body=body)


def _kind(message: HttpRequest) -> str:
    return f"{message.method} {'file' if message.has_file else message.path.partition('?')[0]}"


class _Listener(ThreadingHTTPServer):
    request_queue_size = 128  # as the endpoint: many senders at once are not made to wait, or reset
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: LoggingProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as declared by socketserver
        """Say nothing: a client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    server: _Listener

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as declared by http.server
        """Print nothing."""

    def _relay(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in OF_THE_CONNECTION}
        message = HttpRequest(method=self.command, path=self.path, headers=headers, body=self._body())
        answer = self.server.proxy.answer(message)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0].strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _relay  # noqa: N815  as http.server calls them
