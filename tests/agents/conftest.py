"""Claude for the agents' tests: the real SDK and ChatAnthropic on a transport in memory, never a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Entry = dict[str, Any]


@pytest.fixture
def claude(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[Entry]]]:
    """Return ``script(*entries)``: entries are written as in a golden; it returns the list of bodies sent so far.

    An entry with ``forever`` answers every request from its turn on, be it none.
    ``raw`` in place of content answers with that text and status 200; ``raises`` raises in the transport.
    Retries do not sleep. A request without an entry fails the test, and so does an entry left over.
    """
    waiting: list[Entry] = []
    sent: list[Entry] = []
    unexpected: list[Entry] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        body = httpx2.Response(200, content=request.content).json()
        if not waiting:
            unexpected.append(body)
            return httpx2.Response(400, json={"type": "error", "error": {"type": "unscripted", "message": "no entry"}})
        sent.append(body)
        return _response(waiting[0] if waiting[0].get("forever") else waiting.pop(0))

    def script(*entries: Entry) -> list[Entry]:
        waiting.extend(entry for entry in entries for _ in range(entry.get("times", 1)))
        return sent

    def client(**_: object) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(answer), base_url="https://api.anthropic.com")

    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")
    monkeypatch.setattr("langchain_anthropic.chat_models._get_default_httpx_client", client)
    monkeypatch.setattr("anthropic._base_client.SyncAPIClient._sleep_for_retry", _no_sleep)
    yield script
    assert not unexpected, "Claude was asked without an entry"
    assert all(entry.get("forever") for entry in waiting), "Claude was not asked as often as scripted"


def _no_sleep(*_: object, **__: object) -> None:
    """Stand in for the wait before a retry."""


def _response(entry: Entry) -> httpx2.Response:
    if "raises" in entry:
        raise entry["raises"]
    if "raw" in entry:
        return httpx2.Response(200, text=entry["raw"], headers={"content-type": "application/json"})
    if error := entry.get("error"):
        message = error.get("message", "scripted")
        body = {"type": "error", "error": {"type": "scripted_error", "message": message}, "request_id": "req_1"}
        return httpx2.Response(error["status"], json=body)
    return httpx2.Response(200, json=_message(entry))


def _message(entry: Entry) -> Entry:
    content: list[Entry] = []
    if "text" in entry:
        content.append({"type": "text", "text": entry["text"]})
    if "tool_use" in entry:
        content.append({"type": "tool_use", "id": "toolu_1", **entry["tool_use"]})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": content,
        "stop_reason": entry.get("stop_reason", "tool_use" if "tool_use" in entry else "end_turn"),
        "stop_sequence": None,
        "usage": entry.get("usage", {"input_tokens": 10, "output_tokens": 5}),
    }
