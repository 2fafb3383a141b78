"""A cassette file: what goes in comes out, and what is not one is said to be none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from e2i_eval.claude.cassette import (
    Cassette,
    CassetteEntry,
    CassetteError,
    EntryMatcher,
    Piece,
    Scrub,
    cassette_path,
    read_cassette,
    write_cassette,
)
from e2i_eval.claude.cassette.fingerprint import fingerprint
from e2i_eval.claude.cassette.recorder import ExchangeRecorder
from e2i_eval.claude.sse import encode_event, message_events

if TYPE_CHECKING:
    from pathlib import Path

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANY_TEXT = st.text(max_size=30)
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
REQUEST = {"model": "claude-opus-4-8", "max_tokens": 9, "messages": [{"role": "user", "content": "x\ny"}]}
BLOCK = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXT, "signature": TEXT}),
    st.fixed_dictionaries(
        {"type": st.just("tool_use"), "id": TEXT, "name": TEXT, "input": st.dictionaries(TEXT, JSON, max_size=3)}
    ),
)
USAGE = st.fixed_dictionaries({"input_tokens": st.integers(0), "output_tokens": st.integers(0)})


def taken_down(
    entry_request: dict[str, Any], pieces: list[bytes], kind: str, error: tuple[str, str] | None
) -> CassetteEntry:
    """Take down an answer that arrives in pieces."""
    kept: list[CassetteEntry] = []
    recorder = ExchangeRecorder(
        request=entry_request, kind="messages", node="plan", attempt=0, scrub=Scrub(), keep=kept.append
    )
    recorder.responded(200, {"content-type": kind}, is_event_stream=kind == "text/event-stream", decode=None)
    for piece in pieces:
        recorder.received(piece, 0.25)
    recorder.ended(0.5, error)
    recorder.ended(0.7, None)
    (entry,) = kept
    return entry


def through_file(tmp_path: Path, entry: CassetteEntry) -> CassetteEntry:
    """Write and read one entry."""
    path = tmp_path / "one.json"
    write_cassette(path, Cassette(case_id="a/b", recorded="2026-03-01", entries=(entry,)), Scrub())
    read = read_cassette(path, "a/b")
    assert read is not None
    assert read.recorded == "2026-03-01"
    return read.entries[0]


@FEW
@given(
    content=st.lists(BLOCK, max_size=3),
    usage=USAGE,
    keep=st.none() | st.integers(0, 12),
    cut=st.integers(1, 40),
    error=st.none() | st.tuples(st.sampled_from(["ReadError", "RemoteProtocolError"]), TEXT),
)
def test_streams_survive(
    tmp_path: Path,
    content: list[Any],
    usage: dict[str, int],
    keep: int | None,
    cut: int,
    error: tuple[str, str] | None,
) -> None:
    """Any blocks, usages and faults, cut anywhere by the network, come back byte for byte."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    data = b"".join(map(encode_event, list(message_events(message))[:keep]))
    entry = taken_down(REQUEST, [data[at : at + cut] for at in range(0, len(data), cut)], "text/event-stream", error)

    assert through_file(tmp_path, entry) == entry
    assert b"".join(piece.data for piece in entry.pieces) == data


@FEW
@given(
    request=st.dictionaries(ANY_TEXT, JSON, max_size=4),
    body=st.binary(max_size=60) | JSON.map(lambda each: json.dumps(each).encode()),
)
@example(request={"$lines": ["a\nb"], "$$": {"$lines": "x\ny"}}, body=b'{"$lines": ["a\\nb"]}')
@example(request={}, body=b'{"a": 1, "a": 2}')
@example(request={}, body=b'{"a": "\\ud800"}')
def test_bodies_survive(tmp_path: Path, request: Any, body: bytes) -> None:  # noqa: ANN401  JSON
    """Any request, and any body, be it JSON or not: the same document, or the same bytes."""
    entry = taken_down(request, [body] if body else [], "application/json", None)

    read = through_file(tmp_path, entry)

    assert read.request == request
    before, after = (b"".join(piece.data for piece in each.pieces) for each in (entry, read))
    try:
        assert after == before or json.loads(after) == json.loads(before)
    except ValueError:
        pytest.fail("other bytes")


@FEW
@given(data=st.binary(max_size=200))
@example(data=b"\xff\xfe")
@example(data=b"<<<<<<< HEAD\n{}\n=======\n")
@example(data=b"[" * 100_000)
@example(data=b'{"schema": 2}')
@example(data=b"")
def test_bytes_that_are_no_cassette(tmp_path: Path, data: bytes) -> None:
    """Whatever they are, they give one error that names the file and what to type."""
    path = tmp_path / "one.json"
    path.write_bytes(data)

    with pytest.raises(CassetteError) as caught:
        read_cassette(path, "a/b")

    assert str(path) in str(caught.value)
    assert "fix: " in str(caught.value)


