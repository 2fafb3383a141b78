"""Secrets: what they look like, and how a text is shown without them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["PATTERNS", "Mask", "SecretSearch", "mask"]

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

CUES: Mapping[str, str] = {
    PATTERNS["API key"]: "sk-ant-",
    PATTERNS["bearer token"]: "bearer",
    PATTERNS["basic credentials"]: "author",
    PATTERNS["x-api-key header"]: "x-ap",
}
"""By pattern: what the lower-case form of every text it matches contains; to look for it is far cheaper.

Those of ``(?i)`` are without i, k and s, for which it also takes letters that are others in lower case (U+017F for s).
"""
ANY_TEXT = ""

SHOWN_CHARS = 4
SHORTEST_SECRET = 4
"""Shorter values would be found in half of all texts."""


class SecretSearch:
    """Searches texts for secrets; a text that recurs, as an agent's state does in every node, is searched once.

    Args:
        secrets: known values.
        patterns: regular expressions of what a secret looks like, by the kind shown in a finding.
    """

    def __init__(self, secrets: Iterable[str], patterns: Mapping[str, str]) -> None:
        self._secrets = tuple(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)
        self._patterns = tuple(
            (kind, CUES.get(pattern, ANY_TEXT), re.compile(pattern)) for kind, pattern in patterns.items()
        )
        self._seen: dict[str, tuple[tuple[str, str], ...]] = {}

    def found_in(self, text: str) -> tuple[tuple[str, str], ...]:
        """Return kind and value of every secret in ``text``; a known value is found once, as what it is."""
        found = self._seen.get(text)
        if found is None:
            found = self._seen[text] = tuple(self._search(text))
        return found

    def _search(self, text: str) -> Iterator[tuple[str, str]]:
        known = [secret for secret in self._secrets if secret in text]
        yield from (("known secret", secret) for secret in known)
        lower = text.lower()
        for kind, cue, pattern in self._patterns:
            if cue in lower:
                values = (match.group() for match in pattern.finditer(text))
                yield from ((kind, value) for value in values if not any(secret in value for secret in known))


def mask(secrets: Iterable[str], patterns: Mapping[str, str]) -> Mask:
    """Return a function that masks ``secrets`` and all that looks like ``patterns``."""
    kept = tuple(secrets)

    def masked(text: str) -> str:
        found = {value for _, value in SecretSearch(kept, patterns).found_in(text)}
        for value in sorted(found, key=len, reverse=True):
            text = text.replace(value, _hidden(value))
        return text

    return masked


def _hidden(value: str) -> str:
    """Keep as much as a person needs to recognise the key, and never more than a quarter."""
    return f"{value[: min(SHOWN_CHARS, len(value) // 4)]}...({len(value)} characters masked)"
