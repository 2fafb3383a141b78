"""A cassette session: the cassette of one case while the case runs; it answers, and in record mode it records."""

from __future__ import annotations

import difflib
import threading
from textwrap import shorten
from typing import TYPE_CHECKING

from e2i_eval.claude.cassette import Cassette, EntryMatcher, ExchangeRecorder
from e2i_eval.claude.prompt import prompt_text

if TYPE_CHECKING:
    from e2i_eval.claude.cassette import CassetteEntry, Scrub
    from e2i_eval.claude.recording import Recording
    from e2i_eval.core.json_value import JsonObject

__all__ = ["CassetteSession"]

MAX_DIFF_LINES = 40
MAX_DIFF_CHARS = 20_000
MAX_PROMPT_CHARS = 60
INTERRUPTIONS = frozenset({"KeyboardInterrupt", "SystemExit", "GeneratorExit"})
"""Errors of this process, which say nothing about what the other side answers."""


class CassetteSession:
    """Replays what was recorded and, when it may, records what was not.

    Args:
        case_id: the case.
        cassette: what was recorded before; None when nothing was.
        scrub: takes secrets out of what is compared and kept.
        takes_down: record mode: a request without an entry goes to Claude.
        is_paced: a replayed body comes at its recorded times.
    """

    def __init__(
        self,
        case_id: str,
        cassette: Cassette | None,
        *,
        scrub: Scrub,
        takes_down: bool,
        is_paced: bool = False,
    ) -> None:
        self.case_id = case_id
        self.cassette = cassette
        self.takes_down = takes_down
        self.is_paced = is_paced
        self._scrub = scrub
        self._player = EntryMatcher(cassette.entries if cassette else ())
        self._lock = threading.Lock()
        self._played: dict[int, tuple[int, CassetteEntry]] = {}
        self._taken: dict[int, CassetteEntry] = {}
        self._changed: list[tuple[JsonObject, CassetteEntry | None]] = []

    def play(self, recording: Recording) -> CassetteEntry | None:
        """Take the entry that answers a request; None when there is none."""
        found = self._player.take(
            self._scrub.request(recording.request),
            kind=recording.kind,
            node=recording.origin.caller.node,
            attempt=recording.attempt,
        )
        if found is None:
            return None
        with self._lock:
            self._played[recording.index] = found
        return found[1]

    def take_down(self, recording: Recording) -> ExchangeRecorder:
        """Return what records a request's answer."""

        def keep(entry: CassetteEntry) -> None:
            if entry.error is None or entry.error[0] not in INTERRUPTIONS:
                with self._lock:
                    self._taken[recording.index] = entry

        return ExchangeRecorder(
            request=self._scrub.request(recording.request),
            kind=recording.kind,
            node=recording.origin.caller.node,
            attempt=recording.attempt,
            scrub=self._scrub,
            keep=keep,
        )

    @property
    def taken(self) -> tuple[CassetteEntry, ...]:
        """What was recorded in this run, in order of the requests."""
        with self._lock:
            return tuple(self._taken[index] for index in sorted(self._taken))

    @property
    def changed(self) -> tuple[tuple[JsonObject, CassetteEntry | None], ...]:
        """The requests that no entry answers, without secrets, each with the unused entry that asks most like it."""
        with self._lock:
            return tuple(self._changed)

    @property
    def unused(self) -> tuple[CassetteEntry, ...]:
        """Entries that answered nothing."""
        return self._player.unused

    @property
    def unreached(self) -> tuple[CassetteEntry, ...]:
        """Entries that answered nothing, without those that a changed request stands for."""
        nearest = [entry for _, entry in self.changed]
        return tuple(entry for entry in self.unused if not any(entry is each for each in nearest))

    @property
    def unreached_at(self) -> tuple[int, ...]:
        """The positions of :attr:`unreached` in the cassette."""
        entries, gone = (self.cassette.entries if self.cassette else ()), self.unreached
        return tuple(at for at, entry in enumerate(entries) if any(entry is each for each in gone))

    def recorded_now(self, *, today: str, is_whole: bool) -> Cassette | None:
        """Return the cassette of the case as it is now; None when it needs no writing.

        What was replayed keeps its order among itself: parallel branches ask in another order in every run.

        Args:
            today: the day, ISO 8601.
            is_whole: the case came to its end, so an entry that nobody asked for is gone for good.
        """
        with self._lock:
            played, taken = dict(self._played), dict(self._taken)
        unused = self.unused
        if not taken and (not is_whole or not unused):
            return None
        kept = iter(entry for _, entry in sorted(played.values(), key=lambda each: each[0]))
        now = [next(kept) if index in played else taken[index] for index in sorted({*played, *taken})]
        entries = (*now, *(() if is_whole else unused))
        recorded = today if taken or self.cassette is None else self.cassette.recorded
        return Cassette(case_id=self.case_id, recorded=recorded, entries=entries)

    def explain(self, recording: Recording) -> str:
        """Note that nothing answers a request, and return why, with the nearest prompt that was recorded."""
        exchange = recording.exchange
        asked = self._scrub.request(recording.request)
        nearest = self._player.nearest(asked, node=recording.origin.caller.node)
        with self._lock:
            self._changed.append((asked, nearest))
        fix = f"  fix: pytest --e2i-eval --e2i-claude=record --e2i-max-cost=USD -k '{self.case_id}'"
        model = exchange.model or "no model"
        if self.cassette is None:
            return f"nothing was recorded for this case, and {exchange} asks {model}\n{fix}"
        head = f"{exchange} of {model} was not recorded like this"
        if nearest is None:
            return f"{head}: every answer recorded on {self.cassette.recorded} is used up\n{fix}"
        lines = [f"{head}; against the nearest one recorded on {self.cassette.recorded}:", *_diff(nearest, asked), fix]
        return "\n".join(lines)

    def left_over(self) -> str:
        """Return what nobody asked for, as a sentence; empty when all was."""
        said = [_entry_text(entry) for entry in self.unreached]
        if not said:
            return ""
        answers = "answer was" if len(said) == 1 else "answers were"
        return f"{len(said)} recorded {answers} not asked for: {'; '.join(said)}"


def _entry_text(entry: CassetteEntry) -> str:
    where = f"node {entry.node!r}" if entry.node else "code outside any node"
    prompt = " ".join(prompt_text(entry.request).split())
    return f"{where}, {shorten(prompt, MAX_PROMPT_CHARS, placeholder='...')!r}"


def _diff(entry: CassetteEntry, asked: JsonObject) -> list[str]:
    old, new = (prompt_text(request)[:MAX_DIFF_CHARS].splitlines() for request in (entry.request, asked))
    lines = list(difflib.unified_diff(old, new, "recorded prompt", "prompt now", lineterm="", n=1))
    if not lines:
        lines = [f"{name}: {entry.request.get(name)!r} -> {asked.get(name)!r}" for name in _changed(entry, asked)]
    shown = lines[:MAX_DIFF_LINES]
    hidden = [f"... {len(lines) - len(shown)} more lines"] if len(lines) > len(shown) else []
    return [f"    {line}" for line in (*shown, *hidden)]


def _changed(entry: CassetteEntry, asked: JsonObject) -> list[str]:
    return [name for name in {**entry.request, **asked} if entry.request.get(name) != asked.get(name)]
