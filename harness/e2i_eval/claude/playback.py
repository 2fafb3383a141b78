"""Playback: an entry of a cassette as the response the SDK gets.

Importing this module loads the SDK and its HTTP library.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

from e2i_eval.claude.library import http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from e2i_eval.claude.cassette import CassetteEntry, Piece

__all__ = ["lead_s", "played"]

MS_PER_S = 1_000
CANCELLED = "CancelledError"
GRACE_S = 1.0
"""How much longer than then an answer is kept back from a caller that gave up: its own limit must come first."""


def played(entry: CassetteEntry, *, is_paced: bool) -> http.Response:
    """Return the response of ``entry``; its body comes in the recorded pieces, paced at their times if asked for.

    Raises:
        http.TransportError: no response began then, so none does now.
    """
    if entry.status is None:
        raise _error(entry)
    return http.Response(entry.status, headers=dict(entry.headers), stream=_Body(entry, is_paced=is_paced))


def lead_s(entry: CassetteEntry, *, is_paced: bool) -> float:
    """Return the seconds to wait before :func:`played`: its pieces hold the times of a response."""
    if entry.status is not None:
        return 0.0
    return _silence_s(entry) or (entry.took_ms / MS_PER_S if is_paced else 0.0)


class _Body(http.SyncByteStream, http.AsyncByteStream):
    """The pieces of an entry, and at their end the error that ended them."""

    def __init__(self, entry: CassetteEntry, *, is_paced: bool) -> None:
        self._entry = entry
        self._is_paced = is_paced

    def __iter__(self) -> Iterator[bytes]:
        for wait_s, piece in self._waits():
            if self._is_paced:
                time.sleep(wait_s)
            yield piece.data
        if self._entry.error:
            raise _error(self._entry)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for wait_s, piece in self._waits():
            await anyio.sleep(wait_s if self._is_paced else 0)  # other tasks run in between, as they would
            yield piece.data
        await anyio.sleep(_silence_s(self._entry))
        if self._entry.error:
            raise _error(self._entry)

    def _waits(self) -> Iterator[tuple[float, Piece]]:
        before_ms = 0
        for piece in self._entry.pieces:
            yield max(0, piece.at_ms - before_ms) / MS_PER_S, piece
            before_ms = piece.at_ms


def _silence_s(entry: CassetteEntry) -> float:
    """Return how long nothing came until the caller gave up; 0 when it did not."""
    return entry.took_ms / MS_PER_S + GRACE_S if entry.error and entry.error[0] == CANCELLED else 0.0


def _error(entry: CassetteEntry) -> Exception:
    """Return the error of an entry as the library's own class; a caller that gave up then had waited too long."""
    name, message = entry.error or ("RemoteProtocolError", "the recording ends here")
    kind: object = getattr(http, "ReadTimeout" if name == CANCELLED else name, None)
    if isinstance(kind, type) and issubclass(kind, http.TransportError):
        return kind(message)
    return http.ReadError(message)
