"""The tracking server of a session, what is written to it, and what is read back.

Only this package imports MLflow, and only where a function says so: importing it costs the standard library.
"""

from __future__ import annotations

from e2i_eval.case_run import CaseRun
from e2i_eval.tracking.activation import abandon, redirected
from e2i_eval.tracking.client import TrackingClient
from e2i_eval.tracking.fluent import end_open_runs
from e2i_eval.tracking.proxy import LoggingProxy
from e2i_eval.tracking.serve import serve_store
from e2i_eval.tracking.server import TemporaryServer
from e2i_eval.tracking.session_runs import SessionRuns, kept_file, session_runs
from e2i_eval.tracking.silence import MlflowLogger

__all__ = [
    "CaseRun",
    "LoggingProxy",
    "MlflowLogger",
    "SessionRuns",
    "TemporaryServer",
    "TrackingClient",
    "abandon",
    "end_open_runs",
    "kept_file",
    "redirected",
    "serve_store",
    "session_runs",
]
