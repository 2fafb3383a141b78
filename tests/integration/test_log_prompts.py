"""``log_prompts: false``, and redaction, judged by every byte that the server and the spool keep."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, call_queue, flush, observe
from e2i_eval.tracking import TemporaryServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langgraph.graph.state import CompiledStateGraph
    from mlflow.entities import Run, Trace

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

SERVER_START_TIMEOUT_S = 180.0

ZEBRA, OKAPI = "zebra", "okapi"
"""Two beasts, so that no test finds what another has logged on the same server."""

PLACES = (
    "question",
    "system",
    "document",
    "source",
    "query",
    "toolinput",
    "tooloutput",
    "state",
    "output",
    "exception",
    "stack",
)
"""Where a call says something; with prompts logged all of it is found on the server."""

CALLERS_PLACES = ("brand", "kpi", "tag", "name", "metadata", "role", "session", "user", "label", "key", "provenance")
"""Where a caller can put words that belong into a prompt."""

IDENTIFIERS = {
    "e-mail": "jo.doe@clinic.org",
    "phone": "+1 212 736 5000",
    "NPI": "1234567893",
    "MRN": "00771234",
    "SSN": "123-45-6789",
    "DEA": "AB1234563",
    "Claude's key": "sk-ant-api03-Zm9vYmFyYmF6cXV4",
    "AWS key": "AKIAIOSFODNN7EXAMPLE",
    "bearer token": "ya29.a0AfB_byC3xyz7",
    "password": "hunter2hunter2",
}
LETTER = (
    "Dr Doe (NPI 1234567893, DEA AB1234563, jo.doe@clinic.org, +1 212 736 5000) saw MRN: 00771234, SSN 123-45-6789; "
    "key sk-ant-api03-Zm9vYmFyYmF6cXV4 AKIAIOSFODNN7EXAMPLE Authorization: Bearer ya29.a0AfB_byC3xyz7 "
    "postgresql://e2i:hunter2hunter2@db/x"
)


class State(TypedDict, total=False):
    """What the test's graph passes along."""

    question: str
    brand: str
    kpi: str
    note: str
    answer: str
    confidence: float
    provenance: str


class Shelf(BaseRetriever):
    """A retriever with one document."""

    beast: str
    says: str

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del run_manager
        metadata = {"source": f"{self.beast}source", "score": 0.5, "asked": query}
        return [Document(id="doc-1", page_content=f"{self.beast}document {self.says}", metadata=metadata)]


@tool
def look_up(beast: str, says: str) -> str:
    """Look something up."""
    return f"{beast}tooloutput {says}"


def graph(beast: str, *, says: str = "", fails: bool = False) -> CompiledStateGraph[State, None, State, State]:
    """Return an agent that retrieves, uses a tool and asks Claude; ``says`` is put wherever text can go."""

    def retrieve(state: State) -> State:
        named = RunnableLambda(lambda text: text)
        named.with_config(run_name=f"why did {beast}name fall", tags=[f"why did {beast}tag fall"]).invoke(says)
        Shelf(beast=beast, says=says).invoke(f"{beast}query {says}")
        found = look_up.invoke({"beast": beast, "says": f"{beast}toolinput {says}"})
        return {"note": f"{beast}state {found} {state['question']}"}

    def answer(state: State) -> State:
        model = ChatAnthropic(model_name="claude-sonnet-5-5", max_tokens_to_sample=100, timeout=None, stop=None)
        reply = model.invoke([SystemMessage(f"{beast}system {says}"), HumanMessage(state["question"])])
        if fails:
            msg = f"{beast}exception {says}: {reply.text}"
            raise LookupError(msg) from ValueError(f"{beast}stack {says}")
        provenance = f"not a word but {beast}provenance"
        return {"answer": f"{beast}output {reply.text} {says}", "confidence": 0.75, "provenance": provenance}

    builder = StateGraph(State)
    builder.add_node("retrieve", retrieve)
    builder.add_node("answer", answer)
    builder.add_edge(START, "retrieve")
    builder.add_edge("retrieve", "answer")
    builder.add_edge("answer", END)
    return builder.compile()


def call(config: AgentConfig, mlflow: MlflowConfig, *, beast: str = ZEBRA, says: str = "", fails: bool = False) -> None:
    """Call the observed agent as a careless caller would."""
    question = f"why do {beast}question fall {says}"
    inputs: State = {"question": question, "brand": f"{beast}brand", "kpi": f"{beast}kpi"}
    metadata = {
        "session_id": f"{beast}session: {question}",
        "user_id": f"{beast}user@clinic.org",
        "remark": f"{beast}metadata {question}",
        "role": f"{beast}role {question}",
        "e2i.remark": f"{beast}label {question}",
        f"e2i.why {beast}key": "x",
    }
    observed = observe(graph(beast, says=says, fails=fails), config, mlflow=mlflow)
    with pytest.raises(LookupError, match=f"{beast}exception") if fails else nullcontext():
        observed.invoke(inputs, config={"metadata": metadata, "tags": [f"so {beast}tag"]})


