"""The proxy hands requests on, changes them, loses them and says that they arrived, or sends them later."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from e2i_eval.tracking import LoggingProxy
from e2i_eval.tracking.traffic import Handling, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server(ThreadingHTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    """Answers every POST with ``stored``."""

    server: Server

    def do_POST(self) -> None:
        """Keep the body."""
        self.server.kept.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"stored")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as declared by http.server
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that keeps what it is sent."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Server) -> Iterator[LoggingProxy]:
    """A proxy before it."""
    with LoggingProxy(f"http://127.0.0.1:{server.server_port}") as proxy:
        yield proxy


def post(proxy: LoggingProxy, body: bytes) -> tuple[int, bytes]:
    """Send a body; return status and answer."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(proxy.uri).port, timeout=5)
    connection.request("POST", "/v1/traces", body)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_it_hands_on_what_it_is_not_told_to_change(server: Server, proxy: LoggingProxy) -> None:
    """Both ways."""
    assert post(proxy, b"spans") == (200, b"stored")
    assert server.kept == [b"spans"]


def test_what_is_lost_is_said_to_have_arrived(server: Server, proxy: LoggingProxy) -> None:
    """In the server's own words, which it has heard before."""
    post(proxy, b"first")
    with proxy.intercepting(lambda _message: Handling()):
        answer = post(proxy, b"second")

    assert answer == (200, b"stored")
    assert server.kept == [b"first"]


def test_what_is_late_arrives_afterwards(server: Server, proxy: LoggingProxy) -> None:
    """Once nothing is intercepted any more."""
    with proxy.intercepting(lambda message: Handling(later=(message,))):
        post(proxy, b"late")
        before = list(server.kept)

    assert before == []
    assert server.kept == [b"late"]


def test_a_refusal_is_heard(server: Server, proxy: LoggingProxy) -> None:
    """And the server hears nothing."""

    def refuse(_message: HttpRequest) -> Handling:
        return Handling(answer=HttpResponse(status=503))

    with proxy.intercepting(refuse):
        answer = post(proxy, b"spans")

    assert answer == (503, b"")
    assert server.kept == []
