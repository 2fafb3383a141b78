"""A request's fingerprint: equal for requests that ask the same, whatever ids they carry."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["canonical", "fingerprint"]

TOOL_ID = re.compile(r"\b(?:toolu|srvtoolu|mcptoolu)_[A-Za-z0-9]+")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
INSTANT = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
UNASKED = frozenset({"metadata"})
"""Fields that say who asks, not what."""


def fingerprint(request: JsonObject) -> str:
    """Return a digest of what is asked: model, prompt, tools and all parameters.

    The ids of tool calls are numbered in the order they occur, UUIDs and instants (a date with a time) are masked: they
    differ in every run of an unchanged agent. A date alone counts.
    """
    text = json.dumps(canonical(request), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def canonical(request: JsonObject) -> JsonObject:
    """Return the request without what changes from run to run."""
    numbers: dict[str, str] = {}

    def steady(text: str) -> str:
        text = TOOL_ID.sub(lambda found: numbers.setdefault(found[0], f"<tool call {len(numbers) + 1}>"), text)
        return INSTANT.sub("<instant>", UUID.sub("<uuid>", text))

    def walk(value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return steady(value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {steady(name): walk(item) for name, item in value.items()}
        return value

    return {name: walk(value) for name, value in request.items() if name not in UNASKED}
