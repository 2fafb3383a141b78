"""Live mode: real HTTP to the configured address, captured and judged like the mock's."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-ant-a-key-that-must-never-be-written-down"
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "Plan the next step.": [{"type": "text", "text": "look it up"}],
    "Carry out this plan: look it up": [
        {"type": "tool_use", "id": "toolu_1", "name": "lookup_order", "input": {"order_id": 7}}
    ],
}
LAST = [{"type": "text", "text": "It was paid on Monday."}]


class Claude(BaseHTTPRequestHandler):
    """Answers like the API, by the system prompt, and after a tool result with the last answer."""

    def do_POST(self) -> None:
        """Answer one request for a message."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_told = any("tool_result" in json.dumps(message) for message in request["messages"])
        content = LAST if is_told else ANSWERS[request["system"]]
        body = {
            "id": f"msg_{len(json.dumps(request))}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": content,
            "stop_reason": "tool_use" if content[0]["type"] == "tool_use" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 50, "output_tokens": 9},
        }
        answer = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args: object) -> None:
        """Keep the screen to pytest."""


@pytest.fixture
def claude_uri() -> Iterator[str]:
    """A server on the loopback interface that speaks the protocol."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Claude) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_live_answers_are_captured_and_judged(
    shop: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, claude_uri: str
) -> None:
    """The script is left aside, tokens are the server's, logging is proven, and the key is nowhere."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", claude_uri)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    result = pytester.runpytest_subprocess("--e2i-eval", "--e2i-claude=live", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=1)
    report = json.loads((shop / ".e2i" / "report.json").read_text())
    assert report["session"]["claude"] == "live"
    assert report["targets"]["support"]["input_tokens"] == 150
    assert report["targets"]["support"]["logging_completeness"] == 1.0
    left = [file for file in (shop / ".e2i").rglob("*") if file.is_file()]
    assert [file.name for file in left if KEY.encode() in file.read_bytes()] == []
