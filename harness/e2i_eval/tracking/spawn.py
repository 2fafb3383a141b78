"""Starting the server's process: socket, environment, command."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.core.errors import ServerError
from e2i_eval.tracking.store import OTHER_STORE, Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.tracking.template import Template

__all__ = ["bind", "mlflow_version", "spawn"]

BACKLOG = 512

DROPPED_PREFIXES = ("MLFLOW_", "_MLFLOW_", "OTEL_", "COV_CORE_", "COVERAGE_", "GUNICORN_", "UVICORN_")
"""Variables of the user's that are meant for a client, or for another server, and would change this one."""

DROPPED = frozenset({"PYTHONWARNINGS", "PYTHONDEVMODE", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONPROFILEIMPORTTIME"})


def mlflow_version() -> str:
    """Return the installed MLflow's version without importing it.

    Raises:
        ServerError: MLflow is not installed.
    """
    try:
        return importlib.metadata.version("mlflow")
    except importlib.metadata.PackageNotFoundError as error:
        what = "MLflow is not installed"
        raise ServerError(what, fix="pip install mlflow") from error


def bind(port: int | None) -> socket.socket:
    """Return a listening socket on 127.0.0.1; ``port`` None takes a free one.

    Clients may connect from now on: the kernel keeps them waiting until the server is up.

    Raises:
        ServerError: the port is taken or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port or 0))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        what = f"port {port} on 127.0.0.1 cannot be used: {(error.strerror or str(error)).lower()}"
        raise ServerError(what, fix="end what uses it, or leave the port out to have a free one") from error
    return listener


def spawn(
    listener: socket.socket, store: Store, template: Template, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the launcher with ``listener``; its standard output carries its events, its standard input its life.

    Raises:
        ServerError: the process cannot be started.
    """
    launch = {
        "fd": listener.fileno(),
        "database": str(store.database),
        "artifacts": str(store.artifacts),
        "template": str(template.path),
        "other_store": OTHER_STORE,
        "source_root": str(Path(__file__).parents[2]),
        "parent_pid": os.getpid(),
        "signal_on_death": threading.current_thread() is threading.main_thread(),
    }
    script = Path(__file__).with_name("launcher.py")
    try:
        with store.log.open("ab") as log:
            # -P: the folder of the script holds modules whose names others may want to import
            return subprocess.Popen(  # noqa: S603  no shell, our own arguments
                [sys.executable, "-P", "-W", "ignore", str(script), json.dumps(launch)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=child_environment(environ, store, template.path.parent),
                cwd=store.root,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal is for pytest, which ends the server when it is done
            )
    except OSError as error:
        what = f"the tracking server's process cannot be started: {error}"
        raise ServerError(what) from error


def child_environment(environ: Mapping[str, str], store: Store, cache: Path) -> dict[str, str]:
    """Return the server's environment: the user's without what could change it, plus what MLflow's server reads."""
    kept = {
        name: value for name, value in environ.items() if not name.startswith(DROPPED_PREFIXES) and name not in DROPPED
    }
    uri = f"sqlite:///{store.database}"
    return {
        **_bytecode(kept, cache),
        # the private names that `mlflow server` sets for its workers (mlflow/server/__init__.py, `_run_server`)
        "_MLFLOW_SERVER_FILE_STORE": uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(store.artifacts),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_BOOT_ID": uuid.uuid4().hex,
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_MODEL_CATALOG_URI": "",
    }


def _bytecode(environ: dict[str, str], cache: Path) -> dict[str, str]:
    """Have compiled files kept in the cache where they cannot be beside the sources: without any a start takes 3x."""
    spec = importlib.util.find_spec("mlflow")
    folder = Path(spec.origin).parent / "server" / "__pycache__" if spec and spec.origin else None
    if folder is None or folder.is_dir():
        return environ
    if "PYTHONDONTWRITEBYTECODE" not in environ and os.access(folder.parent, os.W_OK):
        return environ
    rest = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**rest, "PYTHONPYCACHEPREFIX": str(cache / "pycache")}
