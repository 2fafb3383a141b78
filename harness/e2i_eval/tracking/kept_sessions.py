"""Sessions of a store on this machine, found in its database without a server.

Starting a server for one name takes two seconds of CPU; the rows that name a run are read in a few milliseconds.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking.client import LEVEL_TAG
from e2i_eval.tracking.session_runs import BASELINE_TAG, EXPERIMENT
from e2i_eval.tracking.store import Store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KeptSessions"]

BUSY_S = 5.0
RUNS = """
SELECT runs.run_uuid FROM runs
JOIN experiments USING (experiment_id)
JOIN tags AS named ON named.run_uuid = runs.run_uuid
WHERE experiments.name = :experiment AND runs.lifecycle_stage = 'active' AND named.key = :key
  AND (named.value = :value OR (:beginning != '' AND substr(named.value, 1, length(:beginning)) = :beginning))
"""
ENDED_SESSIONS = """
  AND runs.status != 'RUNNING'
  AND EXISTS (SELECT 1 FROM tags WHERE run_uuid = runs.run_uuid AND key = :level AND value = 'session')
"""
NEWEST_FIRST = " ORDER BY runs.start_time DESC, runs.run_uuid LIMIT 1"
"""As MLflow orders the runs it finds."""


class KeptSessions:
    """Answers as ``SessionRuns`` does, from the rows of the database."""

    def __init__(self, store: Path) -> None:
        self._database = Store(root=store.absolute()).database

    def baseline_run(self, baseline: str) -> str | None:
        """Return the id of the run that is the baseline of that name; None when none is.

        Raises:
            UnknownError: the database cannot be read, or is not of the form we know: only a server can read it.
        """
        return self._first(RUNS, BASELINE_TAG, baseline)

    def newest(self, tag: str, value: str) -> str | None:
        """Return the id of the newest ended session with a tag of this value; None when there is none.

        Args:
            tag: its name.
            value: its value; one that ends in ``%`` is a beginning.

        Raises:
            UnknownError: as in ``baseline_run``.
        """
        return self._first(RUNS + ENDED_SESSIONS, tag, value)

    def _first(self, query: str, key: str, value: str) -> str | None:
        fields = {
            "experiment": EXPERIMENT,
            "key": key,
            "value": value,
            "beginning": value.removesuffix("%") if value.endswith("%") else "",
            "level": LEVEL_TAG,
        }
        try:
            with closing(self._opened()) as connection:
                row = connection.execute(query + NEWEST_FIRST, fields).fetchone()
        except sqlite3.Error as error:
            message = f"the database {self._database} cannot be read without a server: {error}"
            raise UnknownError(message) from error
        return str(row[0]) if row else None

    def _opened(self) -> sqlite3.Connection:
        """Open the database to read; where no server has it open, without leaving files beside it."""
        log = self._database.with_name(f"{self._database.name}-wal")
        options = "mode=ro" if log.exists() else "mode=ro&immutable=1"
        return sqlite3.connect(f"{self._database.as_uri()}?{options}", uri=True, timeout=BUSY_S)
