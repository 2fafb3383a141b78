"""All texts inside a JSON value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonValue

__all__ = ["leaves", "text_leaves"]


def leaves(value: JsonValue, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Yield every value that is no container, with its dotted path; keys of objects are not values."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}.{index}" if path else str(index))
    else:
        yield path, value


def text_leaves(value: JsonValue) -> Iterator[str]:
    """Yield every text in ``value``, and the texts inside a text that is itself JSON."""
    for _, leaf in leaves(value):
        if isinstance(leaf, str):
            yield leaf
            yield from _inside(leaf)
        elif leaf is not None and not isinstance(leaf, bool):
            yield json.dumps(leaf, default=str)


def _inside(text: str) -> Iterator[str]:
    if text[:1] not in {"{", "["}:
        return
    try:
        decoded = json.loads(text)
    except ValueError:
        return
    yield from text_leaves(decoded)
