"""What an entry answered, as one message; and the texts in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.sse import Accumulator, decode_events
from e2i_eval.claude.tokens import stated_usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.claude.cassette.entry import CassetteEntry
    from e2i_eval.core.exchange import Usage
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["answer_of", "strings_of", "usage_of"]


def answer_of(entry: CassetteEntry) -> JsonObject | None:
    """Return the message, or the error body, of an entry; None when it holds none that can be read."""
    body = b"".join(piece.data for piece in entry.pieces)
    if entry.headers.get("content-type", "").startswith("text/event-stream"):
        try:
            return Accumulator(decode_events(body)).message
        except (AttributeError, KeyError, TypeError, ValueError):  # events of another form than the API's
            return None
    try:
        document: Any = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def usage_of(entry: CassetteEntry) -> Usage | None:
    """Return the tokens an entry states; None when it states none."""
    answer = answer_of(entry)
    return stated_usage(answer) if answer else None


def strings_of(value: JsonValue) -> Iterator[str]:
    """Yield every text of a JSON value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from strings_of(item)