def delivered() -> None:
    """Flush, and fail if anything was not taken."""
    result = flush(60)
    assert (result.pending, result.dropped) == (0, 0), result.reason


def words(beast: str, places: tuple[str, ...]) -> dict[str, str]:
    """Return the word that a call of that beast says at each place."""
    return {place: f"{beast}{place}" for place in places}


def found(words: dict[str, str], folder: Path) -> set[str]:
    """Return the places whose word occurs, in any spelling of case, in any file of a folder."""
    contents = [path.read_bytes().lower() for path in folder.rglob("*") if path.is_file()]
    return {place for place, word in words.items() if any(word.lower().encode() in content for content in contents)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporaryServer]:
    """A server whose folder holds everything it knows: database, artifacts and log."""
    cache = Path(tempfile.gettempdir()) / "e2i-eval-test-cache"
    started = TemporaryServer.start(store=tmp_path_factory.mktemp("bytes") / "store", cache=cache, environ=os.environ)
    started.wait_ready(SERVER_START_TIMEOUT_S)
    yield started
    started.stop()


@pytest.fixture
def here(server: TemporaryServer, tmp_path: Path) -> Iterator[MlflowConfig]:
    """Logging to that server."""
    yield MlflowConfig(enabled=True, tracking_uri=server.uri, spool_dir=tmp_path / "spool", read_timeout_s=30.0)
    call_queue.close()


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[MlflowConfig]:
    """Logging to a server that does not answer: all that is logged stays in the spool."""
    yield MlflowConfig(
        enabled=True, tracking_uri="http://127.0.0.1:1", spool_dir=tmp_path / "spool", exit_timeout_s=0.1
    )
    call_queue.close()


def logged(server: TemporaryServer, config: AgentConfig, brand: str = "other-brand") -> tuple[list[Trace], list[Run]]:
    """Return an agent's traces and runs."""
    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name(config.mlflow_experiment.format(brand=brand))
    assert experiment is not None
    ids = [experiment.experiment_id]
    return client.search_traces(locations=ids), list(client.search_runs(ids))


# without prompts


