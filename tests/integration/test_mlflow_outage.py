"""A tracking server that is killed, or freezes, while agents are called; read back from the server afterwards."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, call_queue, flush, observe
from e2i_eval.tracking import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.runnables import Runnable
    from mlflow.entities import Trace

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

CALLERS = 8
CALLS = 200
DEADLINE_S = 5.0
"""What a caller allows a call of some hundredths of a second; one wait for a dead server is longer."""

FLUSH_S = 120.0

pytestmark = pytest.mark.usefixtures("warm_python")


class State(TypedDict, total=False):
    """What the graph passes along."""

    question: str
    answer: str


class House:
    """A tracking server on one store and one port, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port: int | None = None
        self.server = self._started()

    @property
    def uri(self) -> str:
        """Where it listens, now and after a restart."""
        return self.server.uri

    def restart(self) -> None:
        """Start it again after it was killed, and wait until it answers."""
        self.server.stop()
        self.server = self._started()

    def _started(self) -> TemporaryServer:
        cache = Path(tempfile.gettempdir()) / "e2i-eval-test-cache"
        server = TemporaryServer.start(store=self._folder, cache=cache, environ=os.environ, port=self._port)
        server.wait_ready(180.0)
        self._port = int(server.uri.rsplit(":", 1)[1])
        return server

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.server.pid, number)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server of this module's own, as it is ill-treated."""
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.server.stop()


@pytest.fixture
def here(house: House, tmp_path: Path) -> Iterator[MlflowConfig]:
    """Log to that server; short timeouts, so that the sender, and nobody else, notices soon."""
    yield MlflowConfig(
        enabled=True,
        tracking_uri=house.uri,
        spool_dir=tmp_path / "spool",
        connect_timeout_s=1.0,
        read_timeout_s=30.0,
        exit_timeout_s=0.1,
    )
    call_queue.close()


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Return the threads of this process that have opened a connection, as it grows."""
    threads: set[int] = set()
    connect = socket.socket.connect

    def noted(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - as socket declares it
        threads.add(threading.get_ident())
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    return threads


def asking() -> Runnable[Any, Any]:
    """Return a graph that asks Claude once."""
    model = ChatAnthropic(model_name="claude-sonnet-5-5", max_tokens_to_sample=100, timeout=None, stop=None)

    def ask(state: State) -> State:
        return {"answer": model.invoke([HumanMessage(state["question"])]).text}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()


def traces_of(mlflow: MlflowConfig, config: AgentConfig) -> list[Trace]:
    """Read an agent's traces back."""
    client = MlflowClient(mlflow.tracking_uri)
    experiment = client.get_experiment_by_name(config.mlflow_experiment.format(brand="all-brands"))
    assert experiment is not None
    found: list[Trace] = client.search_traces(locations=[experiment.experiment_id], max_results=500)
    return found


def assert_each_once(traces: list[Trace], questions: list[str]) -> None:
    """Check that there is one whole trace for each question, with its own answer and one call to Claude."""
    assert sorted(trace.data.spans[0].inputs["question"] for trace in traces) == sorted(questions)
    for trace in traces:
        kinds = Counter(span.span_type for span in trace.data.spans)
        assert kinds == {"AGENT": 1, "CHAIN": 1, "CHAT_MODEL": 1}
        assert trace.data.spans[0].outputs["answer"] == trace.data.spans[0].inputs["question"].upper()
        assert (trace.info.token_usage or {})["input_tokens"] == 117


@pytest.mark.usefixtures("claude")
def test_a_server_killed_in_the_middle_of_200_calls_from_8_threads(
    house: House, here: MlflowConfig, agent: MakeAgent, connecting: set[int], caplog: pytest.LogCaptureFixture
) -> None:
    """Every answer is right and in time, no caller touched the network, and all 200 traces arrive, none twice."""
    config = agent()
    observed = observe(asking(), config, mlflow=here)
    questions = [f"slow question {number}" for number in range(CALLS)]
    callers: set[int] = set()

    def timed(number: int) -> tuple[str, float]:
        callers.add(threading.get_ident())
        if number == CALLS // 3:
            house.signal(signal.SIGKILL)
        started_s = time.monotonic()
        answer = observed.invoke({"question": questions[number]})["answer"]
        return answer, time.monotonic() - started_s

    with ThreadPoolExecutor(CALLERS) as pool:
        answered = list(pool.map(timed, range(CALLS)))
    down = flush(1.5)
    house.restart()
    up = flush(FLUSH_S)

    assert [answer for answer, _ in answered] == [question.upper() for question in questions]
    assert max(took_s for _, took_s in answered) < DEADLINE_S
    assert callers.isdisjoint(connecting)
    assert down.pending > CALLS // 2
    assert "cannot be reached" in down.reason
    assert f"{here.tracking_uri}: " in caplog.text
    assert "calls wait in the spool" in caplog.text
    assert (up.delivered, up.pending, up.dropped, up.reason) == (CALLS, 0, 0, "")
    traces = traces_of(here, config)
    assert_each_once(traces, questions)
    runs = MlflowClient(here.tracking_uri).search_runs([str(traces[0].info.experiment_id)])
    assert len(runs) == CALLS
    assert {run.info.status for run in runs} == {"FINISHED"}


@pytest.mark.usefixtures("claude")
def test_a_frozen_server_is_waited_for_in_the_background_alone(
    house: House, here: MlflowConfig, agent: MakeAgent, connecting: set[int]
) -> None:
    """A server that accepts and never answers costs the callers nothing; when it wakes, each call is there once."""
    config = agent()
    observed = observe(asking(), config, mlflow=replace(here, read_timeout_s=1.0))
    house.signal(signal.SIGSTOP)
    try:
        answers = [observed.invoke({"question": f"q{number}"})["answer"] for number in range(5)]
        frozen = flush(2.5)
    finally:
        house.signal(signal.SIGCONT)
    thawed = flush(FLUSH_S)

    assert answers == [f"Q{number}" for number in range(5)]
    assert threading.get_ident() not in connecting
    assert connecting
    assert (frozen.delivered, frozen.pending) == (0, 5)
    assert "ReadTimeoutError" in frozen.reason
    assert (thawed.delivered, thawed.pending, thawed.dropped) == (5, 0, 0)
    assert_each_once(traces_of(here, config), [f"q{number}" for number in range(5)])
