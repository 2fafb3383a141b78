"""From an agent's call to experiments, runs, metrics and artifacts on the server."""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.runnables import Runnable, RunnableLambda
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, flush, observe
from e2i.mlops.experiment_tracker import ExperimentTracker
from e2i.mlops.tracking_client import ServerUnavailableError, TrackingClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow.entities import Experiment, Run

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

ANSWER = {"confidence": 0.75, "parts": {"gap": 3}, "broken": math.nan, "endless": math.inf, "text": "fine"}
RUN_NAME = re.compile(r"agent-[0-9a-z]{7}-\d{8}T\d{6}\.\d{3}Z")
METRICS = {
    "confidence": "confidence",
    "gap": "parts.gap",
    "broken": "broken",
    "endless": "endless",
    "absent": "no.where",
}


def answering() -> Runnable[Any, Any]:
    """Return an agent that needs no Claude."""
    return RunnableLambda(lambda _inputs: ANSWER)


def delivered() -> None:
    """Flush, and fail if anything was not taken."""
    result = flush(60)
    assert (result.pending, result.dropped) == (0, 0), result.reason


def experiment_of(mlflow: MlflowConfig, config: AgentConfig, brand: str = "all-brands") -> Experiment:
    """Return an agent's experiment."""
    experiment = MlflowClient(mlflow.tracking_uri).get_experiment_by_name(config.mlflow_experiment.format(brand=brand))
    assert experiment is not None
    return experiment


def runs_of(mlflow: MlflowConfig, config: AgentConfig, brand: str = "all-brands") -> list[Run]:
    """Return an agent's runs."""
    experiment = experiment_of(mlflow, config, brand)
    runs: list[Run] = list(MlflowClient(mlflow.tracking_uri).search_runs([experiment.experiment_id]))
    return runs


def test_the_server_answers(mlflow: MlflowConfig) -> None:
    """The client reads what MLflow's own client reads."""
    found: Any = TrackingClient(mlflow).get("experiments/get-by-name", experiment_name="Default")

    assert found["experiment"]["experiment_id"] == "0"


