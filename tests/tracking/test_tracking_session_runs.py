"""Runs of earlier sessions on a real server: their files, and which is a baseline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking import TrackingClient, kept_file, session_runs

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.tracking import TemporaryServer


def test_the_newest_baseline_wins_and_the_old_one_loses_the_tag(
    server: TemporaryServer, cache: Path, tmp_path: Path
) -> None:
    """Another name's baseline keeps its own."""
    client = TrackingClient(server.uri, environ={}, scratch=tmp_path)
    old, new, other = (client.open_session(session_id=each, name=each, tags={}, params={}) for each in "abc")
    client.drain(30.0)
    client.close()

    with session_runs(server.uri, cache=cache, environ=os.environ) as runs:
        assert runs.baseline_run("main") is None
        assert runs.mark_baseline(other, "v1") == ()
        assert runs.mark_baseline(old, "main") == ()
        assert runs.mark_baseline(new, "main") == (old,)
        assert runs.mark_baseline(new, "main") == ()

        assert (runs.baseline_run("main"), runs.baseline_run("v1")) == (new, other)


def test_a_file_of_a_session_is_read(server: TemporaryServer, cache: Path, tmp_path: Path) -> None:
    """As it was stored; a file or a run that is not there is unknown."""
    client = TrackingClient(server.uri, environ={}, scratch=tmp_path)
    run_id = client.open_session(session_id="d", name="d", tags={}, params={})
    client.close_session(run_id, passed=True, metrics={}, artifacts={"report.json": '{"ü": 1}'})
    client.close()

    with session_runs(server.uri, cache=cache, environ=os.environ) as runs:
        assert runs.file(run_id, "report.json") == '{"ü": 1}'
        for absent in ((run_id, "other.json"), ("0" * 32, "report.json")):
            with pytest.raises(UnknownError):
                runs.file(*absent)
        with pytest.raises(UnknownError):
            runs.mark_baseline("0" * 32, "main")


def test_the_newest_ended_session_with_a_tag_is_found(server: TemporaryServer, cache: Path, tmp_path: Path) -> None:
    """Of a commit, or of its beginning; a session that still runs has no report yet."""
    client = TrackingClient(server.uri, environ={}, scratch=tmp_path)
    tags = {"e2i_eval.git_commit": "abcdef0123" * 4}
    old, new = (client.open_session(session_id=each, name=each, tags=tags, params={}) for each in "ef")
    client.close_session(old, passed=True, metrics={}, artifacts={})
    client.drain(30.0)

    with session_runs(server.uri, cache=cache, environ=os.environ) as runs:
        assert runs.newest("e2i_eval.git_commit", "abcdef0%") == old
        client.close_session(new, passed=True, metrics={}, artifacts={"report.json": "{}"})
        client.close()

        assert runs.newest("e2i_eval.git_commit", "abcdef0123" * 4) == new
        assert runs.newest("e2i_eval.git_commit", "abcdef1%") is None


def test_a_file_a_store_keeps_is_found_without_a_server(server: TemporaryServer, tmp_path: Path) -> None:
    """Where the server itself has put it."""
    client = TrackingClient(server.uri, environ={}, scratch=tmp_path)
    run_id = client.open_session(session_id="g", name="g", tags={}, params={})
    client.close_session(run_id, passed=True, metrics={}, artifacts={"report.json": '{"ü": 1}'})
    client.close()
    store = server.artifacts.parent

    found = kept_file(store, run_id, "report.json")

    assert found is not None
    assert found.read_text() == '{"ü": 1}'
    assert kept_file(store, run_id, "other.json") is None
    assert kept_file(tmp_path / "nowhere", run_id, "report.json") is None
