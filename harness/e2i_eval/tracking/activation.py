"""The time during which a case runs: whatever logs in this process, logs to the case's run."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING

from e2i_eval.tracking.fluent import Strays, fluent_run, point_mlflow_at
from e2i_eval.tracking.on_import import OnImport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from e2i_eval.core.mlflow_run import CaseRun

__all__ = ["NO_SERVER", "Activation", "abandon", "redirected", "variables"]

NO_SERVER = "http://127.0.0.1:9"
"""An address that refuses at once (the discard port): where logging goes when the real server is gone."""

BRISK = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
}
"""MLflow's client waits 120 s, seven times over, for a server that is gone; not while we evaluate."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_ENABLE_OTLP_EXPORTER": "false",
}
"""Nothing leaves the machine, no export waits for a price catalogue, and none goes to a collector instead of to us."""

ELSEWHERE = (
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_RUN_CONTEXT",
)
"""What a user's shell may say of a server or a run of theirs: nothing of an evaluation goes there."""


class Activation:
    """Points this process's logging at the server, and at one case's run after the other.

    The variables go into ``environ`` at once and stay until ``restore``, so that exports in the background are as brisk
    as those in a case.
    """

    def __init__(self, uri: str, environ: MutableMapping[str, str]) -> None:
        self.names_source = False
        """Name the case in ``MLFLOW_RUN_CONTEXT`` too: MLflow takes the run from ``MLFLOW_RUN_ID`` only where a program
        opens one, and a process of its own may make traces without."""
        self._uri = uri
        self._environ = environ
        self._redirected = False
        self._before: str | None = None
        self._lasting = contextlib.ExitStack()
        self._lasting.enter_context(variables(environ, {**BRISK, **QUIET}))

    @contextlib.contextmanager
    def of(self, case_run: CaseRun, strays: Strays) -> Iterator[None]:
        """Make ``case_run`` what everything logs to; then all is as before, and ``strays`` has the target's runs."""
        exported: dict[str, str | None] = {
            "MLFLOW_TRACKING_URI": self._uri,
            "MLFLOW_RUN_ID": case_run.run_id,
            "MLFLOW_EXPERIMENT_ID": case_run.experiment_id,
            "MLFLOW_EXPERIMENT_NAME": None,  # MLflow refuses a name and an id that differ
        }
        if self.names_source:
            exported["MLFLOW_RUN_CONTEXT"] = json.dumps({"mlflow.source.name": case_run.source_name})
        with variables(self._environ, exported), contextlib.ExitStack() as stack:
            if "mlflow" in sys.modules:
                self._redirect(self._uri)
                stack.enter_context(fluent_run(case_run, self._environ, strays))
            else:
                entering = fluent_run(case_run, self._environ, strays, tag_traces=False)
                stack.callback(OnImport("mlflow", lambda: stack.enter_context(entering)).withdraw)
            yield

    @contextlib.contextmanager
    def nowhere(self) -> Iterator[None]:
        """Let everything that logs fail at once: the server is gone, and the target is run all the same."""
        with variables(self._environ, {"MLFLOW_TRACKING_URI": NO_SERVER, "MLFLOW_RUN_ID": None}):
            if "mlflow" in sys.modules:
                self._redirect(NO_SERVER)
            yield

    def restore(self) -> None:
        """Leave the environment and MLflow as they were found."""
        if self._redirected:
            point_mlflow_at(self._before)
            self._redirected = False
        self._lasting.close()

    def _redirect(self, uri: str) -> None:
        before = point_mlflow_at(uri)
        if not self._redirected:
            self._redirected, self._before = True, before


def abandon(environ: MutableMapping[str, str]) -> None:
    """Let what MLflow still holds for a server that is gone go nowhere, at once, when the process ends.

    For a process that is about to end: this is not undone. Otherwise MLflow would try for minutes, or send it to the
    server that the user's shell names.
    """
    environ.update({**BRISK, **QUIET, "MLFLOW_TRACKING_URI": NO_SERVER})
    if "mlflow" in sys.modules:
        point_mlflow_at(NO_SERVER)


def redirected(uri: str, environ: MutableMapping[str, str]) -> contextlib.AbstractContextManager[None]:
    """Let what logs outside every case, while tests are imported or in a thread left over, log to ``uri`` too."""
    return variables(environ, {"MLFLOW_TRACKING_URI": uri, **dict.fromkeys(ELSEWHERE)})


@contextlib.contextmanager
def variables(environ: MutableMapping[str, str], values: Mapping[str, str | None]) -> Iterator[None]:
    """Set environment variables, or remove those given as None, and put back what was there."""
    before = {name: environ.get(name) for name in values}
    _assign(environ, values)
    try:
        yield
    finally:
        _assign(environ, before)


def _assign(environ: MutableMapping[str, str], values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value
