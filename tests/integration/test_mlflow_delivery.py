"""What happens to calls when the server, the disk or the process fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from langchain_core.runnables import Runnable, RunnableLambda
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, call_queue, flush, observe
from e2i.mlops.finished_call import FinishedCall

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

NOBODY = "http://127.0.0.1:1"
CHILD_TIMEOUT_S = 60

CHILD = """
import json, os, signal, sys, time
from langchain_core.runnables import RunnableLambda
from e2i.config import AgentConfig
from e2i.mlops import observe

def call(observed, count):
    for number in range(count):
        observed.invoke({"number": number})

config = AgentConfig.model_validate(json.loads(sys.argv[1]))
observed = observe(RunnableLambda(lambda inputs: {"confidence": 0.5}), config)
call(observed, 5)
"""


class Gateway(Protocol):
    """The gateway of conftest.py."""

    mode: str
    paths: list[str]
    uri: str


def answering() -> Runnable[Any, Any]:
    """Return an agent that needs no Claude."""
    return RunnableLambda(lambda _inputs: {"confidence": 0.5})


def counted(mlflow: MlflowConfig, config: AgentConfig) -> tuple[int, int]:
    """Return how many traces and runs the server holds of an agent."""
    client = MlflowClient(mlflow.tracking_uri)
    experiment = client.get_experiment_by_name(config.mlflow_experiment.format(brand="all-brands"))
    if experiment is None:
        return (0, 0)
    traces = client.search_traces(locations=[experiment.experiment_id], max_results=200)
    return len(traces), len(client.search_runs([experiment.experiment_id]))


def spool_files(mlflow: MlflowConfig) -> list[Path]:
    """Return what is left in the spool."""
    return [path for path in mlflow.spool_dir.rglob("*") if path.is_file()]


def child(mlflow: MlflowConfig, config: AgentConfig, ending: str, **environ: str) -> subprocess.Popen[str]:
    """Start a process that makes five calls and then does as told."""
    command = [sys.executable, "-c", CHILD + ending, config.model_dump_json()]
    settings = {
        **os.environ,
        "MLFLOW_TRACKING_URI": mlflow.tracking_uri,
        "E2I_SPOOL_DIR": str(mlflow.spool_dir),
        "E2I_MLFLOW_READ_TIMEOUT_S": "30",
        "E2I_MLFLOW_EXIT_TIMEOUT_S": "30",
        **environ,
    }
    return subprocess.Popen(command, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def drained(mlflow: MlflowConfig) -> str:
    """Run the drain command; returns what it prints."""
    settings = {
        **os.environ,
        "MLFLOW_TRACKING_URI": mlflow.tracking_uri,
        "E2I_SPOOL_DIR": str(mlflow.spool_dir),
        "E2I_MLFLOW_READ_TIMEOUT_S": "30",
    }
    command = [sys.executable, "-m", "e2i.mlops.drain"]
    done = subprocess.run(command, env=settings, text=True, capture_output=True, timeout=CHILD_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_logging_that_is_off_leaves_the_agent_alone(agent: MakeAgent) -> None:
    """Nothing is attached, so nothing can cost or fail."""
    agent_itself = answering()

    assert observe(agent_itself, agent(), mlflow=MlflowConfig(enabled=False)) is agent_itself


def test_an_outage_changes_no_answer_and_loses_nothing(
    mlflow: MlflowConfig, gateway: Gateway, agent: MakeAgent
) -> None:
    """Calls wait in the spool while the server is down, and arrive once when it is back."""
    config = agent()
    gateway.mode = "unavailable"
    observed = observe(answering(), config, mlflow=replace(mlflow, tracking_uri=gateway.uri))
    answers = [observed.invoke({"number": number}) for number in range(20)]
    down = flush(1.0)
    waiting = sum(len(path.read_bytes().splitlines()) for path in spool_files(mlflow))
    gateway.mode = "pass"
    up = flush(60)

    assert answers == [{"confidence": 0.5}] * 20
    assert (down.delivered, down.pending) == (0, 20)
    assert down.reason == f"{gateway.uri} answered 503"
    assert waiting == 20
    assert (up.pending, up.dropped, up.reason) == (0, 0, "")
    assert counted(mlflow, config) == (20, 20)
    assert sum(path.stat().st_size for path in spool_files(mlflow)) == 0


def test_lost_answers_double_nothing(mlflow: MlflowConfig, gateway: Gateway, agent: MakeAgent) -> None:
    """What was stored but not confirmed is sent again, and is still there once: spans, tokens, runs and metrics."""
    config = agent()
    gateway.mode = "lose_answers"
    observed = observe(answering(), config, mlflow=replace(mlflow, tracking_uri=gateway.uri))
    for number in range(3):
        observed.invoke({"number": number})
        flush(0.8)
    gateway.mode = "pass"
    result = flush(60)
    client = MlflowClient(mlflow.tracking_uri)
    experiment = client.get_experiment_by_name(config.mlflow_experiment.format(brand="all-brands"))
    assert experiment is not None
    traces = client.search_traces(locations=[experiment.experiment_id])

    assert (result.pending, result.dropped) == (0, 0)
    assert gateway.paths.count("/v1/traces") > 1
    assert counted(mlflow, config) == (3, 3)
    assert [len(trace.data.spans) for trace in traces] == [1, 1, 1]


def test_a_dead_server_costs_the_caller_nothing(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """With nobody listening a call is as quick as ever, and the flush says why it failed."""
    observed = observe(answering(), agent(), mlflow=replace(mlflow, tracking_uri=NOBODY))
    observed.invoke({})
    started = time.perf_counter()
    for _ in range(100):
        observed.invoke({})
    per_call_ms = (time.perf_counter() - started) * 10
    result = flush(0.5)

    assert per_call_ms < 1_000  # half of one connect timeout: nobody waited for the server
    assert result.pending == 101
    assert result.reason.startswith(f"{NOBODY} cannot be reached")


def test_a_full_spool_drops_the_newest_and_says_so(
    mlflow: MlflowConfig, agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """The bound holds, every loss is counted, and the warning names the variable that raises the bound."""
    config = replace(mlflow, tracking_uri=NOBODY, spool_max_bytes=3_000)
    observed = observe(answering(), agent(), mlflow=config)
    for _ in range(20):
        observed.invoke({})
    result = flush(0.3)

    assert result.pending > 0
    assert result.pending + result.dropped == 20
    assert "raise E2I_SPOOL_MAX_MB" in result.reason
    assert "calls were not logged: the spool is full" in caplog.text
    assert sum(path.stat().st_size for path in spool_files(mlflow)) <= 3_000


def test_a_spool_that_cannot_be_written_is_no_obstacle(
    mlflow: MlflowConfig, agent: MakeAgent, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Calls are delivered from memory, and the warning says what is at stake."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    config = agent()
    observe(answering(), config, mlflow=replace(mlflow, spool_dir=blocked)).invoke({})
    result = flush(60)

    assert (result.delivered, result.pending) == (1, 0)
    assert counted(mlflow, config) == (1, 1)
    assert "set E2I_SPOOL_DIR to a folder that only this user can write" in caplog.text


def test_the_spool_is_private(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Prompts lie in it: nobody else may read the folder or the files."""
    observe(answering(), agent(), mlflow=replace(mlflow, tracking_uri=NOBODY)).invoke({})

    assert mlflow.spool_dir.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in spool_files(mlflow))


