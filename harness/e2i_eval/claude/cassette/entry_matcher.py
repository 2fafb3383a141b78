"""The player: finds the entry that answers a request, each entry once."""

from __future__ import annotations

import difflib
import threading
from typing import TYPE_CHECKING

from e2i_eval.claude.cassette.fingerprint import fingerprint
from e2i_eval.claude.prompt import prompt_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.claude.cassette.entry import CassetteEntry
    from e2i_eval.core.exchange import ExchangeKind
    from e2i_eval.core.json_value import JsonObject

__all__ = ["EntryMatcher"]

COMPARED_CHARS = 20_000
"""Longer prompts are compared by their beginnings: difflib is quadratic."""


class EntryMatcher:
    """The entries of one case, each of which answers one request that asks the same.

    Of several that fit, one of the same node and attempt comes first, then one of the same node, then the first.
    """

    def __init__(self, entries: Sequence[CassetteEntry] = ()) -> None:
        self._entries = tuple(entries)
        self._prints = tuple(fingerprint(entry.request) for entry in entries)
        self._left = list(range(len(entries)))
        self._lock = threading.Lock()

    def take(
        self, request: JsonObject, *, kind: ExchangeKind, node: str | None, attempt: int
    ) -> tuple[int, CassetteEntry] | None:
        """Take the entry that answers ``request`` (without secrets) and its position; None when none does."""
        asked = fingerprint(request)

        def distance(position: int) -> tuple[bool, bool, int]:
            entry = self._entries[position]
            return entry.node != node, entry.attempt != attempt, position

        with self._lock:
            fitting = [p for p in self._left if self._prints[p] == asked and self._entries[p].kind == kind]
            if not fitting:
                return None
            position = min(fitting, key=distance)
            self._left.remove(position)
        return position, self._entries[position]

    @property
    def unused(self) -> tuple[CassetteEntry, ...]:
        """The entries that answered nothing yet."""
        with self._lock:
            return tuple(self._entries[position] for position in self._left)

    def nearest(self, request: JsonObject, *, node: str | None) -> CassetteEntry | None:
        """Return the unused entry that asks most like ``request``, of the same node when there is one."""
        unused = self.unused
        candidates = [entry for entry in unused if entry.node == node] or unused
        prompt = prompt_text(request)[:COMPARED_CHARS]
        return max(candidates, key=lambda entry: _likeness(prompt, entry), default=None)


def _likeness(prompt: str, entry: CassetteEntry) -> float:
    other = prompt_text(entry.request)[:COMPARED_CHARS]
    return difflib.SequenceMatcher(None, prompt.splitlines(), other.splitlines(), autojunk=False).ratio()
