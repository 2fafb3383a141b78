"""Making, migrating and closing a store's database; runs in the server's process, where MLflow is loaded anyway."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from importlib import import_module
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import ServerError
from e2i_eval.tracking.store import NOT_WRITABLE, OTHER_STORE, revision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["prepare", "tidy", "write_ahead"]


def write_ahead() -> None:
    """Let readers and writers of the database work at the same time, and commit without waiting for the disk.

    With a write-ahead log, ``synchronous=NORMAL`` cannot corrupt the file; only a power cut loses the last commits.
    """
    sqlalchemy: Any = import_module("sqlalchemy")

    def pragmas(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", pragmas)


def prepare(database: Path, template: Path, note: Callable[[str], None]) -> None:
    """See that the database exists and has this MLflow's schema.

    Args:
        database: the file.
        template: where to keep a copy of a database just made.
        note: takes what a person should know.

    Raises:
        ServerError: a newer MLflow made it, or it cannot be written.
    """
    utils: Any = import_module("mlflow.store.db.utils")
    try:
        if not database.exists():
            _build(utils, database, template, note)
        _migrate(utils, database, note)
    except Exception as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        if isinstance(error, OSError) or any(word in cause for word in NOT_WRITABLE):
            what = f"the database {database} cannot be written: {cause}"
            raise ServerError(what, fix=OTHER_STORE) from error
        raise


def tidy(database: Path) -> None:
    """Fold the write-ahead log into the database once the server's connections are closed; one file is left."""
    handlers: Any = import_module("mlflow.server.handlers")
    for store in (handlers._get_tracking_store(), handlers._get_model_registry_store()):  # noqa: SLF001  no public way
        store.engine.dispose()
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _build(utils: Any, database: Path, template: Path, note: Callable[[str], None]) -> None:  # noqa: ANN401
    """Make an empty database with all tables, keep a copy as template, and put it in place."""
    partial = database.with_name(f".{database.name}.{os.getpid()}")
    try:
        engine = utils.create_sqlalchemy_engine(f"sqlite:///{partial}")
        utils._initialize_tables(engine)  # noqa: SLF001  the function behind MLflow's own first start
        engine.dispose()
        with contextlib.closing(sqlite3.connect(partial)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        _keep(partial, template, note)
        with contextlib.suppress(FileExistsError):  # another session was first: its database is as good
            os.link(partial, database)
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            partial.with_name(partial.name + ending).unlink(missing_ok=True)


def _keep(database: Path, template: Path, note: Callable[[str], None]) -> None:
    """Copy ``database`` to the cache in one step; a cache that cannot be written costs the next start some time."""
    partial = template.with_name(f".{template.name}.{os.getpid()}")
    try:
        template.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, partial)
        partial.replace(template)
    except OSError as error:
        note(f"no database template could be kept at {template}: {error.strerror or error}")
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _migrate(utils: Any, database: Path, note: Callable[[str], None]) -> None:  # noqa: ANN401
    """Bring an older database up to date; refuse one whose revision this MLflow does not know."""
    found, head = revision(database), utils._get_latest_schema_revision()  # noqa: SLF001  what MLflow compares with
    if found == head:
        return
    version = import_module("mlflow").__version__
    if not _is_known(utils, found):
        what = f"the store's database {database} was made by a newer MLflow than {version} (its schema is {found!r})"
        raise ServerError(what, fix=f"install that MLflow (pip install --upgrade mlflow), or {OTHER_STORE}")
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{database}")
    utils._upgrade_db(engine)  # noqa: SLF001  what `mlflow db upgrade` calls
    engine.dispose()
    note(f"migrated {database} from schema {found} to {head} (MLflow {version})")


def _is_known(utils: Any, revision_id: str) -> bool:  # noqa: ANN401
    """Tell whether this MLflow has a migration script for a revision."""
    alembic: Any = import_module("alembic.script")
    scripts = alembic.ScriptDirectory.from_config(utils._get_alembic_config("sqlite://"))  # noqa: SLF001
    return any(script.revision == revision_id for script in scripts.walk_revisions())
