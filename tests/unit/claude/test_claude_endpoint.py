"""Claude behind a loopback address: what another process hears is what a client in this one would."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anthropic
import pytest

from e2i_eval.claude import CassetteStore, ClaudeWire, SessionBudget
from e2i_eval.core.case import ScriptedAnswer, ScriptedError
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.prices import PriceTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from e2i_eval.core.case import Case

NOWHERE = "http://127.0.0.1:9"
KEY = "sk-ant-the-key-that-pays-1234567890"
REQUEST = {"model": "claude-opus-4-8", "max_tokens": 64, "messages": [{"role": "user", "content": "Where?"}]}
MESSAGE = {
    "id": "msg_7",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-8",
    "content": [{"type": "text", "text": "Zwölf Euro"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 12, "output_tokens": 3},
}
SSE_TYPE = {"content-type": "text/event-stream"}
JSON_TYPE = {"content-type": "application/json"}
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Zwölf"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " Euro"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]
PIECES = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in EVENTS]


@pytest.fixture
def new_wire(tmp_path: Path) -> Iterator[Callable[..., ClaudeWire]]:
    """Starts wires with an endpoint."""
    wires: list[ClaudeWire] = []

    def make(mode: Any, environ: dict[str, str], *, max_usd: float | None = 1.0) -> ClaudeWire:  # noqa: ANN401
        prices = PriceTable.load()
        wire = ClaudeWire(
            mode=mode,
            environ=environ,
            clock=SystemClock(),
            cassette_store=CassetteStore(tmp_path, prices=prices),
            budget=SessionBudget(max_usd, folder=tmp_path, prices=prices) if mode == "record" else None,
            has_endpoint=True,
        )
        wires.append(wire)
        wire.start()
        return wire

    yield make
    for wire in wires:
        wire.stop()


def asked(
    url: str, body: Mapping[str, Any] | bytes = REQUEST, path: str = "/v1/messages", **headers: str
) -> tuple[int, dict[str, str], list[bytes]]:
    """Ask as a program in another language would; return status, headers and the chunks as they came.

    Raises:
        http.client.HTTPException, OSError: the connection broke.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", parts.path + path, data, {"content-type": "application/json", **named})
    response = connection.getresponse()
    pieces = []
    while piece := response.read1():
        pieces.append(piece)
    connection.close()
    return response.status, dict(response.getheaders()), pieces


def heard(url: str) -> tuple[str, bytes]:
    """What a plain client hears of a stream: how the connection ended, and the body until then."""
    parts = urlsplit(url)
    body = json.dumps({**REQUEST, "stream": True}).encode()
    head = f"POST {parts.path}/v1/messages HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: {len(body)}\r\n\r\n"
    said = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
        client.sendall(head.encode() + body)
        try:
            while piece := client.recv(65536):
                said += piece
        except ConnectionResetError:
            return "reset", _joined(said)
    return "whole" if said.endswith(b"\r\n0\r\n\r\n") else "cut off", _joined(said)


def _joined(response: bytes) -> bytes:
    """The body of a chunked response: how the network cut it says nothing."""
    rest, body = response.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


def address(environ: Mapping[str, str]) -> str:
    """What a process finds in its environment."""
    return environ["ANTHROPIC_BASE_URL"]


PROGRAM = """
import json, sys, anthropic
request = json.loads(sys.argv[1])
said = []
claude = anthropic.Anthropic()
said.append(claude.messages.create(**request).content[0].text)
with claude.messages.stream(**request) as stream:
    said.append("".join(stream.text_stream))
try:
    with claude.messages.stream(**request) as stream:
        stream.until_done()
except Exception as error:
    said.append(type(error).__name__)
said.append(claude.messages.count_tokens(model=request["model"], messages=request["messages"]).input_tokens)
print(json.dumps(said))
"""


