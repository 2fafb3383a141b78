"""Optuna studies of an agent: runs below a run, and the best configuration as a candidate version."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient

from e2i.mlops.agent_registry import AgentRegistry
from e2i.mlops.search_space import CandidateConfig, Choice, Real, Whole
from e2i.mlops.tracking_client import ServerUnavailableError
from e2i.mlops.tuning import NoBestError, Tuning

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow.entities import Run
    from tests.integration.conftest import Gateway

    from e2i.config import AgentConfig
    from e2i.mlops import MlflowConfig
    from e2i.mlops.search_space import Space
    from e2i.mlops.tuning import Report

    MakeAgent = Callable[..., AgentConfig]

PROMPTS = {"plan": {"3": "Plan.", "4": "Plan better."}}
SPACE: Space = {
    "max_tokens": Whole(low=100, high=400, step=100),
    "prompt/plan": Choice(options=("3", "4")),
    "setting/alpha": Real(low=0.01, high=1.0, is_log=True),
}


@pytest.fixture
def tuning(request: pytest.FixtureRequest, agent: MakeAgent) -> Tuning:
    """A study of an agent that no other test has."""
    config = agent(agent=str(request.node.name).replace("test_", "")[:60])
    return Tuning(
        config=config, prompts=PROMPTS, space=SPACE, objective="score", settings={"alpha": 0.5}, trials=12, seed=3
    )


def scored(candidate: CandidateConfig, report: Report) -> dict[str, float]:
    """Measure as an agent might be: better with prompt 4, 300 tokens and a small alpha; pruned when it is behind."""
    score = (candidate.config.prompts["plan"] == "4") - abs(candidate.config.max_tokens - 300) / 300
    score -= float(str(candidate.settings["alpha"]))
    for step in (1, 2):
        report(step, score)
    return {"score": score, "cost_usd": 0.1}


def runs_of(mlflow: MlflowConfig, tuning: Tuning) -> tuple[list[Run], list[Run]]:
    """Return the runs of the studies of an agent, and those of their trials in order."""
    client = MlflowClient(mlflow.tracking_uri)
    experiment: Any = client.get_experiment_by_name(f"e2i/tuning/{tuning.config.agent}")
    runs = list(client.search_runs([experiment.experiment_id]))
    trials = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    return [run for run in runs if run not in trials], sorted(trials, key=lambda run: str(run.info.run_name))


def test_every_trial_is_a_run_below_the_studys(mlflow: MlflowConfig, tuning: Tuning) -> None:
    """Params, metrics, steps, states and times of each trial are on the server."""
    found = tuning.run(scored, mlflow)
    (parent,), trials = runs_of(mlflow, tuning)

    assert [run.info.run_name for run in trials] == [f"trial-{number:03d}" for number in range(12)]
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {found.run_id} == {parent.info.run_id}
    states = {"complete": "FINISHED", "pruned": "KILLED"}
    assert [run.info.status for run in trials] == [states[tried.state] for tried in found.trials]
    assert {tried.state for tried in found.trials} == {"complete", "pruned"}
    for run, tried in zip(trials, found.trials, strict=True):
        values = {name: str(value) for name, value in tried.values.items()}
        assert {**run.data.params, "config_version": ""} == {**values, "config_version": ""}
        assert tried.metrics.items() <= run.data.metrics.items()
        assert "intermediate_value" in run.data.metrics
        assert parent.info.start_time - 1 <= run.info.start_time <= run.info.end_time <= parent.info.end_time + 1
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best_score"] == pytest.approx(found.best_trial.metrics["score"])
    assert parent.data.params["space/max_tokens"] == "Whole(low=100, high=400, step=100)"


def test_the_best_is_a_candidate_and_at_least_as_good_as_before(mlflow: MlflowConfig, tuning: Tuning) -> None:
    """The first trial is the agent as it is; the best one is registered under the alias and can be promoted."""
    found = tuning.run(scored, mlflow)
    registry = AgentRegistry(mlflow)
    candidate = registry.load_version(tuning.config.agent, "candidate")

    assert found.trials[0].values == {"max_tokens": 100, "prompt/plan": "3", "setting/alpha": 0.5}
    assert found.best_trial.metrics["score"] > found.trials[0].metrics["score"]
    assert found.best_trial.metrics["score"] == max(tried.metrics.get("score", -9) for tried in found.trials)
    assert (candidate.config, candidate.settings) == (found.best.config, found.best.settings)
    assert candidate.config.prompts == {"plan": "4"}
    done = registry.promote(tuning.config.agent, "candidate", "better on the labelled questions")
    assert done is not None
    assert done.to_version == found.version


def test_equal_studies_find_the_same(mlflow: MlflowConfig, tuning: Tuning) -> None:
    """The same seed tries the same, and registers the same version; another seed tries something else."""
    first, second = (tuning.run(scored, mlflow) for _ in range(2))
    other = replace(tuning, seed=4).run(scored, mlflow)

    assert first.trials == second.trials
    assert first.version == second.version
    assert [tried.values for tried in other.trials] != [tried.values for tried in first.trials]


def test_a_failing_trial_does_not_end_the_study(mlflow: MlflowConfig, tuning: Tuning) -> None:
    """It is a failed run with its error, the others go on, and nothing of it reaches stderr."""

    def sometimes(candidate: CandidateConfig, report: Report) -> dict[str, float]:
        if candidate.config.max_tokens == 100:
            msg = "too short to answer"
            raise RuntimeError(msg)
        return scored(candidate, report)

    found = tuning.run(sometimes, mlflow)
    _, trials = runs_of(mlflow, tuning)

    assert found.trials[0].state == "failed"
    assert found.trials[0].error == "RuntimeError: too short to answer"
    assert trials[0].info.status == "FAILED"
    assert trials[0].data.tags["e2i.trial_error"] == "RuntimeError: too short to answer"
    assert found.best.config.max_tokens != 100


def test_minimizing_takes_the_smallest(mlflow: MlflowConfig, tuning: Tuning) -> None:
    """The direction is the study's."""
    found = replace(tuning, direction="minimize").run(scored, mlflow)

    complete = [tried.metrics["score"] for tried in found.trials if tried.state == "complete"]
    assert found.best_trial.metrics["score"] == min(complete)


