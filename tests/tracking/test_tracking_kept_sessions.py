"""Sessions found in a store's database: the answers a server would give, without one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking import KeptSessions, TrackingClient, session_runs
from e2i_eval.tracking.connection import Connection

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.tracking import TemporaryServer

COMMIT, BRANCH = "e2i_eval.git_commit", "e2i_eval.git_branch"
SHA = "cafe0123" * 5


def test_it_answers_as_a_server_does(server: TemporaryServer, cache: Path, tmp_path: Path) -> None:
    """The newest ended session, no target's run, no run that was deleted, no run that still runs."""
    client = TrackingClient(server.uri, environ={}, scratch=tmp_path)
    tags = {COMMIT: SHA, BRANCH: "kept/one"}
    old, new, deleted, running = (
        client.open_session(session_id=f"kept-{each}", name=each, tags=tags, params={}) for each in "abcd"
    )
    client.open_target(session_run_id=new, session_id="kept-b", target="support", tags=tags)
    for run_id in (old, new, deleted):
        client.close_session(run_id, passed=True, metrics={}, artifacts={})
    client.drain(30.0)
    client.close()
    with closing(Connection(server.uri, {})) as connection:
        connection.call("POST", "/api/2.0/mlflow/runs/delete", {"run_id": deleted})
    kept = KeptSessions(server.artifacts.parent)
    questions = [(COMMIT, SHA), (COMMIT, "cafe012%"), (COMMIT, "cafe013%"), (BRANCH, "kept/one"), (BRANCH, "kept/")]

    with session_runs(server.uri, cache=cache, environ=os.environ) as runs:
        runs.mark_baseline(old, "kept-main")
        served = [runs.newest(*question) for question in questions]
        baselines = [runs.baseline_run(name) for name in ("kept-main", "kept-other")]

    assert served == [new, new, None, new, None]
    assert [kept.newest(*question) for question in questions] == served
    assert [kept.baseline_run(name) for name in ("kept-main", "kept-other")] == baselines == [old, None]
    assert running not in served


@pytest.mark.parametrize("content", [None, b"no database at all", "empty"])
def test_what_it_cannot_read_is_unknown_and_not_absent(tmp_path: Path, content: bytes | str | None) -> None:
    """No file, no database, other tables: only a server may say that there is no such session."""
    database = tmp_path / "mlflow.db"
    if isinstance(content, bytes):
        database.write_bytes(content)
    elif content:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("CREATE TABLE runs (run_uuid TEXT)")
    before = sorted(tmp_path.iterdir())

    with pytest.raises(UnknownError, match="without a server"):
        KeptSessions(tmp_path).newest(BRANCH, "main")

    assert sorted(tmp_path.iterdir()) == before