def test_the_sdk_in_another_process(
    new_wire: Callable[..., ClaudeWire], make_case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries are one call, streams come in chunks, a drop is a drop; the environment is put back."""
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    text = ({"type": "text", "text": "Zwölf Euro"},)
    overload = ScriptedAnswer(error=ScriptedError(status=529, retry_after_s=30.0))
    answers = (overload, ScriptedAnswer(content=text, times=2), ScriptedAnswer(content=text, fault="drop"))
    wire = new_wire("mock", os.environ)
    with wire.capture(make_case(*answers)) as capture:
        command = [sys.executable, "-c", PROGRAM, json.dumps(REQUEST)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    wire.stop()

    assert json.loads(done.stdout) == ["Zwölf Euro", "Zwölf Euro", "RemoteProtocolError", 7]
    calls = [(each.call, each.attempt, each.status, each.complete) for each in capture.exchanges]
    assert calls == [(0, 0, 529, True), (0, 1, 200, True), (1, 0, 200, True), (2, 0, 200, False), (3, 0, 200, True)]
    assert capture.notes == wire.notes == ()
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("ending", "end"),
    [("complete", "whole"), ("unfinished", "cut off"), ("truncate", "whole"), ("reset", "reset")],
)
def test_record_then_replay_with_the_server_gone(
    new_wire: Callable[..., ClaudeWire],
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401  conftest's class
    reply: Any,  # noqa: ANN401  as above
    ending: str,
    end: str,
) -> None:
    """The same events and the same end of the connection, be it early or a reset; the environment is put back."""
    pieces = PIECES if ending == "complete" else PIECES[:4]
    server.replies.append({True: reply(pieces=pieces, headers=SSE_TYPE, ending=ending)})
    environ = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
    results, taped = [], []
    for mode, known in (("record", environ), ("replay", {"ANTHROPIC_BASE_URL": NOWHERE})):
        wire = new_wire(mode, known)
        with wire.capture(make_case()) as capture:
            assert KEY not in str(capture.variables)
            results.append(heard(address(known)))
        wire.stop()
        assert capture.notes == wire.notes == ()
        taped.append([(each.status, each.complete, each.response, each.error) for each in capture.exchanges])

    assert results[0] == results[1] == (end, b"".join(pieces))
    assert taped[0] == taped[1]
    assert [each[1] for each in taped[0]] == [ending == "complete"]
    assert environ == {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
    assert len(server.requests) == 1


def test_the_key_is_put_in_on_the_way_out(
    new_wire: Callable[..., ClaudeWire],
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401  conftest's class
    reply: Any,  # noqa: ANN401  as above
) -> None:
    """Under whichever header the client sends the dummy; a client of this process reaches the API past the endpoint."""
    whole = {False: reply(pieces=[json.dumps(MESSAGE).encode()], headers=JSON_TYPE)}
    server.replies += [whole, whole, whole]
    environ = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": KEY}
    wire = new_wire("record", environ)
    with wire.capture(make_case()) as capture:
        url, dummy = address(environ), environ["ANTHROPIC_API_KEY"]
        asked(url, x_api_key=dummy)
        asked(url, {**REQUEST, "max_tokens": 65}, authorization=f"Bearer {dummy}")
        with anthropic.Anthropic(base_url=url, api_key=dummy) as claude:
            claude.messages.create(**{**REQUEST, "max_tokens": 66})  # type: ignore[call-overload]

    assert dummy != KEY
    sent = [{name.lower(): value for name, value in each["headers"].items()} for each in server.requests]
    assert [KEY in f"{each.get('x-api-key')} {each.get('authorization')}" for each in sent] == [True] * 3
    assert [dummy in str(each) for each in sent] == [False] * 3
    assert [each["path"] for each in server.requests] == ["/v1/messages"] * 3
    assert {each["host"] for each in sent} == {urlsplit(server.url).netloc}
    assert len(capture.exchanges) == 3
    assert capture.notes == ()


def test_what_no_case_answers_for_is_refused_and_noted(
    new_wire: Callable[..., ClaudeWire], make_case: Callable[..., Case]
) -> None:
    """An unknown address, a case that has ended, another host's name: a clear error of the API's form."""
    environ: dict[str, str] = {}
    wire = new_wire("mock", environ)
    with wire.capture(make_case("one")) as capture:
        url = address(environ)
        unknown = asked(url[:-1] + "x")
        rebound = asked(url, host="claude.example")
        assert asked(url)[0] == 200
        elsewhere = asked(url, path="/v1/files")
    late = asked(url)

    for status, headers, pieces in (unknown, rebound, elsewhere, late):
        assert status in {403, 404}
        assert headers["x-should-retry"] == "false"
        assert json.loads(b"".join(pieces))["error"]["message"].startswith("e2i-eval: ")
    assert [note.message.partition("refused: ")[2][:25] for note in wire.notes] == [
        "no case has this address:",
        "this is no host called 'c",
        "case support/refund has e",
    ]
    assert [note.message for note in capture.notes] == ["POST /v1/files is not mocked"]
    assert len(capture.exchanges) == 1


def test_a_miss_and_a_budget_reach_the_other_process(
    new_wire: Callable[..., ClaudeWire], make_case: Callable[..., Case]
) -> None:
    """As an error that its SDK does not retry, and the case's own finding."""
    for mode, kind in (("mock", "miss"), ("replay", "miss"), ("record", "budget")):
        environ = {"ANTHROPIC_BASE_URL": NOWHERE}
        wire = new_wire(mode, environ, max_usd=None)
        with wire.capture(make_case()) as capture:
            status, headers, pieces = asked(address(environ))
        wire.stop()
        assert (status, headers["x-should-retry"]) == (400, "false")
        assert json.loads(b"".join(pieces))["error"]["type"] == "invalid_request_error"
        assert [note.kind for note in capture.notes] == [kind]


def test_cases_at_the_same_time_are_kept_apart(
    new_wire: Callable[..., ClaudeWire], make_case: Callable[..., Case]
) -> None:
    """Six cases with four requests each, in threads: each by its own address."""
    wire = new_wire("mock", {})

    def run(number: int) -> tuple[set[str], int]:
        text = f"answer {number}"
        answer = ScriptedAnswer(content=({"type": "text", "text": text},), times=4)
        with wire.capture(make_case(answer, name=f"case-{number}")) as capture, ThreadPoolExecutor(4) as pool:
            url = str(capture.variables["ANTHROPIC_BASE_URL"])
            said = list(pool.map(lambda _: b"".join(asked(url)[2]).decode(), range(4)))
        assert capture.notes == ()
        return {json.loads(each)["content"][0]["text"] for each in said}, len(capture.exchanges)

    with ThreadPoolExecutor(6) as pool:
        contexts = [copy_context() for _ in range(6)]
        futures = [pool.submit(context.run, run, number) for number, context in enumerate(contexts)]
        results = [future.result() for future in futures]

    assert results == [({f"answer {number}"}, 4) for number in range(6)]


def test_chunks_come_at_their_times(
    tmp_path: Path,
    new_wire: Callable[..., ClaudeWire],
    make_case: Callable[..., Case],
    server: Any,  # noqa: ANN401  conftest's class
    reply: Any,  # noqa: ANN401  as above
) -> None:
    """With paced playback, a chunk is not there before it was when it was recorded."""
    server.replies.append({True: reply(pieces=PIECES, headers=SSE_TYPE)})
    environ = {"ANTHROPIC_BASE_URL": server.url}
    with new_wire("record", environ).capture(make_case()):
        heard(address(environ))
    file = tmp_path / "support" / "refund.json"
    data = json.loads(file.read_text())
    for piece in data["entries"][0]["pieces"][3:]:
        piece["at_ms"] = 300
    file.write_text(json.dumps(data))
    cassette_store = CassetteStore(tmp_path, prices=PriceTable.load(), is_paced=True)
    known: dict[str, str] = {}
    wire = ClaudeWire(
        mode="replay", environ=known, clock=SystemClock(), cassette_store=cassette_store, has_endpoint=True
    )
    wire.start()
    with wire.capture(make_case()):
        start_s = time.monotonic()
        said = heard(address(known))
        took_s = time.monotonic() - start_s
    wire.stop()

    assert said == ("whole", b"".join(PIECES))
    assert took_s >= 0.25


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (b"transfer-encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n", 200),
        (b"transfer-encoding: chunked\r\n", b"zz\r\n", 400),
        (b"content-length: -5\r\n", b"", 400),
        (b"content-length: 99999999999\r\n", b"", 413),
    ],
)
def test_bodies_of_any_framing(
    new_wire: Callable[..., ClaudeWire], make_case: Callable[..., Case], head: bytes, body: bytes, status: int
) -> None:
    """A chunked body is read; one that is framed wrongly, or too long, is refused."""
    environ: dict[str, str] = {}
    data = json.dumps(REQUEST).encode()
    wire = new_wire("mock", environ)
    with wire.capture(make_case(ScriptedAnswer(content=({"type": "text", "text": "a"},), is_endless=True))):
        parts = urlsplit(address(environ))
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as client:
            start = f"POST {parts.path}/v1/messages HTTP/1.1\r\nhost: {parts.netloc}\r\n".encode()
            client.sendall(start + head + b"\r\n" + (body % (len(data), data) if b"%" in body else body))
            assert client.recv(65536).split()[1] == str(status).encode()