def test_a_process_that_ends_delivers_first(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """A normal exit flushes, without a flush by the agent, and leaves no file."""
    config = agent()
    process = child(mlflow, config, "")
    _, errors = process.communicate(timeout=CHILD_TIMEOUT_S)

    assert (process.returncode, errors) == (0, "")
    assert counted(mlflow, config) == (5, 5)
    assert spool_files(mlflow) == []


def test_a_process_that_ends_during_an_outage_ends_soon(
    mlflow: MlflowConfig, gateway: Gateway, agent: MakeAgent
) -> None:
    """It gives up after one failed attempt, long before its exit timeout, and the drain delivers the calls."""
    config = agent()
    gateway.mode = "unavailable"
    behind = replace(mlflow, tracking_uri=gateway.uri)
    started = time.monotonic()
    child(behind, config, "").communicate(timeout=CHILD_TIMEOUT_S)
    took_s = time.monotonic() - started
    gateway.mode = "pass"

    assert took_s < CHILD_TIMEOUT_S / 2
    assert drained(behind) == "delivered 5, pending 0, dropped 0"
    assert counted(mlflow, config) == (5, 5)


@pytest.mark.parametrize("ending", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_killed_process_loses_nothing(mlflow: MlflowConfig, agent: MakeAgent, ending: str) -> None:
    """All five calls come through, delivered by whoever comes next."""
    config = agent()
    process = child(mlflow, config, ending)
    process.communicate(timeout=CHILD_TIMEOUT_S)
    told = drained(mlflow)

    assert process.returncode != 0
    assert told.startswith("delivered ")
    assert told.endswith("pending 0, dropped 0")
    assert counted(mlflow, config) == (5, 5)
    assert spool_files(mlflow) == []


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("raise SystemExit(4)", 4),
        ("raise LookupError('no such brand')", 1),
        ("import asyncio\nasyncio.run(observed.ainvoke({}))\nraise SystemExit(4)", 4),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\nos.kill(os.getpid(), signal.SIGTERM)", 4),
    ],
    ids=["exit", "exception", "asyncio", "handled SIGTERM"],
)
def test_whichever_way_a_process_ends_it_delivers_first(
    mlflow: MlflowConfig, agent: MakeAgent, ending: str, code: int
) -> None:
    """Python's own way out is always taken: nothing is left for anybody else to send."""
    config = agent()
    process = child(mlflow, config, ending)
    process.communicate(timeout=CHILD_TIMEOUT_S)
    calls = 6 if "ainvoke" in ending else 5

    assert process.returncode == code
    assert counted(mlflow, config) == (calls, calls)
    assert spool_files(mlflow) == []


