"""The graphs of a session's targets: written by the process that builds a target, read by the one that reports."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from urllib.parse import quote

from e2i_eval.checks.coverage.graph import Graph

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GraphFiles"]

FOLDER = "graphs"


class GraphFiles:
    """One file a target, in the folder that a session's processes share."""

    def __init__(self, scratch: Path) -> None:
        """Take the session's folder; a folder in it is made when there is something to write."""
        self._folder = scratch / FOLDER

    def write(self, target: str, graph: Graph) -> None:
        """Keep a target's graph; every process that builds the target writes the same."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(target)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(graph.to_json()), encoding="utf-8")
        new.replace(file)

    def read(self, target: str) -> Graph | None:
        """Return a target's graph; None when no process built it."""
        file = self._file(target)
        return Graph.from_json(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def _file(self, target: str) -> Path:
        return self._folder / f"{quote(target, safe='')}.json"
