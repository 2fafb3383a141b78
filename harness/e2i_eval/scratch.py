"""A folder that the processes of one session share, for values that must be made exactly once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Scratch"]


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
                self._file.write_text(json.dumps(values), encoding="utf-8")
            return values[key]

    def values(self) -> dict[str, str]:
        """Return what has been made so far."""
        if not self._file.exists():
            return {}
        values: dict[str, str] = json.loads(self._file.read_text(encoding="utf-8"))
        return values
