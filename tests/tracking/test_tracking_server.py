"""The temporary server: started at once, ended with its parent, whatever happens to either."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from e2i_eval.core.errors import ServerError
from e2i_eval.tracking import TemporaryServer, spawn
from e2i_eval.tracking import server as server_module
from e2i_eval.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START_TIMEOUT_S = 180.0

PARENT = """
import os, signal, sys, time
from pathlib import Path
from e2i_eval.tracking import TemporaryServer
server = TemporaryServer.start(store=Path(sys.argv[1]), cache=Path(sys.argv[2]), environ=os.environ)
if sys.argv[3] == "forked sibling" and os.fork() == 0:
    time.sleep(30)  # holds a copy of the server's standard input
    os._exit(0)
if sys.argv[3] == "stopped server":
    time.sleep(0.5)
    os.kill(server.pid, signal.SIGSTOP)
print(server.pid, server.uri, flush=True)
time.sleep(60)
"""


def start_parent(store: Path, cache: Path, manner: str) -> tuple[subprocess.Popen[str], int, str]:
    """Start a process that starts a server; return it with the server's process id and address."""
    command = [sys.executable, "-c", PARENT, str(store), str(cache), manner]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, uri = parent.stdout.readline().split()
    return parent, int(pid), uri


def is_listening(uri: str) -> bool:
    """Tell whether somebody accepts connections at an address."""
    try:
        with socket.create_connection(("127.0.0.1", urlsplit(uri).port or 0), timeout=1):
            return True
    except OSError:
        return False


def test_start_returns_before_the_server_is_ready_and_clients_may_connect(tmp_path: Path, cache: Path) -> None:
    """Collecting goes on while MLflow is imported; nobody races for the port."""
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    connected = is_listening(server.uri)
    server.stop()

    assert connected


def test_a_ready_server_answers_and_leaves_nothing_when_it_is_stopped(
    tmp_path: Path, cache: Path, is_gone: Callable[[int, float], bool]
) -> None:
    """Its life in order: ready, answering, ended within a second, one database file and a log left."""
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    server.wait_ready(START_TIMEOUT_S)
    with urllib.request.urlopen(f"{server.uri}/version") as answer:
        version = answer.read().decode()
    was_alive = server.alive()
    begun_s = time.monotonic()
    server.stop()
    took_s = time.monotonic() - begun_s
    server.stop()

    assert version == spawn.mlflow_version()
    assert was_alive
    assert took_s < 10.0  # `mlflow server` takes up to twenty
    assert not server.alive()
    assert is_gone(server.pid, 0.1)
    assert not is_listening(server.uri)
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["mlflow.db", "server.log"]
    assert "outbound connection refused" not in server.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("manner", ["plain", "forked sibling", "stopped server"])
def test_the_server_does_not_outlive_a_killed_parent(
    tmp_path: Path, cache: Path, is_gone: Callable[[int, float], bool], manner: str
) -> None:
    """SIGKILL leaves the parent no time to clean up: the server notices by itself, even a stopped one."""
    parent, pid, uri = start_parent(tmp_path / "store", cache, manner)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert parent.stdout is not None
    parent.stdout.close()

    assert is_gone(pid, 10.0)
    assert not is_listening(uri)
    assert not [path.name for path in (tmp_path / "store").iterdir() if path.name.startswith(".")]


def test_a_server_started_in_a_thread_lives_on_when_the_thread_ends(tmp_path: Path, cache: Path) -> None:
    """Linux reports a parent's death when the thread that started the child ends; that must not count."""
    started: list[TemporaryServer] = []

    def start_and_linger() -> None:
        started.append(TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ))
        time.sleep(1.0)  # the child has by then asked to be told

    thread = threading.Thread(target=start_and_linger)
    thread.start()
    thread.join()
    time.sleep(0.3)
    running = started[0].is_running()
    started[0].stop()

    assert running


def test_ctrl_c_does_not_reach_the_server(tmp_path: Path, cache: Path) -> None:
    """The terminal sends Ctrl-C to the whole group; pytest still has to read and record."""
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    group = os.getpgid(server.pid)
    server.stop()

    assert group != os.getpgid(0)


