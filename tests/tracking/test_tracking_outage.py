"""The server dies or freezes in the middle: the session ends in seconds, and knows what it does not know."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.verdict import Verdict
from e2i_eval.tracking import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.tracking import TrackingClient

    OpenCase = Callable[..., CaseRun]
    Connect = Callable[[str], TrackingClient]

START_TIMEOUT_S = 180.0

pytestmark = pytest.mark.usefixtures("warm_python")


@pytest.fixture
def doomed(tmp_path: Path, cache: Path) -> Iterator[TemporaryServer]:
    """A ready server of the test's own."""
    server = TemporaryServer.start(store=tmp_path / "store", cache=cache, environ=os.environ)
    server.wait_ready(START_TIMEOUT_S)
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("blow", "longest_s", "reason"),
    [
        (signal.SIGSTOP, 60.0, "no answer within 5 s"),
        (signal.SIGKILL, 60.0, r"Connection(Refused|Reset)Error|RemoteDisconnected"),
    ],
)
def test_a_server_that_is_gone_is_asked_once(
    doomed: TemporaryServer, connect: Connect, open_case: OpenCase, blow: signal.Signals, longest_s: float, reason: str
) -> None:
    """One request and one health check time out; whatever comes later fails at once, and says since when."""
    client = connect(doomed.uri)
    case_run = open_case(client, "refund")
    client.drain(10)
    os.kill(doomed.pid, blow)
    begun_s = time.monotonic()
    with pytest.raises(UnknownError) as first:
        client.read(case_run)
    noticed_s = time.monotonic() - begun_s
    begun_s = time.monotonic()
    with pytest.raises(UnknownError) as second:
        open_case(client, "next")
    verdicts = (Verdict(check="wire", status="pass"),)
    client.record_case(
        case_run, passed=True, verdicts=verdicts, measurements={}, params={}, tags={}, traces=("t",), expectations={}
    )
    drained = client.drain(10)
    flushed = client.flush(10)
    later_s = time.monotonic() - begun_s
    begun_s = time.monotonic()
    doomed.stop()
    stopped_s = time.monotonic() - begun_s

    assert str(first.value).startswith(
        f"the tracking server at {doomed.uri} does not answer since case support/refund ("
    )
    assert re.search(reason, str(first.value))
    assert str(second.value) == str(first.value) == client.broken
    assert noticed_s < longest_s
    assert later_s < 5.0  # one more timeout
    assert (drained, flushed) == (True, False)
    assert set(client.lost) == {client.broken}
    assert stopped_s < 10.0


SESSION = """
import os, signal, sys, time
from pathlib import Path
from e2i_eval.core.case import Case
from e2i_eval.core.errors import UnknownError
from e2i_eval.tracking import TemporaryServer, TrackingClient
folder, cache, blow = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
server = TemporaryServer.start(store=folder / "store", cache=cache, environ=os.environ)
import mlflow
server.wait_ready(180)
client = TrackingClient(server.uri, environ=os.environ, scratch=folder)
session = client.open_session(session_id="s", name="n", tags={}, params={})
target = client.open_target(session_run_id=session, session_id="s", target="t", tags={})
known = unknown = 0
begun = time.monotonic()
for number in range(20):
    case = Case(id=f"t/{number}", target="t", inputs={})
    try:
        run = client.open_case(target_run_id=target, session_id="s", case=case, nodeid="n")
    except UnknownError:
        run = None
    if number == 3:
        os.kill(server.pid, blow)
    with client.active(run):
        with mlflow.start_span("support"):
            try:
                mlflow.log_metric("confidence", 1)
            except Exception:
                pass
    client.flush(3)
    try:
        if run is None:
            raise UnknownError("no run")
        client.read(run)
        known += 1
    except UnknownError:
        unknown += 1
client.drain(10)
client.close()
server.stop()
print(known, unknown, round(time.monotonic() - begun, 1), time.time(), flush=True)
"""


@pytest.mark.parametrize("blow", [signal.SIGSTOP, signal.SIGKILL])
def test_a_session_whose_server_goes_ends_in_seconds(tmp_path: Path, cache: Path, blow: signal.Signals) -> None:
    """All cases are run, those after the blow are unknown, and the process itself ends too.

    MLflow's own client would wait minutes a call, and once more for its queue when the process ends.
    """
    command = [sys.executable, "-W", "ignore", "-c", SESSION, str(tmp_path), str(cache), str(int(blow))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280)
    known, unknown, took_s, done_at_s = done.stdout.split()[-4:]

    assert (known, unknown) == ("3", "17")
    assert float(took_s) < 40.0
    assert time.time() - float(done_at_s) < 10.0
