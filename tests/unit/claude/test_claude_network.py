"""In a mocked run nothing leaves the machine, and an attempt to is a finding."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.claude.network import NetworkBlockedError, NetworkGuard
from e2i_eval.core.errors import E2iError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.claude import ClaudeWire
    from e2i_eval.core.case import Case

ELSEWHERE = "192.0.2.1"
"""An address reserved for documentation."""


@pytest.fixture
def reported() -> Iterator[list[str]]:
    """What a guard under way reports."""
    reports: list[str] = []
    guard = NetworkGuard(reports.append, ["192.0.2.9"])
    guard.start()
    yield reports
    guard.stop()


def datagram(sock: socket.socket) -> None:
    """Send a datagram."""
    sock.sendto(b"x", (ELSEWHERE, 9))


def message(sock: socket.socket) -> None:
    """Send a message."""
    sock.sendmsg([b"x"], [], 0, (ELSEWHERE, 9))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda sock: sock.connect((ELSEWHERE, 9)),
        lambda sock: sock.connect_ex((ELSEWHERE, 9)),
        datagram,
        message,
        lambda _: socket.create_connection((ELSEWHERE, 9)),
        lambda _: socket.getaddrinfo("elsewhere.example", 443),
        lambda _: socket.gethostbyname("elsewhere.example"),
        lambda _: urllib.request.urlopen("http://elsewhere.example"),
        lambda _: asyncio.run(asyncio.open_connection(ELSEWHERE, 9)),
    ],
)
def test_other_hosts_are_out_of_reach(reported: list[str], attempt: Callable[[Any], object]) -> None:
    """By connection, datagram and name."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(OSError, match="tried to reach") as caught,
    ):
        attempt(sock)

    assert "elsewhere.example" in str(caught.value) or ELSEWHERE in str(caught.value)
    assert len(reported) == 1


def test_the_error_is_one_of_ours_and_says_what_to_do() -> None:
    """A library treats it as a missing network, a person reads the fix."""
    error = NetworkBlockedError("no way", fix="mock it")

    assert isinstance(error, E2iError)
    assert isinstance(error, OSError)
    assert str(error) == "no way\n  fix: mock it"


def test_the_machine_itself_is_within_reach(reported: list[str], tmp_path: Path) -> None:
    """Loopback, by name and address, and unix sockets."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, port)).close()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as sock:
        server.bind(str(tmp_path / "s"))
        server.listen()
        sock.connect(str(tmp_path / "s"))

    assert reported == []


def test_an_allowed_host_is_within_reach(reported: list[str]) -> None:
    """A team's tracking server, say. Nobody answers there, but the guard lets it try."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.9", 9))

    assert reported == []


def test_a_stopped_guard_is_inert() -> None:
    """The hook stays and does nothing."""
    reports: list[str] = []
    guard = NetworkGuard(reports.append)
    guard.start()
    guard.stop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((ELSEWHERE, 9))  # a datagram socket sends nothing yet

    assert reports == []


def test_a_blocked_attempt_is_noted_on_the_tape(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """Even when the program swallows it."""
    with wire.capture(make_case()) as capture:
        try:
            socket.create_connection((ELSEWHERE, 9))
        except OSError:
            reached = False

    assert reached is False
    assert [note.kind for note in capture.notes] == ["blocked"]
    assert ELSEWHERE in capture.notes[0].message


def test_importing_the_wire_is_cheap() -> None:
    """Neither the SDK nor an HTTP library is loaded."""
    code = (
        "import sys, e2i_eval.claude, e2i_eval.core.prices;"
        "print(*{'anthropic', 'httpx', 'httpx2', 'respx', 'anyio', 'langgraph', 'pytest'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == ""
