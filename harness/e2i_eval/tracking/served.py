"""The address of what is asked: a server's own, or that of a temporary server on a store."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.tracking.server import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["served"]


@contextmanager
def served(place: Path | str, *, cache: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of a server; one that is started for a store ends with the block.

    Args:
        place: folder of a store, or address of a server.
        cache: the user's cache folder.
        environ: the environment to start from.

    Raises:
        ServerError: the store cannot be served.
    """
    if not isinstance(place, Path):
        yield place
        return
    server = TemporaryServer.start(store=place, cache=cache, environ=environ)
    try:
        server.wait_ready()
        yield server.uri
    finally:
        server.stop()