def test_nobody_listening_is_said_plainly(mlflow: MlflowConfig) -> None:
    """A closed port is an error that names the address, within the connect timeout."""
    with pytest.raises(ServerUnavailableError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        TrackingClient(replace(mlflow, tracking_uri="http://127.0.0.1:1")).get("experiments/get", experiment_id="0")


def test_experiments_are_made_per_brand_and_tier(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """A call creates its experiment; a brand without a call has none; `ensure_experiments` makes them all."""
    config = agent(mlflow_experiment=agent().mlflow_experiment.replace("{brand}", "{brand}/tier-{tier}/{agent}"))
    observe(answering(), config, mlflow=mlflow).invoke({"brand": "KISQALI"})
    delivered()
    client = MlflowClient(mlflow.tracking_uri)
    base = config.mlflow_experiment.split("{", 1)[0]
    before = [item.name for item in client.search_experiments(filter_string=f"name LIKE '{base}%'")]
    made = ExperimentTracker(TrackingClient(mlflow), mlflow).ensure_experiments([config])

    assert before == [f"{base}Kisqali/tier-2/tester"]
    assert sorted(made) == [f"{base}{brand}/tier-2/tester" for brand in ("Fabhalta", "Kisqali", "Remibrutinib")]
    assert experiment_of(mlflow, agent(mlflow_experiment=before[0])).experiment_id == made[before[0]]


def test_many_creators_of_one_experiment_agree(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Eight processes' worth of trackers that create the same name at once all get the winner's id."""
    name = agent().mlflow_experiment.format(brand="race")

    def create(_number: int) -> str:
        return ExperimentTracker(TrackingClient(mlflow), mlflow).experiment_id(name)

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(create, range(8)))

    assert len(ids) == 1


def test_an_experiment_gets_its_artifact_location(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """A location from the environment holds one folder an experiment."""
    mlflow = replace(mlflow, artifact_location="mlflow-artifacts:/team")
    config = agent()
    observe(answering(), config, mlflow=mlflow).invoke({})
    delivered()
    experiment = experiment_of(mlflow, config)
    (run,) = runs_of(mlflow, config)

    assert experiment.artifact_location == f"mlflow-artifacts:/team/{experiment.name}"
    assert [file.path for file in MlflowClient(mlflow.tracking_uri).list_artifacts(run.info.run_id)] == ["answer.json"]


def test_a_call_is_a_run_with_params_and_metrics(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Name, status, params and metrics are what the agent's configuration asks for; NaN harms nothing."""
    config = agent(metrics=METRICS)
    observe(answering(), config, mlflow=mlflow).invoke({"brand": "Fabhalta", "kpi": "NRx"})
    delivered()
    (run,) = runs_of(mlflow, config, "Fabhalta")

    assert RUN_NAME.fullmatch(run.info.run_name)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"model": "claude-sonnet-5-5", "max_tokens": "100", "prompt/plan": "3"}
    metrics = run.data.metrics
    assert (metrics["confidence"], metrics["gap"], metrics["input_tokens"]) == (0.75, 3, 0)
    assert math.isnan(metrics["broken"])
    assert metrics["endless"] > 1e300
    assert metrics["latency_ms"] > 0
    assert "absent" not in metrics
    assert (run.data.tags["e2i.brand"], run.data.tags["e2i.kpi"]) == ("Fabhalta", "NRx")


def test_a_failed_call_is_a_failed_run(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """The exception reaches the caller, the run says FAILED and still has its latency."""
    config = agent()

    def fail(_inputs: object) -> None:
        msg = "no such brand"
        raise LookupError(msg)

    with pytest.raises(LookupError, match="no such brand"):
        observe(RunnableLambda(fail), config, mlflow=mlflow).invoke({})
    delivered()
    (run,) = runs_of(mlflow, config)

    assert run.info.status == "FAILED"
    assert run.data.metrics["latency_ms"] > 0


def test_artifacts_are_stored_and_readable(mlflow: MlflowConfig, agent: MakeAgent, tmp_path: Path) -> None:
    """Whole outputs and parts of them become files; a path that leads nowhere becomes none."""
    config = agent(artifacts={"answer.json": ".", "deep/parts.json": "parts", "none.json": "no.where"})
    observe(answering(), config, mlflow=mlflow).invoke({})
    delivered()
    (run,) = runs_of(mlflow, config)
    folder = Path(MlflowClient(mlflow.tracking_uri).download_artifacts(run.info.run_id, "", str(tmp_path)))
    files = {str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.rglob("*.json")}

    assert files == {"answer.json": {**ANSWER, "broken": None, "endless": None}, "deep/parts.json": {"gap": 3}}


def test_artifacts_can_be_switched_off(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """`log_artifacts: false` stores none."""
    config = agent(log_artifacts=False)
    observe(answering(), config, mlflow=mlflow).invoke({})
    delivered()
    (run,) = runs_of(mlflow, config)

    assert MlflowClient(mlflow.tracking_uri).list_artifacts(run.info.run_id) == []


def test_a_trace_is_linked_to_its_run(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """Searching by run finds exactly the call's trace."""
    config = agent()
    observed = observe(answering(), config, mlflow=mlflow)
    for number in range(3):
        observed.invoke({"number": number})
    delivered()
    client = MlflowClient(mlflow.tracking_uri)
    linked = [
        (run.data.tags["e2i.trace_id"], [trace.info.trace_id for trace in found])
        for run in runs_of(mlflow, config)
        if (found := client.search_traces(locations=[run.info.experiment_id], run_id=run.info.run_id))
    ]

    assert len(linked) == 3
    assert all([tag] == traces for tag, traces in linked)


def test_a_given_run_takes_all_calls(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """With MLFLOW_RUN_ID no run is made or ended; metrics get steps, clashing params the agent's name."""
    client = MlflowClient(mlflow.tracking_uri)
    config = agent()
    experiment_id = client.create_experiment(config.mlflow_experiment.format(brand="given"))
    run_id = client.create_run(experiment_id).info.run_id
    given = replace(mlflow, run_id=run_id, experiment_id="0")
    for settings in (config, config, agent(agent="other", model="claude-haiku-5-5")):
        observe(answering(), settings, mlflow=given).invoke({})
    delivered()
    run = client.get_run(run_id)

    assert run.info.status == "RUNNING"
    assert len(client.search_runs([experiment_id])) == 1
    assert len(client.search_traces(locations=[experiment_id], run_id=run_id)) == 3
    assert run.data.params["model"] == "claude-sonnet-5-5"
    assert run.data.params["other/model"] == "claude-haiku-5-5"
    assert len({metric.step for metric in client.get_metric_history(run_id, "confidence")}) == 3
    assert len(client.list_artifacts(run_id, "calls")) == 3


def test_a_param_that_another_process_took_costs_nothing_else(
    mlflow: MlflowConfig, agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """Theirs is kept and ours is named in a warning; the other params and the metrics are there, once."""
    client = MlflowClient(mlflow.tracking_uri)
    run_id = client.create_run(client.create_experiment("taken")).info.run_id
    given = replace(mlflow, run_id=run_id)
    observe(answering(), agent(agent="taker"), mlflow=given).invoke({})
    delivered()
    client.log_param(run_id, "prompt/later", "theirs")
    later = agent(agent="taker", prompts={"later": "ours", "other": "2"})
    observe(answering(), later, mlflow=given).invoke({})
    delivered()
    data = client.get_run(run_id).data

    assert (data.params["prompt/later"], data.params["prompt/other"]) == ("theirs", "2")
    assert "param prompt/later" in caplog.text
    assert len(client.get_metric_history(run_id, "confidence")) == 2


def test_a_run_that_does_not_exist_is_replaced(
    mlflow: MlflowConfig, agent: MakeAgent, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong MLFLOW_RUN_ID is warned of; the call gets a run of its own."""
    config = agent()
    observe(answering(), config, mlflow=replace(mlflow, run_id="0" * 32)).invoke({})
    delivered()

    assert len(runs_of(mlflow, config)) == 1
    assert f"MLFLOW_RUN_ID={'0' * 32} cannot be logged to" in caplog.text


def test_an_experiment_id_goes_before_the_template(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """MLFLOW_EXPERIMENT_ID collects the calls of all agents."""
    client = MlflowClient(mlflow.tracking_uri)
    experiment_id = client.create_experiment(agent().mlflow_experiment.format(brand="chosen"))
    observe(answering(), agent(), mlflow=replace(mlflow, experiment_id=experiment_id)).invoke({})
    delivered()

    assert len(client.search_runs([experiment_id])) == 1


def test_the_default_experiment_is_for_agents_without_one(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """MLFLOW_EXPERIMENT_NAME is used where the agent's template is empty."""
    name = agent().mlflow_experiment.format(brand="default")
    observe(answering(), agent(mlflow_experiment=""), mlflow=replace(mlflow, default_experiment=name)).invoke({})
    delivered()
    experiment = MlflowClient(mlflow.tracking_uri).get_experiment_by_name(name)

    assert experiment is not None
    assert len(MlflowClient(mlflow.tracking_uri).search_runs([experiment.experiment_id])) == 1


def test_process_metrics_are_logged_when_asked_for(mlflow: MlflowConfig, agent: MakeAgent) -> None:
    """MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING adds the process's memory and CPU time."""
    config = agent()
    observe(answering(), config, mlflow=replace(mlflow, system_metrics=True)).invoke({})
    delivered()
    (run,) = runs_of(mlflow, config)

    assert run.data.metrics["system/process_peak_rss_megabytes"] > 10
    assert run.data.metrics["system/process_cpu_seconds"] > 0
