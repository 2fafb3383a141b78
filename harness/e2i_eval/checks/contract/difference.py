"""How two texts differ, shown in a few lines however long they are."""

from __future__ import annotations

import difflib
from itertools import takewhile

__all__ = ["difference", "excerpt"]

SHORT_CHARS = 160
BEFORE_CHARS = 40
AFTER_CHARS = 100
DIFF_LINES = 8
LINE_CHARS = 140


def excerpt(text: str, at: int = 0) -> str:
    """Return ``text`` whole when it is short, else the part around character ``at``."""
    if len(text) <= SHORT_CHARS:
        return text
    start = max(0, at - BEFORE_CHARS)
    end = min(len(text), at + AFTER_CHARS)
    before, after = "..." if start else "", "..." if end < len(text) else ""
    return f"{before}{text[start:end]}{after} (characters {start} to {end} of {len(text)})"


def difference(expected: str, actual: str) -> tuple[str, str, str]:
    """Return excerpts of both around the first difference, and a unified diff there; no diff of short texts."""
    if len(expected) <= SHORT_CHARS and len(actual) <= SHORT_CHARS:
        return expected, actual, ""
    at = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(expected, actual, strict=False)))
    return excerpt(expected, at), excerpt(actual, at), _diff(expected, actual)


def _diff(expected: str, actual: str) -> str:
    wire, server = _lines(expected), _lines(actual)
    lines = list(difflib.unified_diff(wire, server, "wire", "server", n=1, lineterm=""))
    more = [f"... {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
    return "\n".join(lines[:DIFF_LINES] + more)


def _lines(text: str) -> list[str]:
    """Cut long lines, so that one changed word in a paragraph is not shown as two paragraphs."""
    return [line[at : at + LINE_CHARS] for line in text.splitlines() for at in range(0, len(line) or 1, LINE_CHARS)]
