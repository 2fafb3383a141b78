"""The nearest known word: what a person who mistyped most likely meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest", "quoted", "suggested"]

CLOSE_ENOUGH = 0.6
"""Share of letters in common from which a guess helps more than it misleads (difflib's own default)."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``, did you mean 'x'?`` for the nearest of ``known``; empty when none is near."""
    found = nearest(word, known, count=1)
    return f", did you mean '{found[0]}'?" if found else ""


def suggested(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return what to type in place of ``word``: ``did you mean 'x'?``, or else ``otherwise``."""
    found = nearest(word, known, count=1)
    return f"did you mean {found[0]!r}?" if found else otherwise


def nearest(word: str, known: Iterable[str], *, count: int) -> tuple[str, ...]:
    """Return at most ``count`` of ``known`` that resemble ``word``, the nearest first; case does not count."""
    spelled = {each.lower(): each for each in known}
    close = difflib.get_close_matches(word.lower(), spelled, n=count, cutoff=CLOSE_ENOUGH)
    return tuple(spelled[each] for each in close)


def quoted(words: Iterable[str]) -> str:
    """Return ``'a', 'b'``; the word ``none`` for an empty list."""
    return ", ".join(f"'{word}'" for word in words) or "none"