def test_ctrl_c_ends_a_served_store(tmp_path: Path, cache: Path) -> None:
    """What ``e2i-eval ui`` does: one line with the address, then until Ctrl-C."""
    code = (
        "import os, signal, sys; from pathlib import Path; from e2i_eval.tracking import serve_store\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell started us behind its back\n"
        "say = lambda line: print(line, flush=True)\n"
        "sys.exit(serve_store(Path(sys.argv[1]), None, cache=Path(sys.argv[2]), environ=os.environ, say=say))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "store"), str(cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        uri = line.split()[0]
        was_listening = is_listening(uri)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=START_TIMEOUT_S)
        finally:
            process.kill()

    assert line == f"{uri} serves {tmp_path / 'store'}; Ctrl-C ends it\n"
    assert was_listening
    assert (process.returncode, out, err) == (0, "", "")
    assert not is_listening(uri)


def test_a_server_that_dies_while_starting_says_what_its_log_says(tmp_path: Path, cache: Path) -> None:
    """The error has the exit code, the log's path and its end."""
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    server.log.write_text("something is wrong\n", encoding="utf-8")
    os.kill(server.pid, signal.SIGKILL)

    with pytest.raises(ServerError) as caught:
        server.wait_ready(START_TIMEOUT_S)
    assert str(caught.value) == (
        f"{server.log}: the tracking server ended while it was starting (exit code -9); the end of its log:\n"
        "  | something is wrong"
    )


def test_a_server_that_is_too_slow_is_ended(tmp_path: Path, cache: Path, is_gone: Callable[[int, float], bool]) -> None:
    """Nobody waits longer than was asked for."""
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)

    with pytest.raises(ServerError, match=r"was not ready after 0\.01 s"):
        server.wait_ready(0.01)
    assert is_gone(server.pid, 1.0)


def test_a_taken_port_is_named(tmp_path: Path, cache: Path) -> None:
    """The port is tried before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError) as caught:
            TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ, port=port)

    assert str(caught.value) == (
        f"port {port} on 127.0.0.1 cannot be used: address already in use\n"
        "  fix: end what uses it, or leave the port out to have a free one"
    )


def test_the_server_does_not_see_what_is_meant_for_clients(tmp_path: Path) -> None:
    """A user's tracking address, run and exporters would change what the server does."""
    user = {"PATH": "/bin", "MLFLOW_TRACKING_URI": "http://prod", "MLFLOW_RUN_ID": "1", "OTEL_TRACES_EXPORTER": "otlp"}

    child = spawn.child_environment(user, Store(root=tmp_path), tmp_path)

    assert child["PATH"] == "/bin"
    assert {"MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "OTEL_TRACES_EXPORTER"}.isdisjoint(child)
    assert child["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert child["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert child["MLFLOW_MODEL_CATALOG_URI"] == ""


def test_the_server_process_can_reach_nothing_but_this_machine() -> None:
    """The guard is in place before MLflow is imported, so no version of it can report or fetch anything."""
    launcher = Path(server_module.__file__).with_name("launcher.py")
    code = (
        f"import runpy, socket, sys; scope = runpy.run_path({str(launcher)!r})\n"
        "scope['refuse_outbound_connections']()\n"
        "for target in (('192.0.2.1', 80), ('example.com', 443), ('127.0.0.1', 9)):\n"
        "    try: socket.create_connection(target, timeout=1)\n"
        "    except OSError as error: print(type(error).__name__)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["PermissionError", "PermissionError", "ConnectionRefusedError"]
    assert "e2i-eval: outbound connection refused: socket.getaddrinfo '192.0.2.1'" in done.stderr


def test_another_mlflow_is_started_by_its_public_command(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, is_gone: Callable[[int, float], bool]
) -> None:
    """When MLflow's private names are others the start is slow, and all else the same."""
    environment = spawn.child_environment

    def renamed(environ: Mapping[str, str], store: Store, folder: Path) -> dict[str, str]:
        child = environment(environ, store, folder)
        child["_MLFLOW_SERVER_RENAMED"] = child.pop("_MLFLOW_SERVER_FILE_STORE")
        return child

    monkeypatch.setattr(spawn, "child_environment", renamed)
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    server.wait_ready(START_TIMEOUT_S)
    was_alive = server.alive()
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="utf-8").split()
    server.stop()

    assert was_alive
    name = "mlflow.server.constants.BACKEND_STORE_URI_ENV_VAR"
    assert server.notes == [f"MLflow's server is started the slow way: {name} is not what was expected"]
    assert children
    assert all(is_gone(pid, 5.0) for pid in (server.pid, *map(int, children)))
    assert not is_listening(server.uri)