def test_a_study_without_a_completed_trial_says_why(
    mlflow: MlflowConfig, tuning: Tuning, capfd: pytest.CaptureFixture[str]
) -> None:
    """There is no best, the last error is told once, and the study's run is killed; no version is registered."""
    with pytest.raises(NoBestError, match="none of 3 trials was completed; the last error was KeyError: 'score'"):
        replace(tuning, trials=3).run(lambda _candidate, _report: {"other": 1.0}, mlflow)
    (parent,), trials = runs_of(mlflow, tuning)

    assert parent.info.status == "KILLED"
    assert [run.info.status for run in trials] == ["FAILED"] * 3
    assert AgentRegistry(mlflow).version_of(tuning.config.agent, "candidate") is None
    assert capfd.readouterr().err == ""


def test_an_unknown_parameter_fails_every_trial(mlflow: MlflowConfig, tuning: Tuning) -> None:
    """A prompt that the agent does not have is named."""
    space = {"prompt/paln": Choice(options=("3",))}

    with pytest.raises(NoBestError, match="has no prompt paln"):
        replace(tuning, space=space, trials=1).run(scored, mlflow)


def test_trials_survive_an_outage(
    mlflow: MlflowConfig, gateway: Gateway, tuning: Tuning, caplog: pytest.LogCaptureFixture
) -> None:
    """What the server did not take while it was away is written when it is back, once."""
    count = iter(range(100))

    def interrupted(candidate: CandidateConfig, report: Report) -> dict[str, float]:
        gateway.mode = "unavailable" if 2 <= next(count) < 5 else "pass"
        return scored(candidate, report)

    with caplog.at_level(logging.WARNING, logger="e2i.mlops"):
        replace(tuning, trials=8).run(interrupted, replace(mlflow, tracking_uri=gateway.uri))
    _, trials = runs_of(mlflow, tuning)

    assert [run.info.run_name for run in trials] == [f"trial-{number:03d}" for number in range(8)]
    assert all(run.info.status in {"FINISHED", "KILLED"} for run in trials)
    assert "trial 2 is not logged yet" in caplog.text


def test_a_server_that_is_away_is_told_at_the_start(mlflow: MlflowConfig, tuning: Tuning) -> None:
    """No trial is run for nothing."""
    tried: list[CandidateConfig] = []

    def measured(candidate: CandidateConfig, _report: Report) -> dict[str, float]:
        tried.append(candidate)
        return {"score": 1.0}

    with pytest.raises(ServerUnavailableError, match="cannot be reached"):
        tuning.run(measured, replace(mlflow, tracking_uri="http://127.0.0.1:1"))
    assert tried == []
