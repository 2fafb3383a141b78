"""Changing values deep inside what was logged, wherever a library puts them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonValue

__all__ = ["each_mapping", "replaced_text", "without"]


def replaced_text(value: JsonValue, old: str, new: str) -> JsonValue:
    """Return ``value`` with ``old`` replaced in every string, also where it is escaped as in JSON text."""
    if isinstance(value, str):
        return value.replace(old, new).replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    if isinstance(value, dict):
        return {key: replaced_text(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced_text(each, old, new) for each in value]
    return value


def each_mapping(value: JsonValue, change: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> JsonValue:
    """Return ``value`` with every mapping in it changed, inner ones first."""
    if isinstance(value, dict):
        return change({key: each_mapping(each, change) for key, each in value.items()})
    if isinstance(value, list):
        return [each_mapping(each, change) for each in value]
    return value


def without(value: JsonValue, is_unwanted: Callable[[JsonValue], bool]) -> JsonValue:
    """Return ``value`` without the list items that are unwanted."""
    if isinstance(value, dict):
        return {key: without(each, is_unwanted) for key, each in value.items()}
    if isinstance(value, list):
        return [without(each, is_unwanted) for each in value if not is_unwanted(each)]
    return value
