"""The types of plain JSON data, which is all that crosses a border."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["JsonObject", "JsonValue"]

JsonValue: TypeAlias = Any
"""None, bool, int, float, str, or lists and string-keyed mappings of these."""

JsonObject: TypeAlias = Mapping[str, JsonValue]
"""A JSON object."""
