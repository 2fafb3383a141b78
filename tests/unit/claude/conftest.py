"""What the tests of the wire share: a started wire, cases made in code, and a server that speaks the protocol."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from langchain_anthropic import ChatAnthropic

from e2i_eval.claude import ClaudeWire
from e2i_eval.core.case import Case, ScriptedAnswer
from e2i_eval.core.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "claude-opus-4-8"
QUESTION = "Where is my refund?"
REQUEST: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 64,
    "messages": [{"role": "user", "content": QUESTION}],
}
TOOLS: list[dict[str, Any]] = [
    {"name": "lookup", "description": "Look an order up.", "input_schema": {"type": "object", "properties": {}}}
]
RICH_REQUEST: dict[str, Any] = {**REQUEST, "tools": TOOLS, "thinking": {"type": "adaptive"}}
"""LangChain takes an answer with tool calls or thinking for a mistake unless it asked for them."""


@pytest.fixture
def wire() -> Iterator[ClaudeWire]:
    """A wire that plays Claude."""
    wire = ClaudeWire(mode="mock", environ=os.environ, clock=SystemClock())
    wire.start()
    yield wire
    wire.stop()


@pytest.fixture
def live_wire() -> Iterator[ClaudeWire]:
    """A wire that lets everything pass."""
    wire = ClaudeWire(mode="live", environ=os.environ, clock=SystemClock())
    wire.start()
    yield wire
    wire.stop()


@pytest.fixture
def request_body() -> dict[str, Any]:
    """A plain request."""
    return dict(REQUEST)


@pytest.fixture
def make_case() -> Callable[..., Case]:
    """Makes a case of the given answers; a string stands for an answer of that text."""

    def make(*script: ScriptedAnswer | str, name: str = "refund") -> Case:
        answers = tuple(text_answer(entry) if isinstance(entry, str) else entry for entry in script)
        return Case(id=f"support/{name}", target="support", inputs={}, script=answers)

    return make


def text_answer(text: str) -> ScriptedAnswer:
    """An answer of one text block."""
    return ScriptedAnswer(content=({"type": "text", "text": text},))


@dataclass
class Reply:
    """What the server sends; ``ending`` tells what happens after the pieces."""

    pieces: list[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ending: str = "complete"


@dataclass
class Served:
    """A server under way: its address, what it is to say next (by whether a stream is asked for), what it was asked."""

    url: str
    replies: list[dict[bool, Reply]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    may_go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def reply() -> type[Reply]:
    """The class of replies."""
    return Reply


class _Handler(http.server.BaseHTTPRequestHandler):
    """Sends prepared bytes in chunks, one connection a request."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.served.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
        reply = self.server.served.replies.pop(0)[bool(json.loads(body).get("stream"))]
        self.send_response(reply.status)
        framing = {} if reply.ending == "truncate" else {"transfer-encoding": "chunked"}
        for name, value in {**reply.headers, **framing, "connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self._send_body(reply)

    def _send_body(self, reply: Reply) -> None:
        for piece in reply.pieces:
            self.wfile.write(piece if reply.ending == "truncate" else b"%x\r\n%s\r\n" % (len(piece), piece))
            if reply.ending == "wait":
                self.server.served.may_go_on.wait(10)
        if reply.ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif reply.ending not in {"truncate", "unfinished"}:
            self.wfile.write(b"0\r\n\r\n")

    def finish(self) -> None:
        if self.connection.fileno() != -1:
            super().finish()

    def log_message(self, *_args: object) -> None:
        return


class _Server(http.server.ThreadingHTTPServer):
    """A server that takes a client's leaving for granted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = Served(url=f"http://127.0.0.1:{self.server_port}")

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - a socket, perhaps closed
        if request.fileno() != -1:
            super().shutdown_request(request)

    def handle_error(self, *_args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Served]:
    """A server on the loopback that answers with prepared bytes."""
    with _Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running.served
        running.served.may_go_on.set()
        running.shutdown()
        thread.join()


def _sdk(**client: Any) -> Any:  # noqa: ANN401 - the SDK's message
    with anthropic.Anthropic(**client) as claude:
        return claude.messages.create(**RICH_REQUEST)


def _sdk_async(**client: Any) -> Any:  # noqa: ANN401 - as above
    async def ask() -> Any:  # noqa: ANN401 - as above
        async with anthropic.AsyncAnthropic(**client) as claude:
            return await claude.messages.create(**RICH_REQUEST)

    return asyncio.run(ask())


def _sdk_stream(**client: Any) -> Any:  # noqa: ANN401 - as above
    with anthropic.Anthropic(**client) as claude, claude.messages.stream(**RICH_REQUEST) as stream:
        return stream.get_final_message()


def _sdk_stream_async(**client: Any) -> Any:  # noqa: ANN401 - as above
    async def ask() -> Any:  # noqa: ANN401 - as above
        async with anthropic.AsyncAnthropic(**client) as claude, claude.messages.stream(**RICH_REQUEST) as stream:
            return await stream.get_final_message()

    return asyncio.run(ask())


def _chat(base_url: str | None = None, **client: Any) -> Any:  # noqa: ANN401 - options of a client, a runnable
    options: dict[str, Any] = {"timeout": None, "stop": None, **client}
    if base_url:
        options["anthropic_api_url"] = base_url
    model = ChatAnthropic(model_name=MODEL, max_tokens_to_sample=64, thinking={"type": "adaptive"}, **options)
    return model.bind_tools(TOOLS)


def _invoke(**client: Any) -> Any:  # noqa: ANN401 - LangChain's message
    return _chat(**client).invoke(QUESTION)


def _ainvoke(**client: Any) -> Any:  # noqa: ANN401 - as above
    return asyncio.run(_chat(**client).ainvoke(QUESTION))


def _stream(**client: Any) -> Any:  # noqa: ANN401 - as above
    chunks = list(_chat(**client).stream(QUESTION))
    return sum(chunks[1:], chunks[0])


def _astream(**client: Any) -> Any:  # noqa: ANN401 - as above
    async def ask() -> Any:  # noqa: ANN401 - as above
        chunks = [chunk async for chunk in _chat(**client).astream(QUESTION)]
        return sum(chunks[1:], chunks[0])

    return asyncio.run(ask())


STYLES = {
    "create": _sdk,
    "create-async": _sdk_async,
    "stream": _sdk_stream,
    "stream-async": _sdk_stream_async,
    "invoke": _invoke,
    "ainvoke": _ainvoke,
    "chat-stream": _stream,
    "chat-astream": _astream,
}


@pytest.fixture(params=STYLES)
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """One way to ask Claude, with the client's options as arguments; ``ask.style`` is its name."""
    return STYLES[request.param]


@pytest.fixture(params=[name for name in STYLES if "stream" in name])
def ask_streaming(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """One way to ask Claude for a stream."""
    return STYLES[request.param]


@pytest.fixture
def heard() -> Callable[[Any], Any]:
    """Reduces an answer, or the error in its place, to plain data that two runs can be compared by."""

    def plain(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - plain data
        try:
            answer = ask()
        except Exception as error:  # noqa: BLE001 - the error is the outcome
            return {"error": f"{type(error).__module__}.{type(error).__name__}", "text": _error_text(error)}
        if isinstance(answer, anthropic.types.Message):
            return answer.model_dump(mode="json")
        return {"content": answer.content, "usage": answer.usage_metadata, "stop": answer.response_metadata}

    return plain


def _error_text(error: Exception) -> str:
    # What the transport says of a broken connection differs by cause; what the API says does not.
    return str(error) if isinstance(error, anthropic.APIError) else ""