@FEW
@given(
    entry=st.fixed_dictionaries(
        {},
        optional={
            "request": JSON | st.fixed_dictionaries({"messages": JSON, "system": JSON, "model": JSON}),
            "kind": JSON,
            "node": JSON,
            "attempt": JSON,
            "status": JSON | st.integers(100, 599),
            "headers": JSON,
            "body": JSON,
            "at_ms": JSON | st.integers(0, 9),
            "pieces": JSON | st.lists(st.fixed_dictionaries({"at_ms": st.integers(0, 9), "event": JSON})),
            "error": JSON,
            "took_ms": JSON | st.integers(0, 9),
        },
    ),
    recorded=JSON,
)
@example(entry={"request": {"messages": 5}, "took_ms": 1}, recorded="")
@example(entry={"request": {}, "took_ms": 1e999}, recorded="")
@example(entry={"request": {}, "took_ms": 1, "error": ["one"]}, recorded="")
@example(entry={"request": {}, "took_ms": 1, "headers": {"a": "ä"}}, recorded="")
def test_documents_of_another_form(tmp_path: Path, entry: Any, recorded: Any) -> None:  # noqa: ANN401  JSON
    """They give one error, or a cassette that can be used to its end."""
    path = tmp_path / "one.json"
    path.write_text(json.dumps({"schema": 1, "case": "a/b", "recorded": recorded, "entries": [entry]}))
    try:
        cassette = read_cassette(path, "a/b")
    except CassetteError:
        return

    assert cassette is not None
    player = EntryMatcher(cassette.entries)
    player.nearest(REQUEST, node=None)
    assert write_cassette(tmp_path / "again.json", cassette, Scrub()) in {True, False}


def test_a_double_key_is_no_document(tmp_path: Path) -> None:
    """What a document would not give again is kept as text."""
    body = b'{"a": 1, "a": 2}'

    read = through_file(tmp_path, taken_down(REQUEST, [body], "application/json", None))

    assert [piece.data for piece in read.pieces] == [body]


def test_the_file_of_another_case(tmp_path: Path) -> None:
    """A cassette copied by hand is not taken for the case's own."""
    path = tmp_path / "one.json"
    write_cassette(path, Cassette(case_id="a/b", recorded="2026-03-01"), Scrub())

    with pytest.raises(CassetteError, match="belongs to case 'a/b'"):
        read_cassette(path, "a/c")


@pytest.mark.parametrize(
    "case_id", ["../../etc/passwd", "a/../../b", "/root/x", "a/.hidden", "a//b", "a/" + "ü" * 300, ""]
)
def test_a_cassette_stays_in_its_folder(tmp_path: Path, case_id: str) -> None:
    """Whatever the id holds."""
    path = cassette_path(tmp_path, case_id)

    assert path.resolve().is_relative_to(tmp_path.resolve())
    assert len(path.name.encode()) < 200
    assert path.suffix == ".json"


def test_long_names_stay_apart(tmp_path: Path) -> None:
    """Names that are cut do not become one."""
    assert cassette_path(tmp_path, "a/" + "x" * 300) != cassette_path(tmp_path, "a/" + "x" * 301)


def test_a_prompt_is_a_line_a_line(tmp_path: Path) -> None:
    """So that a review shows the sentence that changed."""
    path = tmp_path / "one.json"
    write_cassette(
        path, Cassette(case_id="a/b", recorded="2026-03-01", entries=(CassetteEntry(request=REQUEST),)), Scrub()
    )

    lines = [line.strip() for line in path.read_text().splitlines()]
    assert '"x",' in lines
    assert '"y"' in lines


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """It is said which, and nothing is left."""
    (tmp_path / "a").write_text("in the way")

    with pytest.raises(CassetteError, match="cannot be written"):
        write_cassette(tmp_path / "a" / "b.json", Cassette(case_id="a/b", recorded=""), Scrub())


WRITER = """
import sys
from pathlib import Path
from e2i_eval.claude.cassette import Cassette, Entry, Piece, Scrub, write_cassette
print("ready", flush=True)
for number in range(10**6):
    pieces = (Piece(at_ms=number, data=b"x" * 200_000),)
    entry = Entry(request={"n": number}, status=200, pieces=pieces)
    write_cassette(Path(sys.argv[1]), Cassette(case_id="a/b", recorded=str(number), entries=(entry,)), Scrub())
"""


@pytest.mark.parametrize("after_s", [0.02, 0.05, 0.11])
def test_a_killed_writer_leaves_the_old_or_the_new(tmp_path: Path, after_s: float) -> None:
    """SIGKILL in the middle of writing never leaves half a file."""
    path = tmp_path / "b.json"
    write_cassette(path, Cassette(case_id="a/b", recorded="before"), Scrub())
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(after_s)
        os.kill(writer.pid, signal.SIGKILL)

    assert read_cassette(path, "a/b") is not None


def test_what_changes_from_run_to_run_is_no_difference() -> None:
    """Ids of tool calls, UUIDs and instants are; order of ids, dates and every other word count."""

    def asked(text: str) -> str:
        return fingerprint({"messages": [{"role": "user", "content": text}], "metadata": {"user_id": text}})

    first = "toolu_1 toolu_2 toolu_1 at 2026-03-01T10:00:00Z 123e4567-e89b-12d3-a456-426614174000"
    again = "toolu_8 toolu_9 toolu_8 at 2026-03-02T11:00:00Z 223e4567-e89b-12d3-a456-426614174000"
    assert asked(first) == asked(again)
    assert asked("toolu_1 toolu_2 toolu_1") != asked("toolu_1 toolu_2 toolu_2")
    assert asked("on 2026-03-01") != asked("on 2026-03-02")
    assert asked("one") != asked("two")


def test_the_entry_of_the_same_node_and_attempt_comes_first() -> None:
    """Of entries that ask the same."""
    entries = [
        CassetteEntry(request=REQUEST, node="a", attempt=0, took_ms=1),
        CassetteEntry(request=REQUEST, node="b", attempt=1, took_ms=2),
        CassetteEntry(request=REQUEST, node="b", attempt=0, took_ms=3, pieces=(Piece(at_ms=1, data=b"x"),)),
    ]
    player = EntryMatcher(entries)

    taken = [player.take(REQUEST, kind="messages", node="b", attempt=number) for number in (0, 1, 2, 3)]

    assert [each and each[1].took_ms for each in taken] == [3, 2, 1, None]
    assert player.take(REQUEST, kind="count_tokens", node="a", attempt=0) is None
