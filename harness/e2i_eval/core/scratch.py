"""A folder that the processes of one session share, for values that must be made exactly once."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Scratch", "ScratchFolder"]

PREFIX = "e2i-eval-"
YOUNG_S = 60.0
"""A folder younger than this may belong to a session that has not locked it yet."""


class Scratch:
    """Values shared by the processes of a session, each made by whoever asks first."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "shared.json"
        self._lock = FileLock(folder / "shared.lock")

    def once(self, key: str, make: Callable[[], str]) -> str:
        """Return the value of ``key``; the first process to ask makes it, the others wait and read it."""
        with self._lock:
            values = self.values()
            if key not in values:
                values[key] = make()
                self._write(values)
            return values[key]

    def values(self) -> dict[str, str]:
        """Return what has been made so far."""
        if not self._file.exists():
            return {}
        values: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8"))
        return values

    def _write(self, values: dict[str, str]) -> None:
        """Replace the file in one step: it is read without the lock, and a worker may die at any moment."""
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(values), encoding="utf-8")
        new.replace(self._file)


class ScratchFolder:
    """A session's temporary folder, which is gone with the session.

    What a session that was killed has left is removed by the next one: as long as its owner lives, a folder is locked.

    Attributes:
        path: the folder.
    """

    def __init__(self) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._alive = _alive(self.path)
        self._alive.acquire()

    def remove(self) -> None:
        """Remove the folder with all that is in it; may be called twice."""
        self._alive.release()
        shutil.rmtree(self.path, ignore_errors=True)


def _alive(folder: Path) -> FileLock:
    return FileLock(folder / "alive.lock")


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if not (folder / "alive.lock").is_file() or time.time() - folder.stat().st_mtime < YOUNG_S:
                continue
            with _alive(folder).acquire(timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except (OSError, Timeout):  # somebody else's, in use, or just removed by another session
            continue
