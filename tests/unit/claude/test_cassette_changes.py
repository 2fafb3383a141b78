"""What happens when the program asks something else than was recorded."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from e2i_eval.claude import CassetteStore, ClaudeWire, UsageLog, usage_notes
from e2i_eval.claude.cassette import CassetteError
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.prices import PriceTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from e2i_eval.claude import Capture
    from e2i_eval.core.case import Case

MODEL = "claude-sonnet-5-5"
KEY = "sk-ant-the-key-that-pays-1234567890"
PLANTED = "correct-horse-battery"


class Echo(BaseHTTPRequestHandler):
    """Answers with the last question, and counts."""

    def do_POST(self) -> None:
        """Answer one request."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(request["messages"][-1]["content"])  # type: ignore[attr-defined]
        number = len(self.server.asked)  # type: ignore[attr-defined]
        text = f"re: {request['messages'][-1]['content']} {number}"
        body = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": request["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 1000},
        }
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-secret-of-the-house", KEY)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Keep the screen to pytest."""


@pytest.fixture
def claude() -> Iterator[Any]:
    """A server that answers anything, with ``asked`` and ``url``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.asked = []  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def play(tmp_path: Path, claude: Any, make_case: Callable[..., Case]) -> Callable[..., tuple[Capture, list[str]]]:  # noqa: ANN401
    """Runs a case that asks questions, in a mode; returns its tape and what it heard."""

    def run(mode: Any, questions: Sequence[str], *, name: str = "refund") -> tuple[Capture, list[str]]:  # noqa: ANN401
        heard: list[str] = []
        cassette_store = CassetteStore(
            tmp_path, prices=PriceTable.load(), usage_log=UsageLog(tmp_path), secrets=(PLANTED, KEY)
        )
        wire = ClaudeWire(mode=mode, environ=os.environ, clock=SystemClock(), cassette_store=cassette_store)
        wire.start()
        try:
            with wire.capture(make_case(name=name)) as capture, suppress(LookupError):
                for question in questions:
                    heard.append(ask(claude.url, question))  # noqa: PERF401  what came before a miss is kept
        finally:
            wire.stop()
        return capture, heard

    return run


def ask(url: str, question: str) -> str:
    """Ask one question."""
    with anthropic.Anthropic(base_url=url, api_key=KEY) as client:
        messages: Any = [{"role": "user", "content": question}]
        return str(client.messages.create(model=MODEL, max_tokens=64, messages=messages).content[0].text)  # type: ignore[union-attr]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The cassette of the case."""
    return tmp_path / "support" / "refund.json"


def entries(file: Path) -> list[str]:
    """The entries as the file spells them."""
    return [json.dumps(entry) for entry in json.loads(file.read_text())["entries"]]


def test_a_changed_word_is_a_miss_with_the_difference(play: Callable[..., Any]) -> None:
    """Never an old answer: the miss names call, recording, old and new line, and the command."""
    play("record", ["where is it?\nIn Köln."])

    capture, heard = play("replay", ["where was it?\nIn Köln."])

    assert heard == []
    (note,) = capture.notes
    assert note.kind == "miss"
    lines = [line.strip() for line in note.message.splitlines()]
    assert lines[0].startswith(f"call 1 (code outside any node) of {MODEL} was not recorded like this")
    assert "-where is it?" in lines
    assert "+where was it?" in lines
    assert "--e2i-claude=record" in lines[-1]
    assert "'support/refund'" in lines[-1]


def test_only_what_changed_is_recorded_anew(play: Callable[..., Any], file: Path, claude: Any) -> None:  # noqa: ANN401
    """The other entries stay as they are, byte for byte, and are not asked for."""
    play("record", ["one", "two", "three"])
    before = entries(file)

    capture, heard = play("record", ["one", "zwei", "three"])

    assert claude.asked == ["one", "two", "three", "zwei"]
    assert heard == ["re: one 1", "re: zwei 4", "re: three 3"]
    assert [each.source for each in capture.exchanges] == ["cassette", "api", "cassette"]
    after = entries(file)
    assert [after[0], after[2]] == [before[0], before[2]]
    assert '"zwei"' in after[1]
    assert play("replay", ["one", "zwei", "three"])[0].notes == ()


