"""Taping: takes one exchange down while it passes, and gives it as an entry when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.claude.cassette.body import by_event
from e2i_eval.claude.cassette.entry import CassetteEntry, Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_eval.claude.cassette.scrub import Scrub
    from e2i_eval.core.exchange import ExchangeKind
    from e2i_eval.core.json_value import JsonObject

__all__ = ["ExchangeRecorder"]

KEPT_HEADERS = ("content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry")
"""Response headers that a client acts on, and the id support asks for; no other is kept, and none of a request."""

MS = 1_000


class ExchangeRecorder:
    """One exchange under way.

    Args:
        request: the body as sent, without secrets.
        kind: the endpoint.
        node: the node that asks.
        attempt: 0 for the first request of a call.
        scrub: takes secrets out of the answer.
        keep: takes the entry, once.
    """

    def __init__(
        self,
        *,
        request: JsonObject,
        kind: ExchangeKind,
        node: str | None,
        attempt: int,
        scrub: Scrub,
        keep: Callable[[CassetteEntry], None],
    ) -> None:
        self._head = CassetteEntry(request=request, kind=kind, node=node, attempt=attempt)
        self._scrub = scrub
        self._keep = keep
        self._status: int | None = None
        self._headers: dict[str, str] = {}
        self._is_event_stream = False
        self._decode: Callable[[Sequence[bytes]], bytes] | None = None
        self._pieces: list[Piece] = []
        self._is_over = False

    def responded(
        self,
        status: int,
        headers: Mapping[str, str],
        *,
        is_event_stream: bool,
        decode: Callable[[Sequence[bytes]], bytes] | None,
    ) -> None:
        """Note the head of the response; ``decode`` undoes a content encoding, None where there is none."""
        self._status = status
        self._headers = {name: self._scrub.text(headers[name]) for name in KEPT_HEADERS if name in headers}
        self._is_event_stream = is_event_stream
        self._decode = decode

    def received(self, piece: bytes, at_s: float) -> None:
        """Note a piece of the body, ``at_s`` seconds after the request was sent."""
        self._pieces.append(Piece(at_ms=round(at_s * MS), data=piece))

    def ended(self, took_s: float, error: tuple[str, str] | None) -> None:
        """Note the end; what comes later is no part of the exchange."""
        if self._is_over:
            return
        self._is_over = True
        head = self._head
        self._keep(
            CassetteEntry(
                kind=head.kind,
                node=head.node,
                attempt=head.attempt,
                request=head.request,
                status=self._status,
                headers=self._headers,
                pieces=tuple(Piece(at_ms=p.at_ms, data=self._scrub.data(p.data)) for p in self._whole()),
                error=None if error is None else (error[0], self._scrub.text(error[1])),
                took_ms=round(took_s * MS),
            )
        )

    def _whole(self) -> tuple[Piece, ...]:
        """Return the pieces as they are kept: of a stream one an event, of anything else a single one.

        A secret that the network cut in two is whole again before it is looked for.
        """
        if not self._pieces:
            return ()
        data = [piece.data for piece in self._pieces]
        last_ms = self._pieces[-1].at_ms
        if self._decode is not None:
            pieces = [Piece(at_ms=last_ms, data=self._decode(data))]
        elif self._is_event_stream:
            pieces = self._pieces
        else:
            pieces = [Piece(at_ms=last_ms, data=b"".join(data))]
        return tuple(by_event(pieces)) if self._is_event_stream else tuple(pieces)
