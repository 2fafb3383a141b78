"""Foreign text inside Markdown: shown as it is, never obeyed.

Case ids, prompts and answers of a model end in a comment that a bot writes under the team's name.
There they must not make links, images, HTML, mentions of people, references to issues, or table cells.
"""

from __future__ import annotations

import re

__all__ = ["block", "code", "prose", "shortened"]

SPECIAL = re.compile(r"([\\`*_{}\[\]()#!~$^]|^[+-])")
ACTIVE = re.compile(r"(@|#|:(?=//)|\bwww(?=\.)|\bGH(?=-))", re.IGNORECASE)
"""What GitHub turns into a mention, a reference or a link even without Markdown: ``@team``, ``#12``, ``https:``."""

FIGURE = re.compile(r"(?:[-+−]?[\d.,/%()\[\] →]|\bms\b|\bof\b)*")  # noqa: RUF001  a minus as typeset
"""A number with its interval and unit: nothing in it means anything in Markdown, but for ``](``."""

INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those that reorder text on the screen, and halves of pairs that no file can hold."""

BREAK = "\u200b"
"""A space without width: keeps words as they look and breaks what would be linked."""


def prose(text: str) -> str:
    """Return ``text`` as plain words on one line."""
    line = " ".join(_visible(text).split())
    if FIGURE.fullmatch(line) and "](" not in line:
        return line
    broken = ACTIVE.sub(rf"\1{BREAK}", line)
    escaped = SPECIAL.sub(r"\\\1", broken)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Return ``text`` as a code span on one line."""
    line = " ".join(_visible(text).split()) or " "
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def block(text: str, language: str = "") -> str:
    """Return ``text`` as a fenced block that nothing inside can close."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{_visible(text).rstrip()}\n{fence}"


def shortened(text: str, most_chars: int) -> str:
    """Return ``text``, cut with a word about it when it is longer than ``most_chars``."""
    if len(text) <= most_chars:
        return text
    return f"{text[:most_chars]}… ({len(text) - most_chars:,} more characters)"


def _visible(text: str) -> str:
    return INVISIBLE.sub("�", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