def test_recording_what_did_not_change_touches_nothing(play: Callable[..., Any], file: Path, claude: Any) -> None:  # noqa: ANN401
    """Same bytes, same time of writing, no request, no file left beside it."""
    play("record", ["one", "two"])
    before = (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino)

    play("record", ["one", "two"])

    assert (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_ino) == before
    assert claude.asked == ["one", "two"]
    assert list(file.parent.iterdir()) == [file]


def test_a_parameter_is_part_of_the_question(play: Callable[..., Any], file: Path) -> None:
    """With the same prompt and another limit, the difference is the limit."""
    play("record", ["one"])
    data = json.loads(file.read_text())
    data["entries"][0]["request"]["max_tokens"] = 65
    file.write_text(json.dumps(data))

    capture, _ = play("replay", ["one"])

    assert "max_tokens: 65 -> 64" in capture.notes[0].message


def test_what_nobody_asks_for_is_left_over(play: Callable[..., Any], file: Path) -> None:
    """In replay it is a finding; in record it goes, once the case came to its end."""
    play("record", ["one", "two"])

    capture, heard = play("replay", ["one"])

    assert heard == ["re: one 1"]
    assert [(note.kind, "'two'" in note.message) for note in capture.notes] == [("leftover", True)]
    play("record", ["one"])
    assert len(entries(file)) == 1


def test_an_answer_is_used_once(play: Callable[..., Any]) -> None:
    """A question asked more often than it was recorded is a miss."""
    play("record", ["one"])

    capture, heard = play("replay", ["one", "one"])

    assert heard == ["re: one 1"]
    assert "used up" in capture.notes[0].message


def test_a_case_without_a_cassette(play: Callable[..., Any], tmp_path: Path) -> None:
    """It is a miss, and nothing is written; a case that asks nothing needs none."""
    capture, _ = play("replay", ["one"])

    assert "nothing was recorded for this case" in capture.notes[0].message
    assert play("replay", [], name="idle")[0].notes == ()
    assert play("record", [], name="idle")[0].notes == ()
    assert not (tmp_path / "support").exists()


def test_an_unreadable_cassette_is_one_error(play: Callable[..., Any], file: Path, claude: Any) -> None:  # noqa: ANN401
    """In replay and in record, where it is not overwritten."""
    file.parent.mkdir()
    file.write_text("{")

    for mode in ("replay", "record"):
        with pytest.raises(CassetteError, match="no JSON"):
            play(mode, ["one"])
    assert file.read_text() == "{"
    assert claude.asked == []


