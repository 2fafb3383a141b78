"""Judgements on a trace: written in one request where the server merges them, and nothing else changes by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.verdict import Verdict
from e2i_eval.tracking.annotation import Annotation
from e2i_eval.tracking.connection import Connection, RefusedError
from e2i_eval.tracking.recorder import Recorder, expectation, feedback

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.tracking import TrackingClient

    OpenCase = Callable[..., CaseRun]

# MLflow and its dependencies warn each other; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

WAIT_S = 30.0
WHOLE = "/api/3.0/mlflow/traces"


class Watched(Connection):
    """A connection that keeps which paths were asked for, and may refuse to merge."""

    def __init__(self, uri: str, *, merges: bool) -> None:
        super().__init__(uri, {})
        self.merges = merges
        self.paths: list[str] = []

    def call(self, method: str, path: str, body: Any = None, query: Any = None) -> dict[str, Any]:  # noqa: ANN401  JSON
        """Make a request, or refuse it as a server would that knows the trace already."""
        self.paths.append(path)
        if path == WHOLE and not self.merges:
            what = "the trace exists"
            raise RefusedError(what, status=400, code="RESOURCE_ALREADY_EXISTS")
        return super().call(method, path, body, query)


@pytest.fixture
def trace_id(client: TrackingClient, open_case: OpenCase) -> str:
    """Return the id of a trace with two spans, tokens and a session that is on the server."""
    import mlflow  # noqa: PLC0415

    case_run = open_case(client, "case")
    with client.active(case_run):
        with mlflow.start_span("agent") as agent:
            agent.set_inputs({"question": "why?"})
            mlflow.update_current_trace(tags={"brand": "Kisqali"}, metadata={"mlflow.trace.session": "s1"})
            with mlflow.start_span("model", span_type="CHAT_MODEL") as model:
                usage = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}
                model.set_attribute("mlflow.chat.tokenUsage", usage)
            agent.set_outputs({"answer": "so"})
        assert client.flush(WAIT_S)
    (trace,), _ = client.read(case_run)
    return trace.trace_id


def stored(client: TrackingClient, trace_id: str) -> dict[str, Any]:
    """Return a trace with its spans as the server gives it, without the server's own mark that it is final."""
    answer = Connection(client.uri, {}).call("GET", f"{WHOLE}/batchGet", query={"trace_ids": [trace_id]})
    (found,) = answer["traces"]
    info: dict[str, Any] = {**found["trace_info"], "spans": found["spans"]}
    info["trace_metadata"] = {k: v for k, v in info["trace_metadata"].items() if "finalized" not in k.lower()}
    return info


def judgement(info: dict[str, Any]) -> Annotation:
    """Return what the tests write on a trace."""
    verdict = Verdict(check="wire", status="fail", reason="1 of 3 differ")
    assessments = [feedback(verdict, "0" * 32), expectation("expected", {"answer": [1, None]})]
    return Annotation(info=info, assessments=assessments, tags={"e2i.note": "kept"})


@pytest.mark.parametrize("merges", [True, False])
def test_a_judgement_is_added_and_nothing_else_changes(client: TrackingClient, trace_id: str, *, merges: bool) -> None:
    """Either way the same is stored, and spans, tokens, cost, previews, session, times and links stay as they were."""
    before = stored(client, trace_id)
    connection = Watched(client.uri, merges=merges)
    recorder = Recorder(connection)
    recorder.annotate(judgement(before))
    assert recorder.drain(WAIT_S)
    after = stored(client, trace_id)
    added = {each["assessment_name"]: each for each in after.pop("assessments")}

    assert recorder.lost == []
    assert (added["wire"]["feedback"]["value"], added["wire"]["rationale"]) == (False, "1 of 3 differ")
    assert added["expected"]["expectation"]["serialized_value"]["value"] == '{"answer": [1, null]}'
    assert after["tags"].pop("e2i.note") == "kept"
    assert after == before
    assert connection.paths[0] == WHOLE
    assert len(connection.paths) == (1 if merges else 4)


def test_a_server_that_does_not_merge_is_asked_to_only_once(client: TrackingClient, trace_id: str) -> None:
    """The second trace is written one by one from the start."""
    connection = Watched(client.uri, merges=False)
    recorder = Recorder(connection)
    for _ in range(2):
        recorder.annotate(judgement(stored(client, trace_id)))
    assert recorder.drain(WAIT_S)

    assert connection.paths.count(WHOLE) == 1
    assert len(connection.paths) == 7


def test_a_trace_under_way_is_not_sent_again(client: TrackingClient, trace_id: str) -> None:
    """The server would take it for finished as it is; the same holds for a trace of which nothing is known."""
    connection = Watched(client.uri, merges=True)
    recorder = Recorder(connection)
    recorder.annotate(judgement({**stored(client, trace_id), "state": "IN_PROGRESS"}))
    recorder.annotate(judgement({"trace_id": trace_id}))
    assert recorder.drain(WAIT_S)

    assert WHOLE not in connection.paths
    assert len(stored(client, trace_id)["assessments"]) == 4


def test_an_answer_that_misses_something_is_no_merge() -> None:
    """An assessment that is not in the answer was not written, and another state is another trace."""
    annotation = judgement({"trace_id": "tr-1", "state": "OK"})
    _, _, body = annotation.whole()
    told = body["trace"]["trace_info"]

    assert annotation.is_in(body)
    for broken in ({"assessments": told["assessments"][:1]}, {"state": "IN_PROGRESS"}):
        assert not annotation.is_in({"trace": {"trace_info": {**told, **broken}}})
    assert not annotation.is_in({})
