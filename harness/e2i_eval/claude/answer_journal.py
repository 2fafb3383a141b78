"""The answer journal: every answer that was paid for, on disk before it reaches the program that asked.

A live run that was interrupted is answered from it when it is started again, so that nothing is paid for twice.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from e2i_eval.claude.cassette import Cassette, ExchangeRecorder, usage_of
from e2i_eval.claude.cassette.answer_of import answer_of, strings_of
from e2i_eval.claude.cassette.file import DAMAGE, entry_from_json, entry_to_json
from e2i_eval.claude.cassette_session import CassetteSession
from e2i_eval.claude.sse import Accumulator, decode_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.claude.cassette import CassetteEntry, Scrub
    from e2i_eval.claude.recording import Recording
    from e2i_eval.core.case import Case
    from e2i_eval.core.prices import PriceTable

__all__ = ["AnswerJournal"]

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
OK_STATUSES = range(200, 300)
LAST_EVENT = b'"message_stop"'
SUFFIX = ".jsonl"


class AnswerJournal:
    """The paid answers of an interrupted run and of this one, a file each time a case is run.

    Args:
        folder: where the files are.
        scrub: takes secrets out of what is kept; an answer in which one is left is not kept.
        key: distinguishes cases of one id that are not the same, e.g. since the file was changed.
    """

    def __init__(self, folder: Path, *, scrub: Scrub, key: Callable[[Case], str]) -> None:
        self._folder = folder
        self._scrub = scrub
        self._key = key
        self._lock = threading.Lock()
        self._turns: dict[str, int] = {}
        self._lost: list[str] = []

    @property
    def lost(self) -> tuple[str, ...]:
        """Why answers could not be kept, a sentence each."""
        return tuple(dict.fromkeys(self._lost))

    def begin(self, case_id: str, turn: int) -> None:
        """Say which time of running a case comes next, from 0; nobody needs to: otherwise it is one after the last."""
        with self._lock:
            self._turns[case_id] = turn

    def cassette_session(self, case: Case) -> CassetteSession:
        """Return what was answered when the case was run this time before, ready to be played and added to."""
        with self._lock:
            turn = self._turns.get(case.id, 0)
            self._turns[case.id] = turn + 1
        file = self._case_folder(case.id) / f"{self._key(case)}.{turn}{SUFFIX}"
        cassette = Cassette(case_id=case.id, recorded="", entries=tuple(_entries(file)))
        return _JournalSession(cassette, scrub=self._scrub, keep=lambda entry: self._keep(file, entry))

    def spent_usd(self, prices: PriceTable) -> float:
        """Return what the answers have cost; one whose price is not known counts nothing."""
        costs = [
            prices.cost_usd(str(entry.request.get("model", "")), usage)
            for file in sorted(self._folder.glob(f"*/*{SUFFIX}"))
            for entry in _entries(file)
            if (usage := usage_of(entry)) is not None
        ]
        return math.fsum(cost for cost in costs if cost is not None)

    def _case_folder(self, case_id: str) -> Path:
        return self._folder / hashlib.blake2b(case_id.encode("utf-8", "replace"), digest_size=12).hexdigest()

    def _keep(self, file: Path, entry: CassetteEntry) -> None:
        """Append an answer and see it to the disk."""
        if not _is_paid(entry) or self._has_secret(entry):
            return
        line = json.dumps(entry_to_json(entry)).encode() + b"\n"
        try:
            self._append(file, line)
        except OSError as error:  # raised here, the SDK would take it for the network's and pay once more
            self._lost.append(f"paid answers could not be kept in {file.parent}: {error.strerror or error}")

    def _append(self, file: Path, line: bytes) -> None:
        with self._lock:
            file.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
            try:
                os.write(handle, b"\n" + line)  # on a line of its own, whatever a killed process left unfinished
                os.fsync(handle)
            finally:
                os.close(handle)

    def _has_secret(self, entry: CassetteEntry) -> bool:
        texts = [
            json.dumps(entry_to_json(entry)),
            *strings_of(entry.request),
            *strings_of(dict(answer_of(entry) or {})),
        ]
        return any(self._scrub.left_in(text) for text in texts)


class _JournalSession(CassetteSession):
    """Plays paid answers, and keeps those that are paid for now."""

    def __init__(self, cassette: Cassette, *, scrub: Scrub, keep: Callable[[CassetteEntry], None]) -> None:
        super().__init__(cassette.case_id, cassette, scrub=scrub, takes_down=True)
        self._journal_scrub = scrub
        self._keep = keep

    def take_down(self, recording: Recording) -> ExchangeRecorder:
        """Return what takes a request's answer down."""
        return _JournalRecorder(
            request=self._journal_scrub.request(recording.request),
            kind=recording.kind,
            node=recording.origin.caller.node,
            attempt=recording.attempt,
            scrub=self._journal_scrub,
            keep=self._keep,
        )


class _JournalRecorder(ExchangeRecorder):
    """Ends with the last event of a stream, before that is handed on; a body without events ends by itself."""

    _tail = b""

    def received(self, piece: bytes, at_s: float) -> None:
        """Note a piece of the body."""
        super().received(piece, at_s)
        if not self._is_event_stream:
            return
        seen = self._tail + piece
        self._tail = seen[-len(LAST_EVENT) :]
        if LAST_EVENT in seen and _is_whole_stream(b"".join(each.data for each in self._pieces)):
            self.ended(at_s, None)


def _entries(file: Path) -> Iterator[CassetteEntry]:
    """Yield the answers of a file; a line that a killed process left unfinished is none."""
    with suppress(OSError):
        for line in file.read_bytes().splitlines():
            with suppress(*DAMAGE):
                if line:
                    yield entry_from_json(json.loads(line))


def _is_paid(entry: CassetteEntry) -> bool:
    """Tell whether an answer came to its end, which is when it can be used and is paid for."""
    if entry.kind != "messages" or entry.status not in OK_STATUSES or entry.error is not None:
        return False
    body = b"".join(piece.data for piece in entry.pieces)
    if entry.headers.get("content-type", "").startswith("text/event-stream"):
        return _is_whole_stream(body)
    return (answer_of(entry) or {}).get("type") == "message"


def _is_whole_stream(body: bytes) -> bool:
    try:
        stream = Accumulator(decode_events(body))
    except DAMAGE:
        return False
    return stream.complete and stream.error is None
