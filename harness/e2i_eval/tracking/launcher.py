"""The child process: prepares the database, then serves MLflow's own application until its parent is gone.

Run as a script with one argument, a JSON object (see ``spawn.py``). It talks to its parent in JSON lines on standard
output: ``{"event": "note" | "error" | "ready", ...}``. Standard input is the lifeline: when it ends, the parent is gone
and so is this process.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from types import FrameType

PARENT_POLL_S = 0.5
GRACE_S = 0.5
KEEP_ALIVE_S = 75
PR_SET_PDEATHSIG = 1
LOCAL = frozenset({"127.0.0.1", "::1", "localhost", "", b"127.0.0.1", b"localhost", None})
CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
NAMING = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})

CONSTANTS = (
    "BACKEND_STORE_URI_ENV_VAR",
    "REGISTRY_STORE_URI_ENV_VAR",
    "ARTIFACT_ROOT_ENV_VAR",
    "ARTIFACTS_DESTINATION_ENV_VAR",
    "SERVE_ARTIFACTS_ENV_VAR",
)
"""Where MLflow's server keeps the names of the variables that ``spawn.py`` sets."""


def main() -> int:
    """Serve, and return the exit code."""
    launch: dict[str, Any] = json.loads(sys.argv[1])
    sys.path.append(launch["source_root"])
    parent = Parent(launch)
    parent.watch()
    refuse_outbound_connections()
    from e2i_eval.core.errors import ServerError  # noqa: PLC0415  importable only now

    gc.disable()  # measured: collecting while MLflow's 2,400 modules are imported costs 12 % of the start
    try:
        serve(launch, parent)
    except Incompatible as reason:
        parent.report("note", text=f"MLflow's server is started the slow way: {reason}")
        return serve_by_command(launch, parent)
    except ServerError as error:
        parent.report("error", what=error.what, fix=error.fix or "")
        return 1
    return 0


class Incompatible(Exception):  # noqa: N818  a fork in the road, not an error
    """This MLflow does not have the private names the direct start relies on."""


class Parent:
    """The process that started this one: it is kept informed, and not outlived."""

    def __init__(self, launch: dict[str, Any]) -> None:
        self._pid: int = launch["parent_pid"]
        self._signal_on_death: bool = launch["signal_on_death"]
        self._pipe: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
        os.dup2(2, 1)  # whatever MLflow prints belongs in the log, not between the JSON lines

    def report(self, event: str, **fields: str) -> None:
        """Send one event; a parent that no longer listens is no error."""
        with contextlib.suppress(OSError, ValueError):
            self._pipe.write(json.dumps({"event": event, **fields}) + "\n")

    def watch(self) -> None:
        """From now on, end when the parent ends."""
        if self._signal_on_death and sys.platform == "linux":
            # Works even on a stopped process, which cannot watch anything itself. Linux sends it when the *thread* that
            # started us ends, so the parent asks for it only from its main thread.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        threading.Thread(target=self._wait_for_end, name="lifeline", daemon=True).start()

    def _wait_for_end(self) -> None:
        """Wait for the end of standard input, or for another parent: a forked sibling may keep the pipe open."""
        while os.getppid() == self._pid:
            readable, _, _ = select.select([0], [], [], PARENT_POLL_S)
            if readable and not os.read(0, 1):
                break
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(0)


def refuse_outbound_connections() -> None:
    """Let this process reach nothing but this machine, whatever MLflow may want to fetch or report."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CONNECTING:
            address = arguments[-1]
            host = address[0] if isinstance(address, tuple) else None  # a text is a Unix socket's path
        elif event in NAMING:
            host = arguments[0]
        else:
            return
        if host not in LOCAL:
            message = f"outbound connection refused: {event} {host!r}"
            sys.stderr.write(f"e2i-eval: {message}\n")
            raise PermissionError(message)

    sys.addaudithook(hook)


def serve(launch: dict[str, Any], parent: Parent) -> None:
    """Run MLflow's application on the inherited socket until asked to stop.

    Raises:
        Incompatible: this MLflow needs another way.
        ServerError: the store cannot be used.
    """
    import uvicorn  # noqa: PLC0415  must come before MLflow's server, which looks whether it runs under one

    from e2i_eval.tracking import database  # noqa: PLC0415  importable only now

    check_names()
    database.write_ahead()
    database.prepare(Path(launch["database"]), Path(launch["template"]), lambda text: parent.report("note", text=text))
    open_stores(f"sqlite:///{launch['database']}")
    app = import_module("mlflow.server.fastapi_app").app
    gc.freeze()
    gc.enable()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            parent.report("ready")

    signal.signal(signal.SIGTERM, leave)  # uvicorn raises the signal again once it has shut down
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_keep_alive=KEEP_ALIVE_S)
    try:
        Server(config).run(sockets=[socket.socket(fileno=launch["fd"])])
    finally:
        database.tidy(Path(launch["database"]))


def leave(_signal: int, _frame: FrameType | None) -> None:
    """End in order, so that what is open is closed."""
    sys.exit(0)


def check_names() -> None:
    """See that MLflow's server reads the variables the parent has set.

    Raises:
        Incompatible: it does not.
    """
    try:
        constants = import_module("mlflow.server.constants")
    except ImportError as error:
        raise Incompatible(str(error)) from error
    for name in CONSTANTS:
        if getattr(constants, name, None) not in os.environ:
            message = f"mlflow.server.constants.{name} is not what was expected"
            raise Incompatible(message)


def open_stores(uri: str) -> None:
    """Open MLflow's stores before the first request does, as the ``mlflow server`` command does.

    Raises:
        Incompatible: the server would use another database.
    """
    handlers: Any = import_module("mlflow.server.handlers")
    handlers.initialize_backend_stores(uri, uri, os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"])
    used = getattr(handlers._get_tracking_store(), "db_uri", None)  # noqa: SLF001  the only way to ask the server itself
    if used != uri:
        message = f"the server would use {used} instead of {uri}"
        raise Incompatible(message)


def serve_by_command(launch: dict[str, Any], parent: Parent) -> int:
    """Start MLflow's server by its public command, and stay to end all its processes with the parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0) if sys.platform == "linux" else None  # we are needed for the rest
    with socket.socket(fileno=launch["fd"]) as inherited:
        port = inherited.getsockname()[1]
    uri = f"sqlite:///{launch['database']}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", uri, "--artifacts-destination", launch["artifacts"], "--serve-artifacts"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603  our own arguments
    signal.signal(signal.SIGTERM, leave)
    try:
        while server.poll() is None and not is_up(port):
            time.sleep(0.1)
        parent.report("ready")
        return server.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def is_up(port: int) -> bool:
    """Tell whether the server on ``port`` answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
