"""Long texts in JSON: one string a line, so that a changed prompt is a changed line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["joined", "split"]

MARK = "$lines"
ESCAPE = "$"
"""A key of the data itself that begins with it gets one more."""


def split(value: JsonValue) -> JsonValue:
    """Return ``value`` with each text of several lines as ``{"$lines": [...]}``."""
    if isinstance(value, str) and "\n" in value:
        return {MARK: value.split("\n")}
    if isinstance(value, list):
        return [split(item) for item in value]
    if isinstance(value, dict):
        return {f"{ESCAPE}{name}" if name.startswith(ESCAPE) else name: split(item) for name, item in value.items()}
    return value


def joined(value: JsonValue) -> JsonValue:
    """Return what ``split`` was given.

    Raises:
        TypeError: the lines are no texts.
    """
    if isinstance(value, list):
        return [joined(item) for item in value]
    if isinstance(value, dict):
        if value.keys() == {MARK}:
            return "\n".join(value[MARK])
        return {name.removeprefix(ESCAPE) if name.startswith(ESCAPE) else name: joined(v) for name, v in value.items()}
    return value
