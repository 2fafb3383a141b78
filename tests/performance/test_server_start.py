"""How soon the temporary server is ready, compared with MLflow's own command, interleaved on the same machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.tracking import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 2
START_TIMEOUT_S = 300.0
BAR = 0.7
"""Ours must be ready in less than this share of the command's time; measured 0.2 to 0.4."""

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@dataclass(frozen=True)
class Cost:
    """What a server took until it answered."""

    ready_s: float
    cpu_s: float
    processes: int
    rss_mib: float


def test_the_temporary_server_is_ready_several_times_sooner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both with compiled files at hand; each round starts both, so a busy machine is busy for both."""
    cache = Path(tempfile.gettempdir()) / "e2i-eval-test-cache"
    start_ours(tmp_path / "warm", cache)
    ours, command = [], []
    for number in range(ROUNDS):
        ours.append(start_ours(tmp_path / f"ours{number}", cache))
        command.append(start_command(tmp_path / f"command{number}", cache))
    best, other = (min(costs, key=lambda cost: cost.ready_s) for costs in (ours, command))
    with capsys.disabled():
        sys.stdout.write(f"\n{'':>24}{'ready s':>9}{'CPU s':>8}{'processes':>11}{'RSS MiB':>9}\n")
        for name, cost in (("temporary server", best), ("mlflow server", other)):
            figures = f"{cost.ready_s:9.1f}{cost.cpu_s:8.1f}{cost.processes:11d}{cost.rss_mib:9.0f}"
            sys.stdout.write(f"{name:>24}{figures}\n")
        ratio = f"{best.ready_s / other.ready_s:9.2f}{best.cpu_s / other.cpu_s:8.2f}"
        sys.stdout.write(f"{'ratio':>24}{ratio}\n")

    assert best.ready_s < BAR * other.ready_s
    assert best.processes == 1


def start_ours(store: Path, cache: Path) -> Cost:
    """Start the temporary server, wait, measure, stop."""
    begun_s = time.monotonic()
    server = TemporaryServer.start(store=store, cache=cache, environ=os.environ)
    try:
        server.wait_ready(START_TIMEOUT_S)
        assert answers(int(server.uri.rpartition(":")[2]))
        return cost(server.pid, time.monotonic() - begun_s)
    finally:
        server.stop()


def start_command(store: Path, cache: Path) -> Cost:
    """Start ``mlflow server`` with its defaults, wait, measure, end all of its processes."""
    store.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{store / 'mlflow.db'}", "--artifacts-destination", str(store)]
    rest = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ = {**rest, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_MODEL_CATALOG_URI": ""}
    if (cache / "pycache").is_dir():
        environ["PYTHONPYCACHEPREFIX"] = str(cache / "pycache")
    begun_s = time.monotonic()
    with (store / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(lambda: answers(port), process)
        return cost(process.pid, time.monotonic() - begun_s)
    finally:
        for pid in tree(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(store, ignore_errors=True)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something holds; fail when the process ends first."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Tell whether a server can be asked for its experiments, which is what ready means for a client."""
    body = b'{"max_results": 1}'
    address = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=START_TIMEOUT_S):
            return True
    except OSError:
        return False


def cost(pid: int, ready_s: float) -> Cost:
    """Measure a process and all below it."""
    pids = tree(pid)
    ticks = rss_pages = 0
    for each in pids:
        fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += sum(int(fields[index]) for index in (11, 12, 13, 14))  # own and reaped children's, user and system
        rss_pages += int(fields[21])
    return Cost(ready_s, ticks / TICKS_PER_S, len(pids), rss_pages * os.sysconf("SC_PAGE_SIZE") / MIB)


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return [pid, *(below for child in children for below in tree(int(child)))]
