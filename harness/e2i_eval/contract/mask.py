"""Secrets: what they look like, and how a text is shown without them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["PATTERNS", "Mask", "mask", "secrets_in"]

Mask: TypeAlias = Callable[[str], str]
"""From a text to the same text with secrets made unreadable."""

PATTERNS: Mapping[str, str] = {
    "API key": r"sk-ant-[A-Za-z0-9_-]{8,}",
    # A digit is asked for: "bearer of the report" and "Authorization: pending" are plain words in this field.
    "bearer token": r"(?i)\bbearer\s+(?=[^\s\"']*\d)[A-Za-z0-9._~+/-]{12,}=*",
    "basic credentials": r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?basic\s+[A-Za-z0-9+/]{8,}=*",
    "x-api-key header": r"(?i)\bx-api-key[\"']?\s*[:=,]\s*[\"']?(?=[^\s\"']*\d)[A-Za-z0-9._~+/-]{12,}",
}
"""What credentials look like, by the name shown in a finding."""

SHOWN_CHARS = 4
SHORTEST_SECRET = 4
"""Shorter values would be found in half of all texts."""


def secrets_in(text: str, secrets: Iterable[str], patterns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield kind and value of every secret in ``text``; a known value is found once, as what it is."""
    known = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET and secret in text]
    yield from (("known secret", secret) for secret in known)
    for kind, pattern in patterns.items():
        for match in re.finditer(pattern, text):
            if not any(secret in match.group() for secret in known):
                yield kind, match.group()


def mask(secrets: Iterable[str], patterns: Mapping[str, str]) -> Mask:
    """Return a function that masks ``secrets`` and all that looks like ``patterns``."""
    kept = tuple(secrets)

    def masked(text: str) -> str:
        found = {value for _, value in secrets_in(text, kept, patterns)}
        for value in sorted(found, key=len, reverse=True):
            text = text.replace(value, _hidden(value))
        return text

    return masked


def _hidden(value: str) -> str:
    """Keep as much as a person needs to tell which key it is, and never more than a quarter."""
    return f"{value[: min(SHOWN_CHARS, len(value) // 4)]}...({len(value)} characters masked)"