@pytest.mark.usefixtures("claude")
def test_no_word_of_a_call_reaches_the_server(
    server: TemporaryServer, here: MlflowConfig, agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """No trace, tag, param, artifact or log file has a prompt, an answer, an input, a document or an error's text."""
    config = agent(log_prompts=False, artifacts={"answer.json": "."})
    with caplog.at_level(logging.DEBUG, "e2i"):
        call(config, here)
        call(config, here, fails=True)
        delivered()

    assert found(words(ZEBRA, PLACES + CALLERS_PLACES), server.store.root) == set()
    assert "zebra" not in caplog.text


@pytest.mark.usefixtures("claude")
def test_no_word_of_a_call_reaches_the_spool(nowhere: MlflowConfig, agent: MakeAgent) -> None:
    """What waits for the server on disk says no more than what is sent."""
    config = agent(log_prompts=False)
    call(config, nowhere)
    call(config, nowhere, fails=True)

    assert found({**words(ZEBRA, PLACES + CALLERS_PLACES), "node": "retrieve"}, nowhere.spool_dir) == {"node"}


@pytest.mark.usefixtures("claude")
def test_figures_stay_without_prompts(server: TemporaryServer, here: MlflowConfig, agent: MakeAgent) -> None:
    """Tokens, latency, model, cost, metrics, nodes, statuses and errors' classes are logged all the same."""
    config = agent(log_prompts=False)
    call(config, here)
    call(config, here, fails=True)
    delivered()
    traces, runs = logged(server, config)
    by_state = {str(trace.info.state): {span.name: span for span in trace.data.spans} for trace in traces}
    spans = by_state["OK"]
    metrics = {run.info.status: run.data.metrics for run in runs}
    (model,) = [span for span in spans.values() if span.span_type == "CHAT_MODEL"]

    assert {"tester", "retrieve", "answer", "Shelf", "look_up"} <= spans.keys()
    assert model.attributes["mlflow.chat.tokenUsage"]["input_tokens"] == 117
    assert model.attributes["mlflow.llm.model"] == "claude-sonnet-5-5"
    assert (model.end_time_ns or 0) > model.start_time_ns
    assert spans["Shelf"].outputs == [{"id": "doc-1", "score": 0.5}]
    assert (metrics["FINISHED"]["input_tokens"], metrics["FAILED"]["output_tokens"]) == (117, 5)
    assert metrics["FINISHED"]["confidence"] == 0.75
    assert min(metrics["FINISHED"]["cost_usd"], metrics["FINISHED"]["latency_ms"]) > 0
    failed = [event.attributes for event in by_state["ERROR"]["answer"].events]
    assert failed == [{"exception.type": "LookupError"}]
    assert {run.data.tags["e2i.brand"] for run in runs} == {"other-brand"}


@pytest.mark.usefixtures("claude")
def test_ids_are_told_by_digest_where_they_are_no_ids(
    server: TemporaryServer, here: MlflowConfig, agent: MakeAgent
) -> None:
    """Calls of one session and user still belong together; an id that is one is kept, and so are known brands."""
    config = agent(log_prompts=False)
    observed = observe(graph(ZEBRA), config, mlflow=here)
    for session in ("my own words", "my own words", "thread-7"):
        observed.invoke(
            {"question": "why", "brand": "Kisqali", "kpi": "trx"}, config={"metadata": {"thread_id": session}}
        )
    delivered()
    traces, runs = logged(server, config, "Kisqali")
    sessions = sorted(trace.info.trace_metadata["mlflow.trace.session"] for trace in traces)

    assert sessions[0] == sessions[1]
    assert sessions[0].startswith("sha256:")
    assert sessions[2] == "thread-7"
    assert {(run.data.tags["e2i.brand"], run.data.tags["e2i.kpi"]) for run in runs} == {("Kisqali", "trx")}


@pytest.mark.usefixtures("claude")
def test_prompts_are_there_when_they_are_logged(server: TemporaryServer, here: MlflowConfig, agent: MakeAgent) -> None:
    """The search above would find them: with ``log_prompts: true`` every word is on the server."""
    config = agent(artifacts={"answer.json": "."})
    call(config, here, beast=OKAPI)
    call(config, here, beast=OKAPI, fails=True)
    delivered()

    assert found(words(OKAPI, PLACES), server.store.root) == set(PLACES)


@pytest.mark.usefixtures("claude")
def test_without_artifacts_no_file_is_stored(server: TemporaryServer, here: MlflowConfig, agent: MakeAgent) -> None:
    """``log_artifacts: false`` keeps the output's files off the server and out of the spool, and nothing else."""
    config = agent(log_artifacts=False, artifacts={"answer.json": "."})
    call(config, here, beast=OKAPI)
    delivered()
    (trace,), (run,) = logged(server, config)

    assert MlflowClient(server.uri).list_artifacts(run.info.run_id) == []
    assert "okapioutput" in str(trace.data.spans[0].outputs)
    assert run.data.metrics["confidence"] == 0.75


# without secrets


@pytest.mark.usefixtures("claude")
def test_no_identifier_reaches_the_server(
    server: TemporaryServer, here: MlflowConfig, agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """Inputs, prompts, answers, tools, documents, errors and stacks lose what identifies or opens; the words stay."""
    config = agent(artifacts={"answer.json": "."})
    with caplog.at_level(logging.DEBUG, "e2i"):
        call(config, here, says=LETTER, beast=OKAPI)
        call(config, here, says=LETTER, beast=OKAPI, fails=True)
        delivered()
    left = {place for place, secret in IDENTIFIERS.items() if secret.lower() in caplog.text.lower()}

    assert found(IDENTIFIERS, server.store.root) | found(IDENTIFIERS, here.spool_dir) == left == set()
    assert found(words(OKAPI, PLACES), server.store.root) == set(PLACES)
    assert found({"placeholder": "npi [redacted]"}, server.store.root) == {"placeholder"}


@pytest.mark.usefixtures("claude")
def test_no_key_waits_in_the_spool(nowhere: MlflowConfig, agent: MakeAgent) -> None:
    """A call that has a credential in it is redacted before it touches the disk."""
    call(agent(), nowhere, beast=OKAPI, says=LETTER)

    assert found({**IDENTIFIERS, "output": "okapioutput"}, nowhere.spool_dir) == {"output"}


@pytest.mark.usefixtures("claude")
def test_the_spool_is_private(nowhere: MlflowConfig, agent: MakeAgent, tmp_path: Path) -> None:
    """Identifiers of people may wait in the spool until they are redacted and sent: nobody else can read them there."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    call(agent(), replace(nowhere, spool_dir=shared))
    paths = [path for path in shared.rglob("*") if path.suffix]

    assert paths
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in paths} == {0o700}
