"""Busy processes: another process delivers, may die, and is never waited for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from langchain_core.runnables import Runnable, RunnableLambda
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, call_queue, flush, observe
from e2i.mlops.batch_sender import BUSY_CALLS, BatchSender
from e2i.mlops.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

CALLS = 4 * BUSY_CALLS
TIMEOUT_S = 60.0

SERVICE = """
import json, os, sys, time
from langchain_core.runnables import RunnableLambda
from e2i.config import AgentConfig
from e2i.mlops import observe

observed = observe(RunnableLambda(lambda inputs: {}), AgentConfig.model_validate(json.loads(sys.argv[1])))
def call(count):
    for number in range(count):
        observed.invoke({"number": number})
call(int(sys.argv[2]))
"""


def answering() -> Runnable[Any, Any]:
    """Return an agent that needs no Claude."""
    return RunnableLambda(lambda _inputs: {"confidence": 0.5})


def counted(mlflow: MlflowConfig, config: AgentConfig) -> tuple[int, int, int]:
    """Return how many traces, different traces, and runs the server holds of an agent."""
    client = MlflowClient(mlflow.tracking_uri)
    experiment = client.get_experiment_by_name(config.mlflow_experiment.format(brand="all-brands"))
    assert experiment is not None
    traces = client.search_traces(locations=[experiment.experiment_id], max_results=200)
    runs = client.search_runs([experiment.experiment_id])
    return len(traces), len({trace.info.trace_id for trace in traces}), len(runs)


def workers(parent: int) -> list[psutil.Process]:
    """Return the worker processes of a process."""
    found = []
    for process in psutil.Process(parent).children():
        try:
            if "e2i.mlops.worker" in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def awaited_worker(parent: int) -> psutil.Process:
    """Return the worker process once it is there."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        if found := workers(parent):
            return found[0]
        time.sleep(0.02)
    pytest.fail("no worker process was started")


def service(mlflow: MlflowConfig, config: AgentConfig, ending: str, calls: int = CALLS) -> subprocess.Popen[str]:
    """Start a process that makes many calls and then does as told."""
    environ = {
        **os.environ,
        "MLFLOW_TRACKING_URI": mlflow.tracking_uri,
        "E2I_SPOOL_DIR": str(mlflow.spool_dir),
        "E2I_MLFLOW_READ_TIMEOUT_S": "30",
        "E2I_MLFLOW_EXIT_TIMEOUT_S": str(TIMEOUT_S),
    }
    command = [sys.executable, "-c", SERVICE + ending, config.model_dump_json(), json.dumps(calls)]
    return subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_few_calls_start_no_process(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """A second process is for those who need it."""
    observed = observe(answering(), agent(), mlflow=mlflow)
    for number in range(BUSY_CALLS // 2):
        observed.invoke({"number": number})

    assert flush(TIMEOUT_S).pending == 0
    assert workers(os.getpid()) == []


def test_many_calls_are_delivered_by_a_process_that_ends_with_this_one(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """All arrive once, and the process is gone when the sender is closed."""
    config = agent()
    observed = observe(answering(), config, mlflow=mlflow)
    for number in range(CALLS):
        observed.invoke({"number": number})
    worker = awaited_worker(os.getpid())
    open_files = [Path(file.path).suffix for file in worker.open_files()]
    result = flush(TIMEOUT_S)
    call_queue.close()

    assert (result.delivered, result.pending, result.dropped) == (CALLS, 0, 0)
    assert counted(mlflow, config) == (CALLS, CALLS, CALLS)
    assert not worker.is_running()
    assert open_files.count(".lock") == 1  # or a service that takes over would deliver what the worker delivers


def test_the_worker_may_be_killed(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Calls that it was about to deliver are delivered by another one, once."""
    config = agent()
    observed = observe(answering(), config, mlflow=mlflow)
    for number in range(CALLS):
        observed.invoke({"number": number})
    worker = awaited_worker(os.getpid())
    flush(1.5)
    worker.kill()
    result = flush(TIMEOUT_S)

    assert (result.pending, result.dropped) == (0, 0)
    assert counted(mlflow, config) == (CALLS, CALLS, CALLS)


def test_a_killed_service_is_finished_by_its_worker_and_the_next(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Nobody takes over what the worker still delivers, so that no call gets two runs."""
    config = agent()
    process = service(mlflow, config, "time.sleep(60)")
    worker = awaited_worker(process.pid)
    time.sleep(1.0)  # into the middle, more or less: wherever it is hit, nothing may be lost or doubled
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=TIMEOUT_S)
    call_queue.resume(mlflow)
    psutil.wait_procs([worker], timeout=TIMEOUT_S)
    call_queue.close()
    call_queue.resume(mlflow)
    result = flush(TIMEOUT_S)

    assert (result.pending, result.dropped) == (0, 0)
    assert counted(mlflow, config) == (CALLS, CALLS, CALLS)
    assert [path for path in mlflow.spool_dir.rglob("*.jsonl") if path.stat().st_size] == []


def test_a_fork_beside_a_worker(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """The child leaves its parent's worker alone and delivers by itself."""
    config = agent()
    ending = """
time.sleep(1.0)
child = os.fork()
call(2 if child == 0 else 20)
if child:
    os.waitpid(child, 0)
"""
    _, errors = service(mlflow, config, ending, calls=20).communicate(timeout=TIMEOUT_S)

    assert errors == ""
    assert counted(mlflow, config) == (42, 42, 42)


@pytest.mark.parametrize("executable", ["", "/usr/sbin/uwsgi", "/nowhere/python"])
def test_without_a_python_to_start_a_thread_delivers(
    mlflow: MlflowConfig, monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    """Some servers embed the interpreter, and none of them is started a second time by us."""
    monkeypatch.setattr(sys, "executable", executable)
    sender = BatchSender(mlflow)
    messages = [Message(line=b"{}") for _ in range(BUSY_CALLS + 1)]
    outcome = sender.deliver(messages, lock=None)
    sender.close()

    assert all(message.progress.is_settled for message in messages)
    assert len(outcome.dropped) == len(messages)
    assert workers(os.getpid()) == []


def test_the_worker_tells_what_became_of_each_call(mlflow: MlflowConfig) -> None:
    """Progress and reasons come back through the pipe as if it had been done here."""
    sender = BatchSender(mlflow)
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        messages = [Message(line=b"{}") for _ in range(BUSY_CALLS + 1)]
        outcome = sender.deliver(messages, lock=None)
        if sender.has_worker():
            break
    messages = [Message(line=b"{}") for _ in range(2)]
    outcome = sender.deliver(messages, lock=None)
    sender.close()

    assert [message.progress.is_settled for message in messages] == [True, True]
    assert len(outcome.dropped) == 2
    assert outcome.dropped[0].startswith("a record of the spool is unreadable")
