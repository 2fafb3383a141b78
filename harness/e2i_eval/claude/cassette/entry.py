"""One entry of a cassette: a request as it was asked, and what came back, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.exchange import ExchangeKind
    from e2i_eval.core.json_value import JsonObject

__all__ = ["CassetteEntry", "Piece"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What of a body arrived at once: of a stream one event.

    Attributes:
        at_ms: milliseconds from the sending of the request until the piece was whole.
        data: the bytes, without content encoding.
    """

    at_ms: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CassetteEntry:
    """One HTTP request and its response, without secrets.

    Attributes:
        kind: the endpoint.
        node: the LangGraph node that asked; None outside a graph.
        attempt: 0 for the first request of a call, n for its n-th retry.
        request: the body as sent.
        status: HTTP status; None when no response began.
        headers: those response headers that a client acts on, in lower case.
        pieces: the body in the order it arrived.
        error: class of the error the transport raised after the pieces, and its message; None when it raised none.
        took_ms: milliseconds until the response had ended.
    """

    kind: ExchangeKind = "messages"
    node: str | None = None
    attempt: int = 0
    request: JsonObject
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    error: tuple[str, str] | None = None
    took_ms: int = 0
