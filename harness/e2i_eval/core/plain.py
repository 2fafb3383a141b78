"""Plain data: any output as the JSON data that evidence holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["plain"]


def plain(value: object) -> JsonValue:
    """Turn an output into plain JSON data; what has no such form becomes its text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return _bare(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, AbstractSet):
        return sorted((plain(each) for each in value), key=repr)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(each) for each in value]
    return _plain_object(value)


def _bare(value: bool | float | str | None) -> bool | float | str | None:  # noqa: FBT001  it is any value of JSON
    """Return a value as exactly the type JSON has: LangChain's texts, enumerations and numpy's floats are more."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    return int.__int__(value) if isinstance(value, int) else float.__float__(value)


def _plain_object(value: object) -> JsonValue:
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    for convert in ("tolist", "isoformat"):  # numpy and pandas values; dates
        if hasattr(value, convert):
            return plain(getattr(value, convert)())
    return str(value)
