"""Serving a store in the foreground, for a person with a browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking.client import TrackingClient
from e2i_eval.tracking.server import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["serve_store"]

WATCH_S = 0.5


def serve_store(
    store: Path, port: int | None = None, *, cache: Path, environ: Mapping[str, str], say: Callable[[str], None] = print
) -> int:
    """Serve ``store`` until Ctrl-C or the server's end; return the exit code.

    The store may be in use by a running session. Killed in any way, it takes the server with it.

    Args:
        store: the folder of the database and the artifacts.
        port: None takes a free one.
        cache: the user's cache folder.
        environ: the environment to start from.
        say: takes the lines for the person.

    Raises:
        ServerError: the store or the port cannot be used, or the server did not start.
    """
    server = TemporaryServer.start(store=store, cache=cache, environ=environ, port=port)
    try:
        server.wait_ready()
        for note in server.notes:
            say(note)
        say(f"{server.uri} serves {store}; Ctrl-C ends it")
        if newest := _newest_session(server.uri, store):
            say(f"newest session: {newest}")
        while server.is_running():
            time.sleep(WATCH_S)
        say(f"the server ended by itself; see {server.log}")
    except KeyboardInterrupt:
        return 0
    finally:
        server.stop()
    return 1


def _newest_session(uri: str, store: Path) -> str:
    """Return the address of the newest session's test view; empty where nothing was evaluated yet."""
    client = TrackingClient(uri, environ={}, scratch=store)
    try:
        sessions = client.session_runs(1)
        return client.url(sessions[0].run_id) if sessions else ""
    except UnknownError:
        return ""
    finally:
        client.close()
