"""A real tracking server, a fake Claude on the wire, and a gateway in between that can be broken."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal

import httpx2
import pytest
import urllib3

from e2i.config import AgentConfig
from e2i.mlops import MlflowConfig, call_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SERVER_START_TIMEOUT_S = 90.0

USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 7,
    "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 0},
}


@pytest.fixture(scope="session")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tracking server on a loopback port, with a fresh store."""
    folder = tmp_path_factory.mktemp("mlflow")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    environ = {
        **os.environ,
        "_MLFLOW_SERVER_FILE_STORE": store,
        "_MLFLOW_SERVER_REGISTRY_STORE": store,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_MODEL_CATALOG_URI": "",
        "DO_NOT_TRACK": "true",
    }
    with socket.socket() as listener:
        # uvicorn takes an inherited socket for a Unix one and leaves Nagle's algorithm on: 40 ms an answer.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [sys.executable, "-m", "uvicorn", "mlflow.server.fastapi_app:app", "--fd", str(listener.fileno())]
        log = (folder / "server.log").open("wb")
        server = subprocess.Popen(command, env=environ, pass_fds=[listener.fileno()], stdout=log, stderr=log)
    try:
        _await_health(uri, server)
        yield uri
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@pytest.fixture
def mlflow(tracking_uri: str, tmp_path: Path) -> Iterator[MlflowConfig]:
    """Where calls are logged; what a test leaves behind is stopped with it."""
    yield MlflowConfig(enabled=True, tracking_uri=tracking_uri, spool_dir=tmp_path / "spool", read_timeout_s=30.0)
    call_queue.close()


@pytest.fixture
def agent() -> Callable[..., AgentConfig]:
    """Return a maker of agent configurations; the experiment is unique, so a test sees its own traces only."""

    def make(**changes: object) -> AgentConfig:
        settings: dict[str, Any] = {
            "agent": "tester",
            "tier": 2,
            "use_case": "testing",
            "mlflow_experiment": f"test/{time.time_ns()}/{{brand}}",
            "model": "claude-sonnet-5-5",
            "max_tokens": 100,
            "prompts": {"plan": "3"},
            "metrics": {"confidence": "confidence"},
            "artifacts": {"answer.json": "."},
            "config_version": "cafe",
        }
        return AgentConfig.model_validate({**settings, **changes})

    return make


# Claude


@dataclass
class FakeClaude:
    """Answers every request with its last user text in capitals; texts with a key word behave otherwise.

    ``overloaded``: 529 for ever. ``tool``: a call of the tool ``add``. ``slow``: a hundredth of a second.
    """

    requests: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request as the Messages API would."""
        body = json.loads(request.content)
        self.requests.append(body)
        text = _last_text(body)
        if "slow" in text:
            time.sleep(0.01)
        if "overloaded" in text:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return httpx2.Response(529, json=error, headers={"retry-after-ms": "1"})
        message = _message(body, text, number=len(self.requests))
        return _streamed(message) if body.get("stream") else httpx2.Response(200, json=message)


@pytest.fixture
def claude(monkeypatch: pytest.MonkeyPatch) -> FakeClaude:
    """Put the fake in the place of every transport of the Claude client's HTTP library."""
    fake = FakeClaude()
    transport = httpx2.MockTransport(fake.answer)
    monkeypatch.setattr(httpx2.Client, "_transport_for_url", lambda *_: transport)
    monkeypatch.setattr(httpx2.AsyncClient, "_transport_for_url", lambda *_: transport)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
    return fake


# the gateway

Mode = Literal["pass", "unavailable", "lose_answers"]


class Gateway:
    """A server that passes requests on, refuses them, or passes them on and loses the answers."""

    def __init__(self, upstream: str) -> None:
        self.mode: Mode = "pass"
        self.paths: list[str] = []
        http = urllib3.PoolManager()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Be quiet."""

            def _relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                gateway.paths.append(self.path)
                if gateway.mode == "unavailable":
                    self.send_error(503)
                    return
                answer = http.request(self.command, upstream + self.path, body=body, headers=dict(self.headers))
                if gateway.mode == "lose_answers" and self.command != "GET":
                    self.send_error(502)
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(answer.data)))
                self.end_headers()
                self.wfile.write(answer.data)

            do_GET = do_POST = do_PUT = do_PATCH = _relay  # noqa: N815 - http.server's names

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def gateway(tracking_uri: str) -> Iterator[Gateway]:
    """A gateway in front of the tracking server."""
    gateway = Gateway(tracking_uri)
    yield gateway
    gateway.close()


def _await_health(uri: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SERVER_START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if urllib3.request("GET", f"{uri}/health", timeout=5.0, retries=False).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
    pytest.fail(f"the tracking server did not start (exit code {server.poll()})")


def _last_text(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return " ".join(str(block.get("text") or block.get("content") or "") for block in content)


def _message(body: dict[str, Any], text: str, *, number: int) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": text.upper()}]
    if "tool" in text:
        content.append({"type": "tool_use", "id": f"toolu_{number}", "name": "add", "input": {"a": 1, "b": 2}})
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "tool_use" if "tool" in text else "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    }


def _streamed(message: dict[str, Any]) -> httpx2.Response:
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": {**message, "content": [], "stop_reason": None}})
    ]
    for index, block in enumerate(message["content"]):
        is_text = block["type"] == "text"
        empty = {"type": "text", "text": ""} if is_text else {**block, "input": {}}
        delta = (
            {"type": "text_delta", "text": block["text"]}
            if is_text
            else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        )
        events += [
            ("content_block_start", {"index": index, "content_block": empty}),
            ("content_block_delta", {"index": index, "delta": delta}),
            ("content_block_stop", {"index": index}),
        ]
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events += [("message_delta", {"delta": stop, "usage": message["usage"]}), ("message_stop", {})]
    text = "".join(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events)
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=text.encode())
