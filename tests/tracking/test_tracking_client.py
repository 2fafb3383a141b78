"""A session on the server: three levels of runs, judgements on traces, exact attribution."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.tracking import TrackingClient
from e2i_eval.tracking.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.tracking import TemporaryServer

    OpenCase = Callable[..., CaseRun]

# MLflow and its dependencies warn each other; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

FLUSH_S = 30.0


def assessments(client: TrackingClient, trace_id: str) -> dict[str, dict[str, Any]]:
    """Return a trace's assessments by name, as the REST API gives them."""
    answer = Connection(client.uri, {}).call("GET", f"/api/3.0/mlflow/traces/{trace_id}")
    return {each["assessment_name"]: each for each in answer["trace"]["trace_info"].get("assessments", [])}


def log_a_trace(name: str) -> None:
    """Log a trace of one span."""
    import mlflow  # noqa: PLC0415

    with mlflow.start_span(name) as span:
        span.set_outputs({"from": name})


def test_importing_the_package_imports_neither_mlflow_nor_its_friends() -> None:
    """The plugin imports it in every session; what is heavy comes with the first case."""
    code = "import sys, e2i_eval.tracking; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not any(
        f"'{name}'" in loaded for name in ("mlflow", "pandas", "requests", "sqlalchemy", "pytest", "anthropic")
    )


def test_what_each_case_logs_lands_in_its_own_run(client: TrackingClient, open_case: OpenCase) -> None:
    """The same metric of the same target twice: neither case overwrites the other."""
    import mlflow  # noqa: PLC0415

    read = []
    for value in (1.0, 2.0):
        case_run = open_case(client, f"case{value:g}")
        with client.active(case_run):
            mlflow.log_metric("confidence", value)
            mlflow.log_param("model", f"m{value:g}")
            mlflow.set_tag("brand", "Remibrutinib")
            mlflow.log_text("a file", "notes/answer.txt")
            log_a_trace(f"trace{value:g}")
        assert client.flush(FLUSH_S)
        traces, logged = client.read(case_run)
        read.append(([t.spans[0].name for t in traces], dict(logged.metrics), dict(logged.params), logged.artifacts))
        assert logged.tags["brand"] == "Remibrutinib"

    assert read == [
        (["trace1"], {"confidence": 1.0}, {"model": "m1"}, ("notes/answer.txt",)),
        (["trace2"], {"confidence": 2.0}, {"model": "m2"}, ("notes/answer.txt",)),
    ]


def test_a_case_is_recorded_with_its_verdicts_and_shown_at_all_levels(client: TrackingClient) -> None:
    """Assessments, expectations, tags, metrics, the run's end, and the trace in the target's and session's runs."""
    from e2i_eval.core.case import Case  # noqa: PLC0415

    session = client.open_session(session_id="s9", name="nightly", tags={"git.commit": "abc"}, params={"seed": "1"})
    target = client.open_target(session_run_id=session, session_id="s9", target="support", tags={"team": "a"})
    case = Case(id="support/refund", target="support", inputs={})
    case_run = client.open_case(target_run_id=target, session_id="s9", case=case, nodeid="g.yaml::support/refund")
    with client.active(case_run):
        log_a_trace("support")
    assert client.flush(FLUSH_S)
    traces, _ = client.read(case_run)
    finding = Finding(message="input_tokens differ", field="input_tokens", expected="5", actual="6")
    client.record_case(
        case_run,
        passed=False,
        verdicts=(
            Verdict(check="wire", status="fail", reason="1 of 3 differ", findings=(finding,), score=0.5),
            Verdict(check="output", status="pass", reason="equal"),
            Verdict(check="nodes", status="error", reason="the check broke"),
            Verdict(check="budget", status="skip", reason="none set"),
        ),
        measurements={"latency_ms": 2.5, "overhead_ms": math.nan, "worst": math.inf},
        params={"model": "claude-sonnet-5-5"},
        tags={"smoke": "true"},
        traces=tuple(trace.trace_id for trace in traces),
        expectations={"expected": {"answer": "x"}, "note": "text", "nothing": None},
    )
    client.close_target(target, passed=False, metrics={"pass_rate": 0.0})
    client.close_session(session, passed=False, metrics={"cases": 1}, artifacts={"report.json": "{}", "a/b.md": "#"})
    stored = assessments(client, traces[0].trace_id)
    logged = client.logged(case_run.run_id)

    assert client.lost == ()
    assert set(stored) == {"wire", "output", "nodes", "expected", "note", "nothing"}
    assert stored["expected"]["expectation"]["serialized_value"]["value"] == '{"answer": "x"}'
    assert stored["nothing"]["expectation"]["value"] == "null"
    assert stored["wire"]["feedback"]["value"] is False
    assert stored["wire"]["rationale"] == "1 of 3 differ\n- input_tokens differ"
    assert stored["nodes"]["feedback"]["error"]["error_code"] == "CHECK_BROKE"
    assert stored["note"]["expectation"]["value"] == "text"
    assert logged.status == "FAILED"
    assert (logged.params, logged.tags["smoke"]) == ({"model": "claude-sonnet-5-5"}, "true")
    assert logged.metrics["latency_ms"] == 2.5
    assert math.isnan(logged.metrics["overhead_ms"])
    assert logged.metrics["worst"] == math.inf
    for run_id in (case_run.run_id, target, session):
        assert [trace.trace_id for trace in client.traces(run_id)] == [traces[0].trace_id]
    ended = client.logged(session)
    assert (ended.status, ended.artifacts, ended.params) == ("FAILED", ("a/b.md", "report.json"), {"seed": "1"})
    assert ended.tags.items() >= {"mlflow.runType": "test", "mlflow.test.session_id": "s9"}.items()
    assert [run.run_id for run in client.session_runs()] == [session]
    assert [run.run_id for run in client.children(session)] == [target]
    assert [run.run_id for run in client.children(target)] == [case_run.run_id]
    assert client.logged(target).tags.items() >= {"team": "a", "mlflow.parentRunId": session}.items()


