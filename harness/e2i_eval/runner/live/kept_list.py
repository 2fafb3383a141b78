"""The kept list: which cases of a session were not run because an interrupted run had their results."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KeptList"]

PRIVATE_FILE = 0o600


class KeptList:
    """A file of lines in a folder that the session's processes share."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "kept.txt"

    def add(self, case_id: str) -> None:
        """Note a result that is kept."""
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        try:
            os.write(handle, case_id.encode() + b"\n")
        finally:
            os.close(handle)

    def cases(self) -> frozenset[str]:
        """Return the ids of all such cases."""
        return frozenset(self._file.read_text(encoding="utf-8").splitlines()) if self._file.exists() else frozenset()
