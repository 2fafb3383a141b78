"""Targets that manage MLflow themselves: being evaluated must not break them, and what they log must be found."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.tracking import TrackingClient

    OpenCase = Callable[..., CaseRun]

# MLflow and its dependencies warn each other; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore")

FLUSH_S = 30.0


def test_a_target_may_start_runs_of_its_own(client: TrackingClient, open_case: OpenCase) -> None:
    """Without us ``start_run()`` just works; with our run active MLflow would refuse a second one."""
    import mlflow  # noqa: PLC0415
    from mlflow import start_run  # noqa: PLC0415  an alias made before the case

    case_run = open_case(client)
    with client.active(case_run):
        for number in range(2):
            with start_run(run_name=f"own{number}"):
                mlflow.log_metric(f"metric{number}", number)
                mlflow.log_param("last", number)
                with mlflow.start_span(f"span{number}"):
                    pass
        mlflow.log_metric("at_the_end", 9)
    assert client.flush(FLUSH_S)
    traces, logged = client.read(case_run)

    assert logged.metrics == {"metric0": 0.0, "metric1": 1.0, "at_the_end": 9.0}
    assert logged.params == {"last": "1"}
    assert {trace.spans[0].name for trace in traces} == {"span0", "span1"}


def test_a_target_may_choose_its_own_experiment(client: TrackingClient, open_case: OpenCase) -> None:
    """``set_experiment`` then ``start_run``, as in every tutorial; MLflow refuses when a run id is set as well."""
    import mlflow  # noqa: PLC0415
    from mlflow.tracking import fluent  # noqa: PLC0415

    case_run = open_case(client)
    try:
        with client.active(case_run):
            mlflow.set_experiment(f"own-{case_run.run_id[:6]}")
            with mlflow.start_run():
                mlflow.log_metric("elsewhere", 1)
            with mlflow.start_span("elsewhere"):
                pass
        assert client.flush(FLUSH_S)
        traces, logged = client.read(case_run)
    finally:
        fluent._active_experiment_id = None  # noqa: SLF001  what `set_experiment` has no opposite for

    assert logged.metrics == {"elsewhere": 1.0}
    assert [trace.spans[0].name for trace in traces] == ["elsewhere"]


def test_a_process_of_the_target_logs_to_the_case(client: TrackingClient, open_case: OpenCase) -> None:
    """The variables reach children; MLflow resumes the run they name."""
    case_run = open_case(client)
    code = "import mlflow; mlflow.log_metric('from_a_child', 1)"
    with client.active(case_run):
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True)
    _, logged = client.read(case_run, settle_s=0.0)

    assert logged.metrics == {"from_a_child": 1.0}


def test_mlflow_imported_only_inside_the_case_is_caught(client: TrackingClient, tmp_path: Path) -> None:
    """A lazy target's first case is attributed like all others."""
    code = """
import os, sys
from pathlib import Path
from e2i_eval.core.case import Case
from e2i_eval.tracking import TrackingClient
client = TrackingClient(sys.argv[1], "lazy", environ=os.environ, scratch=Path(sys.argv[2]))
session = client.open_session(session_id="s", name="n", tags={}, params={})
target = client.open_target(session_run_id=session, session_id="s", target="t", tags={})
case = client.open_case(target_run_id=target, session_id="s", case=Case(id="t/c", target="t", inputs={}), nodeid="n")
assert "mlflow" not in sys.modules
with client.active(case):
    import mlflow
    with mlflow.start_span("lazy"):
        pass
    mlflow.log_metric("lazy", 1)
assert mlflow.active_run() is None
client.flush(30)
traces, logged = client.read(case)
print([trace.spans[0].name for trace in traces], logged.metrics)
client.close()
"""
    command = [sys.executable, "-W", "ignore", "-c", code, client.uri, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))

    assert done.stdout.strip() == "['lazy'] {'lazy': 1.0}", done.stderr
