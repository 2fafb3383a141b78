"""A real tracking server, clients of it, and a Claude that never opens a socket."""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.case import Case
from e2i_eval.tracking import TemporaryServer, TrackingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.mlflow_run import CaseRun

START_TIMEOUT_S = 180.0

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [{"type": "text", "text": "It was paid on Monday."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 12,
        "output_tokens": 5,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 2,
    },
}


@pytest.fixture(scope="session")
def cache() -> Path:
    """A cache folder that outlives the test run: compiled files and the database template are worth keeping."""
    return Path(tempfile.gettempdir()) / "e2i-eval-test-cache"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[TemporaryServer]:
    """A ready server on a store of its own, shared by tests that do not harm it."""
    store = tmp_path_factory.mktemp("tracking") / "store"
    started = TemporaryServer.start(store=store, cache=cache, environ=os.environ)
    started.wait_ready(START_TIMEOUT_S)
    yield started
    started.stop()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[str], TrackingClient]]:
    """Return a function that makes a client of the server at an address, with an experiment of its own."""
    clients: list[TrackingClient] = []

    def connected(uri: str) -> TrackingClient:
        name = f"test-{uuid.uuid4().hex[:8]}"
        scratch = tmp_path / name
        scratch.mkdir()
        clients.append(TrackingClient(uri, name, environ=os.environ, scratch=scratch))
        return clients[-1]

    yield connected
    for client in clients:
        client.close()


@pytest.fixture
def client(server: TemporaryServer, connect: Callable[[str], TrackingClient]) -> TrackingClient:
    """A client of the shared server."""
    return connect(server.uri)


@pytest.fixture
def open_case() -> Callable[..., CaseRun]:
    """Return a function that opens a case of the target ``support``, and what must be open above it."""
    targets: dict[TrackingClient, str] = {}

    def opened(client: TrackingClient, name: str = "refund") -> CaseRun:
        if client not in targets:
            run_id = client.open_session(session_id="s1", name="session", tags={}, params={})
            targets[client] = client.open_target(session_run_id=run_id, session_id="s1", target="support", tags={})
        case = Case(id=f"support/{name}", target="support", inputs={})
        nodeid = f"golden/cases/support/{name}.yaml::{case.id}"
        return client.open_case(target_run_id=targets[client], session_id="s1", case=case, nodeid=nodeid)

    return opened


@pytest.fixture
def is_gone() -> Callable[[int, float], bool]:
    """Return a function that tells whether a process ends within some seconds; a zombie has ended."""

    def gone(pid: int, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return True
            if state == "Z" and len(list(Path(f"/proc/{pid}/task").iterdir())) == 1:
                return True  # with a thread left it would still hold its sockets
            time.sleep(0.05)
        return False

    return gone


@pytest.fixture
def claude() -> Any:  # noqa: ANN401  anthropic is heavy: imported by the tests that need it
    """An ``anthropic`` client that is answered in process."""
    import anthropic  # noqa: PLC0415
    import httpx2  # noqa: PLC0415

    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json=ANSWER))
    return anthropic.Anthropic(api_key="none", http_client=httpx2.Client(transport=transport))
