"""Runs of earlier sessions on a tracking server: their reports, and which of them is a baseline."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking.client import LEVEL_TAG
from e2i_eval.tracking.connection import Connection
from e2i_eval.tracking.experiment import Experiment
from e2i_eval.tracking.reader import Reader
from e2i_eval.tracking.served import served
from e2i_eval.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["BASELINE_TAG", "SessionRuns", "kept_file", "session_runs"]

BASELINE_TAG = "e2i_eval.baseline"
EXPERIMENT = "e2i-eval"
PROXIED = "mlflow-artifacts:"


class SessionRuns:
    """The sessions recorded on one server."""

    def __init__(self, uri: str, environ: Mapping[str, str]) -> None:
        self._connection = Connection(uri, environ)
        self._reader = Reader(self._connection)
        self._experiment = Experiment(self._connection, EXPERIMENT)

    def file(self, run_id: str, name: str) -> str:
        """Return the text of a file stored with a session's run.

        Raises:
            UnknownError: there is no such run or file, or the server did not answer.
        """
        uri = str(self._reader.run(run_id)["info"].get("artifact_uri", ""))
        if not uri.startswith(PROXIED):
            return self._file_by_client(run_id, name)
        path = f"{uri.removeprefix(PROXIED).lstrip('/')}/{name}"
        return self._connection.send("GET", f"/api/2.0/mlflow-artifacts/artifacts/{quote(path)}", None).decode()

    def mark_baseline(self, run_id: str, baseline: str) -> tuple[str, ...]:
        """Tag a session's run as the baseline of that name; return the runs that were it before and are no more.

        Raises:
            UnknownError: there is no such run, or the server did not answer.
        """
        before = self._tagged(baseline)
        tag = {"run_id": run_id, "key": BASELINE_TAG, "value": baseline}
        self._connection.call("POST", "/api/2.0/mlflow/runs/set-tag", tag)  # first, so that there always is one
        losers = tuple(each for each in before if each != run_id)
        for loser in losers:
            self._connection.call("POST", "/api/2.0/mlflow/runs/delete-tag", {"run_id": loser, "key": BASELINE_TAG})
        return losers

    def baseline_run(self, baseline: str) -> str | None:
        """Return the id of the run that is the baseline of that name; None when none is.

        Raises:
            UnknownError: the server did not answer.
        """
        return next(iter(self._tagged(baseline)), None)

    def newest(self, tag: str, value: str) -> str | None:
        """Return the id of the newest ended session with a tag of this value; None when there is none.

        Args:
            tag: its name.
            value: its value; one that ends in ``%`` is a beginning.

        Raises:
            UnknownError: the server did not answer.
        """
        comparison = "LIKE" if value.endswith("%") else "="
        query = (
            f"tags.`{tag}` {comparison} '{value}' and tags.`{LEVEL_TAG}` = 'session' and attributes.status != 'RUNNING'"
        )
        return next((str(run["info"]["run_id"]) for run in self._reader.runs(query, {self._experiment.id}, 1)), None)

    def close(self) -> None:
        """Close the connections kept open."""
        self._connection.close()

    def _tagged(self, baseline: str) -> list[str]:
        query = f"tags.`{BASELINE_TAG}` = '{baseline}'"
        return [str(run["info"]["run_id"]) for run in self._reader.runs(query, {self._experiment.id})]

    def _file_by_client(self, run_id: str, name: str) -> str:
        """Read a file that the server does not serve itself (a bucket, a network folder)."""
        from mlflow import MlflowClient, artifacts  # noqa: PLC0415  MLflow is heavy

        try:
            uri = f"{MlflowClient(self._connection.uri).get_run(run_id).info.artifact_uri}/{name}"
            return str(artifacts.load_text(uri))
        except Exception as error:
            message = f"the file {name} of run {run_id} could not be read: {error}"
            raise UnknownError(message) from error


def kept_file(store: Path, run_id: str, name: str) -> Path | None:
    """Return where a store of this machine keeps a file of a run, found without a server; None when it does not.

    Starting a server for one file takes seconds; its own folder, ``artifacts/<experiment>/<run>``, says as much.
    """
    found = (Store(root=store).artifacts).glob(f"*/{run_id}/artifacts/{name}")
    return next((file for file in found if file.is_file()), None)


@contextmanager
def session_runs(place: Path | str, *, cache: Path, environ: Mapping[str, str]) -> Iterator[SessionRuns]:
    """Open the sessions of a server, or of a store by a temporary server on it.

    Args:
        place: folder of a store, or address of a server.
        cache: the user's cache folder.
        environ: the environment to start from.

    Raises:
        ServerError: the store cannot be served.
    """
    with served(place, cache=cache, environ=environ) as uri, closing(SessionRuns(uri, environ)) as runs:
        yield runs
