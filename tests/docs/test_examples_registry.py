"""The examples of prompt versions and tuning, run as a reader runs them, and read back from the server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from mlflow import MlflowClient

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    RunExample = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("name", ["prompt_versioning.py", "optimize_agent.py"])
def test_without_a_server_an_example_says_what_to_type(run_example: RunExample, name: str) -> None:
    """One line, and an exit code that a script can see."""
    done = run_example(name)

    assert done.returncode == 2
    assert done.stderr == "no server: type  export MLFLOW_TRACKING_URI=http://localhost:5000\n"
    assert done.stdout == ""


def test_prompt_versions_are_registered_and_compared(run_example: RunExample, example_server: str) -> None:
    """Two versions, an alias that moves to the better one, and eighty traces that name the version they used."""
    done = run_example("prompt_versioning.py", tracking_uri=example_server)
    client = MlflowClient(example_server, registry_uri=example_server)
    production: Any = client.load_prompt("prompts:/e2i.field_assistant.answer@production")
    experiment: Any = client.get_experiment_by_name("examples/field_assistant")
    traces = client.search_traces(locations=[experiment.experiment_id], max_results=100)
    used = [json.loads(trace.info.tags["mlflow.linkedPrompts"])[0]["version"] for trace in traces]
    arms = {"control": "answer=1", "treatment": "answer=2"}

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"words: -\d+\.\d+ \(95% interval -\d+\.\d+ to -\d+\.\d+\), treatment_lower", done.stdout)
    assert production.template.endswith("Answer in one sentence.")
    assert len(used) == 80
    assert {used.count("1"), used.count("2")} == {int(n) for n in re.findall(r"in (\d+) calls", done.stdout)}
    assert all(trace.info.tags["e2i.prompt_version"] == arms[trace.info.tags["e2i.ab_arm"]] for trace in traces)


def test_an_agent_is_optimised_promoted_and_rolled_back(run_example: RunExample, example_server: str) -> None:
    """The printed table is what the server has, and the registry went through every step."""
    done = run_example("optimize_agent.py", tracking_uri=example_server)
    client = MlflowClient(example_server, registry_uri=example_server)
    experiment: Any = client.get_experiment_by_name("e2i/tuning/rag")
    runs = client.search_runs([experiment.experiment_id], "tags.`e2i.trial_state` != ''")
    scores = {run.info.run_name: run.data.metrics.get("score") for run in runs}
    printed = re.findall(r"^ +(\d)  (complete|pruned) +([-.\d]+)", done.stdout, flags=re.MULTILINE)
    production: Any = client.get_model_version_by_alias("e2i-rag", "production")
    candidate: Any = client.get_model_version_by_alias("e2i-rag", "candidate")

    assert (done.returncode, done.stderr) == (0, "")
    assert len(printed) == len(runs) == 8
    for number, state, score in printed:
        logged = scores[f"trial-00{number}"]
        assert score == ("-" if state == "pruned" else f"{logged:.3f}")
    assert re.search(r"on unseen questions: \+0\.\d+", done.stdout)
    assert re.findall(r"history: (\w+)", done.stdout) == ["promote", "promote", "rollback"]
    assert client.get_run(candidate.run_id).data.params["setting/strategy"] in {"dense", "hybrid"}
    assert client.get_run(production.run_id).data.params["setting/strategy"] == "sparse"