def test_an_interrupted_case_loses_nothing(
    play: Callable[..., Any], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid for before Ctrl-C is kept, and so is what had not been asked for yet."""
    play("record", ["one", "two"])
    real = ask

    def interrupted(url: str, question: str) -> str:
        if question == "stop":
            raise KeyboardInterrupt
        return real(url, question)

    monkeypatch.setitem(globals(), "ask", interrupted)

    with pytest.raises(KeyboardInterrupt):
        play("record", ["one", "new", "stop"])

    asked = [json.loads(entry)["request"]["messages"][0]["content"] for entry in entries(file)]
    assert asked == ["one", "new", "two"]


def test_no_secret_is_kept(play: Callable[..., Any], file: Path) -> None:
    """Neither the key of the client nor what the prompt and the answer hold; replay finds the entry all the same."""
    question = f"use {PLANTED} and sk-ant-another-one-12345678"

    _, recorded = play("record", [question])
    capture, replayed = play("replay", [question])

    text = file.read_text()
    assert [each for each in (KEY, PLANTED, "sk-ant-another", "house") if each in text] == []
    assert capture.notes == ()
    assert "masked" in replayed[0]
    assert replayed != recorded


def test_a_secret_that_cannot_be_taken_out_keeps_the_file_from_being_written(
    tmp_path: Path,
    server: Any,  # noqa: ANN401  conftest's class
    reply: Any,  # noqa: ANN401  as above
    make_case: Callable[..., Case],
) -> None:
    """A secret cut in pieces by a stream is found when the answer is put together."""
    deltas = [PLANTED[:7], PLANTED[7:]]
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": delta}}
            for delta in deltas
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_stop"},
    ]
    pieces = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]
    server.replies.append({True: reply(pieces=pieces, headers={"content-type": "text/event-stream"})})
    cassette_store = CassetteStore(tmp_path, prices=PriceTable.load(), secrets=(PLANTED,))
    wire = ClaudeWire(mode="record", environ=os.environ, clock=SystemClock(), cassette_store=cassette_store)
    wire.start()
    messages: Any = [{"role": "user", "content": "?"}]
    with (
        wire.capture(make_case()) as capture,
        anthropic.Anthropic(base_url=server.url, api_key="k") as client,
        client.messages.stream(model=MODEL, max_tokens=64, messages=messages) as stream,
    ):
        stream.until_done()
    wire.stop()

    (note,) = capture.notes
    assert note.kind == "cassette"
    assert "there is a secret in it (known secret)" in note.message
    assert PLANTED not in note.message
    assert not (tmp_path / "support").exists()


def test_threads_and_cases_are_kept_apart(
    tmp_path: Path,
    claude: Any,  # noqa: ANN401  the server
    make_case: Callable[..., Case],
) -> None:
    """Eight cases with four parallel branches each, recorded and replayed, mix nothing up; the file stays."""

    def run(wire: ClaudeWire, number: int) -> tuple[list[str], tuple[Any, ...]]:
        with wire.capture(make_case(name=f"case-{number}")) as capture, ThreadPoolExecutor(4) as pool:
            contexts = [copy_context() for _ in range(4)]
            questions = [f"case {number} branch {index % 2}" for index in range(4)]
            futures = [
                pool.submit(context.run, ask, claude.url, question)
                for context, question in zip(contexts, questions, strict=True)
            ]
            heard = sorted(future.result() for future in futures)
        return heard, capture.notes

    results = []
    for mode in ("record", "replay", "record"):
        cassette_store = CassetteStore(tmp_path, prices=PriceTable.load())
        wire = ClaudeWire(mode=mode, environ=os.environ, clock=SystemClock(), cassette_store=cassette_store)
        wire.start()
        with ThreadPoolExecutor(8) as pool:
            results.append(list(pool.map(lambda number, wire=wire: run(wire, number), range(8))))
        wire.stop()

    assert results[0] == results[1] == results[2]
    assert len(claude.asked) == 32
    assert all(notes == () for heard, notes in results[0])
    for number, (heard, _) in enumerate(results[0]):
        assert all(text.startswith(f"re: case {number} ") for text in heard)


def test_the_ledger_says_what_recording_will_cost(play: Callable[..., Any], tmp_path: Path) -> None:
    """How old the recordings are, how many requests changed, of which cases, and about what it costs."""
    play("record", ["one", "two", "three"])
    play("record", ["one"], name="other")
    (tmp_path / "cassettes.jsonl").unlink()
    play("replay", ["one"], name="other")
    play("replay", ["one", "zwei", "three"])

    age, stale = usage_notes(UsageLog(tmp_path).lines())

    assert age.startswith("oldest of 2 cassettes: 2")
    assert age.endswith(f"recorded with {MODEL}")
    assert stale.startswith("1 request changed or new, 1 of 4 recorded ones not asked for: support/refund; ")
    assert "about 0.02 USD" in stale
    assert stale.endswith("-k 'support/refund'")


def test_a_stray_request_is_never_paid_for(tmp_path: Path, claude: Any) -> None:  # noqa: ANN401
    """Outside every case there is no cassette to keep it in."""
    wire = ClaudeWire(
        mode="record",
        environ=os.environ,
        clock=SystemClock(),
        cassette_store=CassetteStore(tmp_path, prices=PriceTable.load()),
    )
    wire.start()
    with pytest.raises(LookupError, match="while no case was running"):
        ask(claude.url, "one")
    wire.stop()

    assert claude.asked == []
    assert wire.notes[0].kind == "miss"
