"""The folder a tracking server keeps everything in: database, artifacts and log."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.errors import ServerError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NOT_WRITABLE", "OTHER_STORE", "Store", "revision", "storage_error"]

LOG_LIMIT_BYTES = 1_000_000
OTHER_STORE = "choose another folder with --e2i-store=PATH, or --e2i-store=temp for one that is thrown away"

NOT_WRITABLE = ("disk is full", "disk I/O error", "readonly database", "unable to open database")
"""What SQLite says when the file system does not let it write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where a server keeps its data; several servers may use one store at the same time.

    Attributes:
        root: the folder, absolute.
    """

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file, in write-ahead mode: it has a ``-wal`` and a ``-shm`` file beside it while in use."""
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """The folder the server keeps artifacts in."""
        return self.root / "artifacts"

    @property
    def log(self) -> Path:
        """What servers on this store wrote."""
        return self.root / "server.log"

    def prepare(self) -> None:
        """Make the folder and see that it can be written to.

        Raises:
            ServerError: it cannot, or what is there is no database.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._start_log()
            self._remove_partial_files()
        except OSError as error:
            raise storage_error(self.root, error) from error
        if self.database.exists():
            self._check_database()

    def _start_log(self) -> None:
        """Append to the log; start it anew when it has grown large."""
        too_long = self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES
        with self.log.open("wb" if too_long else "ab"):
            pass

    def _remove_partial_files(self) -> None:
        """Remove what a process left that was killed while it made the database."""
        for path in self.root.glob(f".{self.database.name}.*"):
            owner = path.name.split(".")[3].partition("-")[0]
            if not _is_running(owner):
                path.unlink(missing_ok=True)

    def _check_database(self) -> None:
        try:
            revision(self.database)
        except sqlite3.DatabaseError as error:
            what = f"{self.database} is not a usable MLflow database: {error}"
            raise ServerError(
                what, fix=f"move it away (mv {self.database} {self.database}.broken), or {OTHER_STORE}"
            ) from error


def revision(database: Path, *, unused: bool = False) -> str:
    """Return the schema revision (Alembic's) of an MLflow database.

    Args:
        database: the file.
        unused: no other process has it open, so no file need be made beside it.

    Raises:
        sqlite3.DatabaseError: it cannot be read, or has no revision.
    """
    options = "mode=ro&immutable=1" if unused else "mode=ro"
    with closing(sqlite3.connect(f"{database.as_uri()}?{options}", uri=True, timeout=5.0)) as connection:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    if len(rows) != 1:
        message = f"it holds {len(rows)} schema revisions instead of one"
        raise sqlite3.DatabaseError(message)
    return str(rows[0][0])


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def storage_error(path: Path, error: OSError) -> ServerError:
    """Return a message for a person about ``error`` while writing ``path``."""
    full = error.errno in {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
    problem = "there is no space left" if full else (error.strerror or str(error)).lower()
    fix = f"free some space there, or {OTHER_STORE}" if full else OTHER_STORE
    return ServerError(f"the store {path} cannot be written: {problem}", fix=fix)
