"""A server that is slow is waited for; one that is not well is given up."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking import connection as module
from e2i_eval.tracking.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator


class Slow(ThreadingHTTPServer):
    """Answers its health check at once while it is well, and everything else when it may."""

    daemon_threads = True
    is_well = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.may_answer = threading.Event()
        self.checked = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has given up is no error here."""


class _Answers(BaseHTTPRequestHandler):
    server: Slow

    def do_GET(self) -> None:
        """Answer, or wait."""
        if self.path == "/health":
            self.server.checked.set()
        if self.path != "/health" or not self.server.is_well:
            self.server.may_answer.wait(30)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_args: object) -> None:
        """Keep the screen to pytest."""


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A server that takes its time."""
    with Slow() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()
        thread.join()


def connected(server: Slow) -> Connection:
    """Return a connection that asks after the server's health soon."""
    return Connection(f"http://127.0.0.1:{server.server_port}", {}, read_s=0.1)


def test_a_slow_server_is_waited_for(slow: Slow) -> None:
    """Several times longer than a request is let alone."""

    def answer_once_checked() -> None:
        slow.checked.wait(30)
        slow.may_answer.set()

    answering = threading.Thread(target=answer_once_checked)
    answering.start()
    connection = connected(slow)

    assert connection.call("GET", "/slow") == {}
    assert slow.checked.is_set()
    assert connection.broken == ""
    answering.join()
    connection.close()


def test_a_slow_server_is_not_waited_for_without_end(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request fails, the server is not given up."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)
    connection = connected(slow)

    with pytest.raises(UnknownError, match=r"did not answer GET /slow \(no answer within 0\.3 s\)"):
        connection.call("GET", "/slow")
    assert connection.broken == ""


def test_a_server_that_is_not_well_is_given_up(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first silence, whatever the patience."""
    monkeypatch.setattr(module, "HEALTH_READ_S", 0.2)
    slow.is_well = False
    connection = connected(slow)

    with pytest.raises(UnknownError, match=r"does not answer since the session's start \(no answer within 0\.1 s\)"):
        connection.call("GET", "/slow")
    assert connection.broken
