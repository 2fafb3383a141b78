"""Anything the API may say, in any sequence and broken in any way, is heard again from the cassette."""

from __future__ import annotations

import dataclasses
import json
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from e2i_eval.claude import CassetteStore, ClaudeWire, SessionBudget
from e2i_eval.claude.library import http
from e2i_eval.claude.sse import encode_event, message_events
from e2i_eval.core.case import Case
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.prices import PriceTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FEW = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
URL = "https://api.anthropic.com/v1/messages"
MODEL = "claude-sonnet-5-5"
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NAME = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)


def block(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Blocks of one type."""
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


CITATION = st.one_of(
    block("char_location", cited_text=TEXT, document_index=st.integers(0, 9), start_char_index=st.integers(0, 9)),
    block("web_search_result_location", cited_text=TEXT, url=TEXT, encrypted_index=TEXT, title=st.none() | TEXT),
)
BLOCK = st.one_of(
    block("text", text=TEXT),
    block("text", text=TEXT, citations=st.lists(CITATION, min_size=1, max_size=2)),
    block("thinking", thinking=TEXT, signature=TEXT),
    block("redacted_thinking", data=TEXT),
    block("tool_use", id=NAME.map("toolu_{}".format), name=NAME, input=st.dictionaries(TEXT, JSON, max_size=2)),
    block(
        "server_tool_use", id=NAME.map("srvtoolu_{}".format), name=NAME, input=st.dictionaries(TEXT, JSON, max_size=2)
    ),
    block("mcp_tool_use", id=NAME.map("mcptoolu_{}".format), name=NAME, server_name=NAME, input=st.just({})),
    block(
        "web_search_tool_result", tool_use_id=NAME, content=st.lists(block("web_search_result", url=TEXT), max_size=2)
    ),
    block(
        "mcp_tool_result",
        tool_use_id=NAME,
        is_error=st.booleans(),
        content=st.lists(block("text", text=TEXT), max_size=1),
    ),
)
USAGE = st.fixed_dictionaries(
    {"input_tokens": st.integers(0, 10**9), "output_tokens": st.integers(0, 10**9)},
    optional={
        "cache_read_input_tokens": st.integers(0, 10**6),
        "cache_creation_input_tokens": st.integers(0, 10**6),
        "server_tool_use": st.fixed_dictionaries({"web_search_requests": st.integers(0, 9)}),
    },
)
MESSAGE = st.fixed_dictionaries(
    {
        "id": NAME.map("msg_{}".format),
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": st.just(MODEL),
        "content": st.lists(BLOCK, max_size=3),
        "stop_reason": st.sampled_from(
            ["end_turn", "tool_use", "max_tokens", "stop_sequence", "refusal", "pause_turn"]
        ),
        "stop_sequence": st.none() | TEXT,
        "usage": USAGE,
    }
)
BROKEN = ["ReadError", "RemoteProtocolError", "ReadTimeout", "WriteError"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Said:
    """What the API does with one request.

    Attributes:
        prompt: what is asked.
        message: the answer.
        keep: how many events or bytes of it arrive; None for all.
        status: of the response; None when none begins.
        error: how the connection breaks after what arrived; None when it does not.
        is_stream: the answer is a stream.
        cut: how many bytes the network delivers at once.
    """

    prompt: str
    message: dict[str, Any]
    keep: int | None
    status: int | None
    error: str | None
    is_stream: bool
    cut: int

    @property
    def pieces(self) -> list[bytes]:
        """The body as it arrives."""
        if self.status != 200:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": self.prompt}}
            data = json.dumps(error).encode()
        elif self.is_stream:
            data = b"".join(map(encode_event, list(message_events(self.message))[: self.keep]))
        else:
            data = json.dumps(self.message).encode()[: self.keep]
        return [data[at : at + self.cut] for at in range(0, len(data), self.cut)]


SAID = st.builds(
    Said,
    prompt=TEXT,
    message=MESSAGE,
    keep=st.none() | st.integers(0, 30),
    status=st.just(200) | st.sampled_from([200, 400, 429, 500, 529, None]),
    error=st.none() | st.sampled_from(BROKEN),
    is_stream=st.booleans(),
    cut=st.integers(1, 60),
)


class Body(http.SyncByteStream):
    """A body that arrives in pieces and may break."""

    def __init__(self, said: Said) -> None:
        self._said = said

    def __iter__(self) -> Iterator[bytes]:
        yield from self._said.pieces
        if self._said.error:
            raise getattr(http, self._said.error)(self._said.prompt)


class Api(http.BaseTransport):
    """Does what it is told; nothing that is asked without need is answered."""

    def __init__(self, script: Sequence[Said]) -> None:
        self.left = list(script)

    def handle_request(self, request: http.Request) -> http.Response:  # noqa: ARG002  the library's signature
        """Answer with what is next."""
        said = self.left.pop(0)
        if said.status is None:
            raise getattr(http, said.error or "ConnectError")(said.prompt)
        kind = "text/event-stream" if said.is_stream and said.status == 200 else "application/json"
        return http.Response(said.status, headers={"content-type": kind, "request-id": "req_1"}, stream=Body(said))


def heard(client: http.Client, said: Said) -> tuple[Any, ...]:
    """Ask one question; return all a client can tell of the answer."""
    request = {
        "model": MODEL,
        "max_tokens": 9,
        "stream": said.is_stream,
        "messages": [{"role": "user", "content": said.prompt}],
    }
    body, status, headers, failure = b"", None, None, None
    try:
        with client.stream("POST", URL, json=request) as response:
            status, headers = response.status_code, dict(response.headers)
            for piece in response.iter_raw():
                body += piece
    except http.TransportError as error:
        failure = type(error).__name__, str(error)
    return status, headers, _told(body), failure


def _told(body: bytes) -> object:
    """A document is the same whatever blanks it has; anything else must be the same bytes."""
    try:
        return json.loads(body)
    except ValueError:
        return body


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cassettes are."""
    return tmp_path_factory.mktemp("cassettes")


@pytest.fixture(scope="module")
def wire(folder: Path) -> Iterator[ClaudeWire]:
    """A wire for all examples: to start one costs more than an example."""
    prices = PriceTable.load()
    wire = ClaudeWire(
        mode="record",
        environ={},
        clock=SystemClock(),
        cassette_store=CassetteStore(folder, prices=prices),
        budget=SessionBudget(1e9, folder=folder, prices=prices),
    )
    wire.start()
    yield wire
    wire.stop()


def played(wire: ClaudeWire, case: Case, script: Sequence[Said], api: Api) -> tuple[list[Any], list[Any], list[str]]:
    """Ask all questions; return what was heard, what was seen on the wire, and what was noted."""
    with http.Client(transport=api) as client, wire.capture(case) as capture:
        said = [heard(client, each) for each in script]
    times = ("started_at_s", "duration_s", "first_event_s", "virtual_s", "source", "waited_s")
    facts = [
        {name: value for name, value in dataclasses.asdict(each).items() if name not in times}
        for each in capture.exchanges
    ]
    return said, facts, [note.message for note in capture.notes]


@FEW
@given(script=st.lists(SAID, min_size=1, max_size=4))
@example(
    script=[
        Said(prompt="a", message={}, keep=None, status=None, error=None, is_stream=True, cut=9),
        Said(prompt="a", message={}, keep=None, status=529, error="ReadError", is_stream=True, cut=9),
    ]
)
def test_any_sequence_comes_back(wire: ClaudeWire, script: list[Said]) -> None:
    """All blocks, usages, errors and faults, wire to cassette to replay: same bodies, same errors, same exchanges."""
    case = Case(id=f"any/{uuid.uuid4().hex}", target="any", inputs={})
    wire.mode = "record"
    recorded = played(wire, case, script, Api(script))
    wire.mode = "replay"
    replayed = played(wire, case, script, Api([]))

    assert replayed == recorded
    assert recorded[2] == []


PROMPTS = {
    "refund": ["You are helpful.", "Where is my refund?"],
    "order": ["You are helpful.", "Where is my order?"],
    "thanks": ["Thank the customer."],
    "again": ["Thank the customer.", "You are helpful."],
    "silent": [],
}


def _answered(prompt: str) -> Said:
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL}
    message |= {"content": [{"type": "text", "text": f"re: {prompt}"}], "stop_reason": "end_turn"}
    message |= {"stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 5}}
    return Said(prompt=prompt, message=message, keep=None, status=200, error=None, is_stream=False, cut=999)


def all_cases(wire: ClaudeWire, target: str, change: tuple[str, str]) -> tuple[dict[str, str], list[str]]:
    """Run all cases with a word changed; return the note of each that has one, and what the API was asked."""
    notes: dict[str, str] = {}
    asked: list[str] = []
    for name, prompts in PROMPTS.items():
        script = [_answered(prompt.replace(*change)) for prompt in prompts]
        api = Api(script)
        with (
            http.Client(transport=api) as client,
            wire.capture(Case(id=f"{target}/{name}", target=target, inputs={})) as capture,
            suppress(LookupError),
        ):
            for said in script:
                api.left = [said]
                heard(client, said)
                asked += [] if api.left else [said.prompt]
        notes |= {name: capture.notes[0].message} if capture.notes else {}
    return notes, asked


@pytest.mark.parametrize(("old", "new"), [("helpful", "kind"), ("refund", "money"), ("Thank", "Greet")])
def test_one_word_concerns_the_cases_that_use_it(wire: ClaudeWire, folder: Path, old: str, new: str) -> None:
    """Replay fails for exactly these, with the difference; record asks for them alone, and touches no other file."""

    def files() -> dict[str, bytes]:
        return {path.stem: path.read_bytes() for path in (folder / new).glob("*.json")}

    wire.mode = "record"
    all_cases(wire, new, (old, old))
    before = files()
    concerned = {name for name, prompts in PROMPTS.items() if any(old in prompt for prompt in prompts)}

    wire.mode = "replay"
    notes, asked = all_cases(wire, new, (old, new))
    assert notes.keys() == concerned
    assert asked == []
    for message in notes.values():
        lines = [line.strip() for line in message.splitlines()]
        assert any(line.startswith("-") and old in line for line in lines)
        assert any(line.startswith("+") and new in line for line in lines)

    wire.mode = "record"
    notes, asked = all_cases(wire, new, (old, new))
    assert notes == {}
    assert asked == [p.replace(old, new) for prompts in PROMPTS.values() for p in prompts if old in p]
    assert {name for name, data in files().items() if before[name] != data} == concerned
    wire.mode = "replay"
    assert all_cases(wire, new, (old, new)) == ({}, [])
