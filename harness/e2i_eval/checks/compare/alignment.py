"""An alignment: two sequences of names side by side."""

from __future__ import annotations

import difflib
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["side_by_side"]

NEAR = 2
"""Agreeing names shown around a difference; more would hide it in a long run."""


def side_by_side(expected: Sequence[str], actual: Sequence[str]) -> str:
    """Return both sequences in two columns, ``-`` before what is missing and ``+`` before what is too much."""
    rows = list(_rows(expected, actual))
    width = max(len("expected"), *(len(left) for _, left, _ in rows)) if rows else 0
    lines = [f"  {'expected':<{width}}  ran"]
    shown_before = -1
    for at, (mark, left, right) in enumerate(rows):
        if all(each == " " for each, _, _ in rows[max(0, at - NEAR) : at + NEAR + 1]):
            continue
        lines += ["  …"] if at > shown_before + 1 else []
        lines.append(f"{mark} {left:<{width}}  {right}".rstrip())
        shown_before = at
    return "\n".join([*lines, *(["  …"] if shown_before < len(rows) - 1 else [])])


def _rows(expected: Sequence[str], actual: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    matcher = difflib.SequenceMatcher(None, expected, actual, autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            yield from ((" ", name, name) for name in expected[i:i_end])
            continue
        for left, right in zip_longest(expected[i:i_end], actual[j:j_end], fillvalue=""):
            yield "-" if left and not right else "+" if right and not left else "!", left, right
