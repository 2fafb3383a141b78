"""A fake Claude below the SDK, and the platform's index built once in a temporary cache."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from langgraph.config import get_config

from e2i.rag.corpus import load_corpus
from e2i.rag.index import Index
from e2i.rag.pipeline import build

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from e2i.rag.state import RagInput, RagOutput, RagState

    Graph = CompiledStateGraph[RagState, None, RagInput, RagOutput]

UNSCRIPTED_STATUS = 418
"""A status that is neither retried nor turned into a value, so an unexpected call ends the test loudly."""


@dataclass(slots=True)
class FakeClaude:
    """Answers from a script, in order, and keeps what was asked and by which node."""

    script: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)

    def calls_tool(self, name: str, **arguments: object) -> FakeClaude:
        """Script a tool call."""
        self.script.append({"content": [{"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}]})
        return self

    def says(self, text: str, stop_reason: str = "end_turn") -> FakeClaude:
        """Script a text."""
        self.script.append({"content": [{"type": "text", "text": text}], "stop_reason": stop_reason})
        return self

    def fails(self, status: int, *, times: int = 1, message: str = "scripted") -> FakeClaude:
        """Script an HTTP error."""
        self.script += [{"status": status, "message": message}] * times
        return self

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one HTTP request."""
        self.bodies.append(json.loads(request.read()))
        self.nodes.append(get_config()["metadata"]["langgraph_node"])
        unscripted = {"status": UNSCRIPTED_STATUS, "message": "not scripted"}
        answer: dict[str, Any] = self.script.pop(0) if self.script else unscripted
        if "status" in answer:
            error = {"type": "error", "error": {"type": "scripted", "message": answer["message"]}}
            return httpx2.Response(answer["status"], json=error, headers={"retry-after-ms": "1"}, request=request)
        return httpx2.Response(200, json=self._message(answer), request=request)

    def _message(self, answer: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"msg_{len(self.bodies)}",
            "type": "message",
            "role": "assistant",
            "model": self.bodies[-1]["model"],
            "content": answer["content"],
            "stop_reason": answer.get("stop_reason", "tool_use"),
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }

    def prompt(self, call: int = -1) -> str:
        """Return the user message of a call, as it was on the wire."""
        text: str = self.bodies[call]["messages"][0]["content"]
        return text


@pytest.fixture
def claude(monkeypatch: pytest.MonkeyPatch) -> FakeClaude:
    """A Claude that answers what the test scripts; no socket is opened."""
    fake = FakeClaude()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")
    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", lambda _transport, request: fake.handle(request))
    return fake


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The index of the real corpus; seconds once a session."""
    return Index(load_corpus(), cache=tmp_path_factory.mktemp("embeddings"))


@pytest.fixture
def graph(claude: FakeClaude, index: Index) -> Graph:
    """The pipeline over the real corpus, asking the fake Claude."""
    del claude  # must be in place before a client is made
    return build(index=index)