def test_the_environment_and_mlflow_are_left_as_they_were(
    client: TrackingClient, open_case: OpenCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a user's own experiment name, which MLflow would hold against the case's experiment."""
    import mlflow  # noqa: PLC0415

    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "the user's")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    case_run = open_case(client)
    with client.active(case_run):
        inside = {name: os.environ.get(name) for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME")}
        active = mlflow.active_run()
    client.close()

    assert inside == {"MLFLOW_RUN_ID": case_run.run_id, "MLFLOW_EXPERIMENT_NAME": None}
    assert active is not None
    assert active.info.run_id == case_run.run_id
    assert mlflow.active_run() is None
    assert os.environ["MLFLOW_EXPERIMENT_NAME"] == "the user's"
    assert {"MLFLOW_RUN_ID", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"}.isdisjoint(os.environ)
    assert mlflow.get_tracking_uri() != client.uri


def test_two_processes_share_a_target(client: TrackingClient, tmp_path: Path) -> None:
    """Under xdist the first worker to ask creates the target's run."""
    session = client.open_session(session_id="s1", name="session", tags={}, params={})
    scratch = tmp_path / "shared"
    scratch.mkdir()
    workers = [TrackingClient(client.uri, "workers", environ=os.environ, scratch=scratch) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        runs = set(
            pool.map(
                lambda worker: worker.open_target(session_run_id=session, session_id="s1", target="support", tags={}),
                workers,
            )
        )
    for worker in workers:
        worker.close()

    assert len(runs) == 1


def test_a_thread_after_the_other(client: TrackingClient, open_case: OpenCase) -> None:
    """A case may run in any thread, and a pool's thread does not keep the run of an earlier case."""
    import mlflow  # noqa: PLC0415

    values = []
    with ThreadPoolExecutor(1) as pool:
        for value in (1.0, 2.0):
            case_run = open_case(client, f"case{value:g}")
            with client.active(case_run):
                pool.submit(mlflow.log_metric, "from_the_pool", value).result()
            values.append(client.read(case_run, settle_s=0.0)[1].metrics)
        case_run = open_case(client, "threaded")
        pool.submit(run_in_context, client, case_run).result()
        values.append(client.read(case_run, settle_s=0.0)[1].metrics)

    assert values == [{"from_the_pool": 1.0}, {"from_the_pool": 2.0}, {"inside": 3.0}]


def run_in_context(client: TrackingClient, case_run: CaseRun) -> None:
    """Run a case that logs one metric."""
    import mlflow  # noqa: PLC0415

    with client.active(case_run):
        mlflow.log_metric("inside", 3.0)


def test_traces_of_bare_threads_belong_to_the_case(client: TrackingClient, open_case: OpenCase) -> None:
    """A new thread has no context of its maker's; MLflow still finds the one active run."""
    case_run = open_case(client)
    with client.active(case_run):
        threads = [threading.Thread(target=log_a_trace, args=(f"thread{number}",)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert client.flush(FLUSH_S)
    traces, _ = client.read(case_run)

    assert {trace.spans[0].name for trace in traces} == {"thread0", "thread1"}


def test_flushing_takes_less_than_mlflows_own_second(client: TrackingClient, open_case: OpenCase) -> None:
    """MLflow's consumer sleeps up to a second before it notices; woken, a flush costs what sending costs."""
    import time  # noqa: PLC0415

    took_s = []
    for number in range(3):
        with client.active(open_case(client, f"case{number}")):
            log_a_trace("quick")
        begun_s = time.monotonic()
        assert client.flush(FLUSH_S)
        took_s.append(time.monotonic() - begun_s)

    assert min(took_s) < 0.9


def test_the_servers_own_folder_lists_what_the_server_lists(
    server: TemporaryServer, client: TrackingClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking into the folder saves three requests a case; a run without files is still asked about."""
    session = client.open_session(session_id="f" * 32, name="files", tags={}, params={})
    assert client.logged(session).artifacts == ()
    files = {"report.json": "{}", "a/b.md": "#", "a/c/ä ö.txt": "-"}
    client.close_session(session, passed=True, metrics={}, artifacts=files)
    beside = TrackingClient(server.uri, environ={}, scratch=tmp_path, artifacts=server.artifacts)

    asked = client.logged(session).artifacts
    monkeypatch.setattr("e2i_eval.tracking.reader.Reader._files", lambda *_: ["asked"])
    looked = beside.logged(session).artifacts
    beside.close()

    assert asked == looked == tuple(sorted(files))
