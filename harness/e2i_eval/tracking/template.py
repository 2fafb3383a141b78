"""A database with all of MLflow's tables, kept so that no session waits for the migrations twice."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.tracking.store import revision

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Template"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An empty, migrated database in the user's cache folder; the server's launcher builds it.

    Attributes:
        path: the file; its name carries the MLflow version, because the tables follow the version and nothing else.
    """

    path: Path

    @classmethod
    def of(cls, cache: Path, mlflow_version: str) -> Template:
        """Return the template of ``mlflow_version`` in the folder ``cache``; it need not exist yet."""
        return cls(path=cache / f"mlflow-{mlflow_version}.db")

    def is_sound(self) -> bool:
        """Tell whether the file is there and a whole, readable database."""
        try:
            revision(self.path, unused=True)
            with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
                return bool(connection.execute("PRAGMA quick_check").fetchall() == [("ok",)])
        except sqlite3.DatabaseError:
            return False

    def discard(self) -> bool:
        """Remove the file; return whether there was one."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True

    def copy_to(self, database: Path) -> None:
        """Put a copy at ``database`` in one step, unless another session was first.

        Raises:
            OSError: it cannot be written; no partial file is left.
        """
        partial = database.with_name(f".{database.name}.{os.getpid()}")
        try:
            shutil.copyfile(self.path, partial)
            _link_unless_there(partial, database)
        finally:
            partial.unlink(missing_ok=True)


def _link_unless_there(source: Path, target: Path) -> None:
    """Give ``source`` the name ``target``, atomically; leave a file that already has it alone."""
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:
        # No hard links here (some network and FAT file systems): the same, but two sessions starting in the same
        # millisecond could both see no file. Both copies are equal and still unused then.
        if not target.exists():
            source.replace(target)
