"""Scrubbing: what must not be kept is taken out before anything is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.redaction import PATTERNS, SecretSearch, mask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["Scrub"]


class Scrub:
    """Takes secrets out of texts.

    Args:
        secrets: known values, as the variables of the environment hold them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = tuple(secrets)
        self._mask = mask(known, PATTERNS)
        self._search = SecretSearch(known, PATTERNS)

    def request(self, request: JsonObject) -> JsonObject:
        """Return a request without secrets."""
        return {self._mask(name): self._value(value) for name, value in request.items()}

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        return self._mask(text)

    def data(self, data: bytes) -> bytes:
        """Return a piece of a body without secrets; bytes that are no text are left as they are."""
        try:
            return self._mask(data.decode()).encode()
        except UnicodeDecodeError:
            return data

    def left_in(self, text: str) -> tuple[str, ...]:
        """Return the kinds of secrets that are in a text, never the secrets."""
        return tuple(sorted({kind for kind, _ in self._search.found_in(text)}))

    def _value(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self._mask(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {self._mask(name): self._value(item) for name, item in value.items()}
        return value
