"""The tracking server of a session, what is written to it, and what is read back.

Only this package imports MLflow, and only where a function says so: importing it costs the standard library.
"""

from __future__ import annotations

from e2i_eval.core.mlflow_run import CaseRun
from e2i_eval.tracking.activation import abandon, redirected
from e2i_eval.tracking.client import TrackingClient
from e2i_eval.tracking.fluent import end_open_runs
from e2i_eval.tracking.golden_dataset import GoldenDataset, golden_dataset
from e2i_eval.tracking.kept_sessions import KeptSessions
from e2i_eval.tracking.proxy import LoggingProxy
from e2i_eval.tracking.serve import serve_store
from e2i_eval.tracking.server import TemporaryServer
from e2i_eval.tracking.session_runs import SessionRuns, kept_file, session_runs
from e2i_eval.tracking.silence import MlflowLogger
from e2i_eval.tracking.stored_traces import StoredTraces, stored_traces

__all__ = [
    "CaseRun",
    "GoldenDataset",
    "KeptSessions",
    "LoggingProxy",
    "MlflowLogger",
    "SessionRuns",
    "StoredTraces",
    "TemporaryServer",
    "TrackingClient",
    "abandon",
    "end_open_runs",
    "golden_dataset",
    "kept_file",
    "redirected",
    "serve_store",
    "session_runs",
    "stored_traces",
]
