"""A dotted path: one value of an output, as ``gaps.0.region``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.json_value import JsonValue

__all__ = ["NOTHING", "all_paths", "value_at"]

NOTHING: Any = object()
"""What ``value_at`` returns where there is no value; None is a value."""

INDEX = re.compile(r"[0-9]{1,9}")
MAX_PATHS = 2_000
"""Paths listed to guess a misspelled one; beyond this the guess is not worth the time."""


def value_at(data: JsonValue, path: str) -> JsonValue:
    """Return the value at ``path``; ``NOTHING`` where there is none. ``.`` is the whole ``data``.

    A number steps into a list. Keys may have dots in them: the shortest key that leads on is taken.
    """
    return data if path == "." else _value_at(data, path.split("."))


def _value_at(data: JsonValue, parts: Sequence[str]) -> JsonValue:
    if not parts:
        return data
    if isinstance(data, list):
        index = int(parts[0]) if INDEX.fullmatch(parts[0]) else len(data)
        return _value_at(data[index], parts[1:]) if index < len(data) else NOTHING
    if not isinstance(data, dict):
        return NOTHING
    keys = ((".".join(parts[:end]), end) for end in range(1, len(parts) + 1))
    found = (_value_at(data[key], parts[end:]) for key, end in keys if key in data)
    return next((value for value in found if value is not NOTHING), NOTHING)


def all_paths(data: JsonValue) -> tuple[str, ...]:
    """Return the dotted paths of ``data``, at most ``MAX_PATHS``, parents before children."""
    paths: list[str] = []
    waiting = [("", data)]
    while waiting and len(paths) < MAX_PATHS:
        prefix, value = waiting.pop(0)
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in pairs:
            path = f"{prefix}.{key}" if prefix else str(key)
            paths.append(path)
            waiting.append((path, child))
    return tuple(paths[:MAX_PATHS])
