"""A body in a cassette: a document, events with their times, or bytes; whichever a person can read best."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.cassette.entry import Piece
from e2i_eval.claude.cassette.lines import joined, split
from e2i_eval.claude.prompt import compact_json
from e2i_eval.claude.sse import encode_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.core.json_value import JsonObject

__all__ = ["body_of", "by_event", "pieces_of"]

EVENT_END = b"\n\n"


def body_of(pieces: Sequence[Piece]) -> JsonObject:
    """Return the pieces as ``body`` (one JSON document) or ``pieces``; nothing when there are none."""
    if len(pieces) == 1 and (document := _document(pieces[0].data)) is not None:
        return {"body": split(document), "at_ms": pieces[0].at_ms}
    return {"pieces": [_piece_to_json(piece) for piece in pieces]} if pieces else {}


def pieces_of(data: JsonObject) -> tuple[Piece, ...]:
    """Read what ``body_of`` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    if "body" in data:
        body = compact_json(joined(data["body"])).encode("utf-8", "replace")
        return (Piece(at_ms=int(data["at_ms"]), data=body),)
    return tuple(map(_piece_from_json, data.get("pieces", ())))


def by_event(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield a stream's pieces anew, cut where an event ends: how the network cut them says nothing.

    An event's time is that of the piece that completed it; what a broken stream left over comes last.
    """
    rest = b""
    at_ms = 0
    for piece in pieces:
        at_ms = piece.at_ms
        *events, rest = (rest + piece.data).split(EVENT_END)
        yield from (Piece(at_ms=at_ms, data=event + EVENT_END) for event in events)
    if rest:
        yield Piece(at_ms=at_ms, data=rest)


def _document(data: bytes) -> JsonObject | None:
    try:
        document = json.loads(data, object_pairs_hook=_unique)
        compact_json(document).encode()  # half of a surrogate pair would come out as another text
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members; one with a double key would not give the same bytes again."""
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "double key"
        raise ValueError(message)
    return members


def _piece_to_json(piece: Piece) -> JsonObject:
    event = _event(piece.data)
    if event is not None:
        return {"at_ms": piece.at_ms, "event": split(event)}
    try:
        return {"at_ms": piece.at_ms, "text": split(piece.data.decode())}
    except UnicodeDecodeError:
        return {"at_ms": piece.at_ms, "base64": base64.b64encode(piece.data).decode()}


def _event(data: bytes) -> Any:  # noqa: ANN401  JSON of any form
    """Return the event that gives exactly these bytes again; None when none does."""
    name, _, rest = data.partition(b"\ndata: ")
    try:
        event = json.loads(rest)
    except ValueError:
        return None
    if not isinstance(event, dict) or name != f"event: {event.get('type')}".encode():
        return None
    return event if encode_event(event) == data else None


def _piece_from_json(data: JsonObject) -> Piece:
    at_ms = int(data["at_ms"])
    if "event" in data:
        event = joined(data["event"])
        if not isinstance(event, dict):
            message = "an event is no object"
            raise TypeError(message)
        return Piece(at_ms=at_ms, data=encode_event(event))
    if "text" in data:
        return Piece(at_ms=at_ms, data=str(joined(data["text"])).encode())
    return Piece(at_ms=at_ms, data=base64.b64decode(data["base64"], validate=True))
