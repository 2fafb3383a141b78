"""A value as text, and the difference of two texts, for a person."""

from __future__ import annotations

import difflib
import json
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["shown", "text_difference"]

SHOWN_LETTERS = 200
LONG_TEXT = 60
"""From this length on two texts are compared for the reader, word by word or line by line."""
CONTEXT_WORDS = 4


def shown(value: JsonValue) -> str:
    """Return ``value`` as JSON, shortened; a NaN or an infinity as YAML writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= SHOWN_LETTERS:
        return text
    return f"{text[:SHOWN_LETTERS]}… ({len(text)} letters)"


def text_difference(expected: JsonValue, actual: JsonValue) -> str | None:
    """Return the difference of two long texts; None when they are short, or not texts.

    Texts of several lines give a unified diff. Others give their words, ``[-expected-]`` and ``{+got+}``.
    """
    if not isinstance(expected, str) or not isinstance(actual, str) or max(len(expected), len(actual)) < LONG_TEXT:
        return None
    if "\n" in expected or "\n" in actual:
        return _by_lines(expected, actual)
    return _by_words(expected, actual)


def _by_lines(expected: str, actual: str) -> str:
    lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "got", lineterm="", n=1)
    return "\n".join(lines) or "they differ in their line ends only"


def _by_words(expected: str, actual: str) -> str:
    left, right = re.findall(r"\s+|\S+", expected), re.findall(r"\s+|\S+", actual)
    parts: list[str] = []
    for kind, i, i_end, j, j_end in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(_context(left[i:i_end], is_first=i == 0, is_last=i_end == len(left)))
            continue
        parts.append(f"[-{''.join(left[i:i_end])}-]" if i_end > i else "")
        parts.append(f"{{+{''.join(right[j:j_end])}+}}" if j_end > j else "")
    return "".join(parts)


def _context(words: list[str], *, is_first: bool, is_last: bool) -> str:
    """Return ``words``, all but the ones next to a change left out."""
    near = 2 * CONTEXT_WORDS  # the spaces between words are words here
    head = [] if is_first else words[:near]
    tail = [] if is_last else words[-near:]
    if len(words) <= len(head) + len(tail):
        return "".join(words)
    before = f"{''.join(head).rstrip()} " if head else ""
    after = f" {''.join(tail).lstrip()}" if tail else ""
    return f"{before}…{after}"
