"""Personal data and secrets: what must not get from production into a repository, and what stands in its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from e2i_eval.core.redaction import PATTERNS, SecretSearch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from e2i_eval.core.json_value import JsonValue

__all__ = ["PERSONAL", "Pseudonyms", "secret_kinds"]

PERSONAL: Mapping[str, str] = {
    "e-mail address": r"(?i)\b[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}\b",
    "phone number": r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{2,4})[ .-]\d{3,4}[ .-]\d{4}(?![\w-]|\.\d)"
    r"|(?<![\w.])\+\d{8,15}(?!\w)",
    "patient number": r"(?i)\b(?:patient|subject)[ _-]?(?:id|no|number|nr)\b[\"']?[\s:#=]*[\"']?[A-Z]{0,4}-?\d{3,}\b",
    "medical record number": r"(?i)\bMRN\b[\s:#=]*[A-Z]{0,3}-?\d{5,}\b",
    "national provider identifier": r"(?i)\bNPI\b[\s:#=]*\d{10}\b",
    "social security number": r"\b\d{3}-\d{2}-\d{4}\b",
}
"""What identifies a person, by the name shown. Numbers as values of JSON are no texts and stay."""

NAMES = {"e-mail address": "person-{number}@example.com"}
"""Stand-ins that must still look like what they stand for; any other is its kind in angle brackets."""

TELLING_KEY = re.compile(
    r"(?i)(?:^|[_-])(?:authorization|api[_-]?key|x-api-key|password|passphrase|secret|access[_-]?token|private[_-]?key)$"
)
"""Names of members whose value is a credential, whatever it looks like."""

RESERVED = "@example.com"
"""Addresses at this domain are nobody's (RFC 2606)."""

CREDENTIAL_CHARS = 8
STAND_IN = re.compile(r"^<[\w -]+ \d+>$|^\*+$|(?i:redacted|masked|hidden|^none$|^null$)")


class Pseudonyms:
    """Replaces secrets and personal data of one trace: the same value by the same stand-in wherever it occurs.

    A stand-in is the same in inputs, prompts and answers, so that the agent asks with it what was recorded with it.

    Args:
        secrets: known values, as the variables of the environment hold them.
        patterns: what else identifies, by its kind: a target's contract says so.
    """

    def __init__(self, secrets: Iterable[str] = (), patterns: Mapping[str, str] | None = None) -> None:
        self._search = SecretSearch(secrets, {**PATTERNS, **PERSONAL, **(patterns or {})})
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    @property
    def replaced(self) -> dict[str, int]:
        """How many different values were replaced, by kind."""
        return dict(sorted(self._counts.items()))

    def of(self, value: JsonValue) -> JsonValue:
        """Return a JSON value without secrets and personal data, in names of members as well."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self.of(each) for each in value]
        if isinstance(value, dict):
            return {self.text(str(name)): self._member(str(name), each) for name, each in value.items()}
        return value

    def text(self, text: str) -> str:
        """Return a text without secrets and personal data."""
        found = dict.fromkeys(sorted(self._search.found_in(text), key=lambda each: len(each[1]), reverse=True))
        for kind, value in found:
            text = text.replace(value, self._name(kind, value))
        return text

    def _member(self, name: str, value: JsonValue) -> JsonValue:
        is_credential = isinstance(value, str) and TELLING_KEY.search(name) and len(value) >= CREDENTIAL_CHARS
        if is_credential and not STAND_IN.search(value):
            return self._name("credential", value)
        return self.of(value)

    def _name(self, kind: str, value: str) -> str:
        if value not in self._names:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = NAMES.get(kind, f"<{kind} {{number}}>").format(number=number)
        return self._names[value]


def secret_kinds(
    value: JsonValue, secrets: Iterable[str] = (), patterns: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Return the kinds of secrets and personal data that are in a JSON value, never the values; stand-ins are none.

    Texts are looked at once more with what hides a secret taken away: JSON inside a text, and blanks of any kind.
    """
    search = SecretSearch(secrets, {**PATTERNS, **PERSONAL, **(patterns or {})})
    found = (each for text in _texts(value) for each in search.found_in(text))
    return tuple(sorted({kind for kind, each in found if not each.endswith(RESERVED)}))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  JSON of any form
    if isinstance(value, str):
        yield value
        yield value.replace('\\"', '"')
        yield re.sub(r"[\u00ad\u200b-\u200d\u2060\ufeff]", "", value)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            if isinstance(each, str | int):
                yield f"{name}: {each}"
            yield from _texts(each)