def test_children_of_multiprocessing_deliver_before_they_end(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Such children skip Python's exit handlers; their calls arrive all the same, and the parent's once."""
    config = agent()
    ending = """
import multiprocessing
children = [multiprocessing.get_context("fork").Process(target=call, args=(observed, 2)) for _ in range(2)]
for process in children: process.start()
call(observed, 1)
for process in children: process.join()
"""
    process = child(mlflow, config, ending)
    _, errors = process.communicate(timeout=CHILD_TIMEOUT_S)

    assert process.returncode == 0, errors
    assert counted(mlflow, config) == (10, 10)
    assert spool_files(mlflow) == []


def test_processes_share_a_spool(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Three services with one spool folder deliver their own calls, each once."""
    config = agent()
    processes = [child(mlflow, config, "call(observed, 5)") for _ in range(3)]
    errors = [process.communicate(timeout=CHILD_TIMEOUT_S)[1] for process in processes]

    assert errors == ["", "", ""]
    assert counted(mlflow, config) == (30, 30)
    assert spool_files(mlflow) == []


def test_a_terminated_process_loses_nothing(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """SIGTERM without a handler ends a process at once; its calls are in the spool."""
    config = agent()
    process = child(mlflow, config, "print('ready', flush=True); time.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=CHILD_TIMEOUT_S)
    drained(mlflow)

    assert counted(mlflow, config) == (5, 5)


def test_the_next_process_sends_what_another_left(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """No drain is needed where the service is started again."""
    config = agent()
    child(mlflow, config, "os._exit(3)").communicate(timeout=CHILD_TIMEOUT_S)
    observe(answering(), config, mlflow=mlflow).invoke({})
    result = flush(60)

    assert result.pending == 0
    assert counted(mlflow, config) == (6, 6)


def test_a_living_process_keeps_its_spool(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """A drain beside a process at work takes nothing from it."""
    config = agent()
    observe(answering(), config, mlflow=mlflow).invoke({})

    assert drained(mlflow) == "delivered 0, pending 0, dropped 0"
    assert flush(60).delivered >= 1
    assert counted(mlflow, config) == (1, 1)


def test_parent_and_child_of_a_fork_both_deliver(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """The child gets a sender of its own, and neither sends the other's calls."""
    config = agent()
    ending = """
pid = os.fork()
call(observed, 2 if pid == 0 else 1)
if pid:
    os.waitpid(pid, 0)
"""
    process = child(mlflow, config, ending)
    _, errors = process.communicate(timeout=CHILD_TIMEOUT_S)
    drained(mlflow)

    assert process.returncode == 0, errors
    assert counted(mlflow, config) == (8, 8)


def test_an_unreadable_record_is_dropped_and_the_rest_sent(
    mlflow: MlflowConfig, agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """A record nobody can read is counted as lost, a line cut off by a crash is told of; the others arrive."""
    config = agent()
    child(mlflow, config, "os._exit(3)").communicate(timeout=CHILD_TIMEOUT_S)
    (segment,) = [path for path in spool_files(mlflow) if path.suffix == ".jsonl"]
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:2], b'{"v": 1}\n', *lines[2:], lines[0][:40]]))
    call_queue.resume(mlflow)
    result = flush(60)

    assert (result.delivered, result.pending, result.dropped) == (5, 0, 1)
    assert "a record of the spool is unreadable" in result.reason
    assert "was cut off when its process died" in caplog.text
    assert counted(mlflow, config) == (5, 5)


def test_one_poisonous_call_does_not_hold_up_the_others(
    mlflow: MlflowConfig, agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes or refuses a whole request; a call it refuses is sent by itself, and given up in the end."""
    config = agent()
    read = FinishedCall.from_line

    def poisoned(line: bytes) -> FinishedCall:
        call = read(line)
        if call.root.attributes["mlflow.spanInputs"] == {"number": 2}:
            call.root.span_id = b""  # the server wants eight bytes
        return call

    monkeypatch.setattr(FinishedCall, "from_line", poisoned)
    observed = observe(answering(), config, mlflow=mlflow)
    for number in range(5):
        observed.invoke({"number": number})
    result = flush(60)

    assert (result.delivered, result.pending, result.dropped) == (4, 0, 1)
    assert "the server refused the call 3 times (HTTP 422" in result.reason
    assert counted(mlflow, config) == (4, 4)
