"""Neighbours: what the other processes of a session run while this one measures."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Neighbours"]

FOLDER = "running"
POLL_S = 0.1
PATIENCE_S = 60.0
"""So long a measurement waits for the other workers to have run out of cases."""


class Neighbours:
    """The workers of one session, seen through a folder they share.

    Args:
        folder: the session's scratch folder.
        name: of this process; empty when there are no others.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / FOLDER
        self._file = self._folder / name if name else None
        self._lock = FileLock(folder / "overhead.lock")

    @contextlib.contextmanager
    def busy(self, nodeid: str) -> Iterator[None]:
        """Let the others see what this process runs."""
        if self._file is None:
            yield
            return
        self._folder.mkdir(exist_ok=True)
        self._file.write_text(nodeid, encoding="utf-8")
        try:
            yield
        finally:
            self._file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Measure one at a time in the whole session, and first wait a while until nobody else is busy."""
        if self._file is None:
            yield
            return
        self._file.unlink(missing_ok=True)  # who waits for the lock is no load
        with self._lock:
            deadline_s = time.monotonic() + PATIENCE_S
            while self.running() and time.monotonic() < deadline_s:
                time.sleep(POLL_S)
            yield

    def running(self) -> frozenset[str]:
        """Return what the other processes run at this moment."""
        if self._file is None or not self._folder.is_dir():
            return frozenset()
        found = set()
        for file in self._folder.iterdir():
            with contextlib.suppress(OSError):
                found.add(file.read_text(encoding="utf-8"))
        return frozenset(found)
