"""The examples run as a reader runs them, and the server holds what they say it holds."""

from __future__ import annotations

import importlib.util
import re
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from mlflow.entities import Trace

    RunExample = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def main_of(name: str) -> Callable[..., int]:
    """Load an example into this process, which is quicker than starting one, and return its ``main``."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, EXAMPLES / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    main: Callable[..., int] = module.main
    return main


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("agent_with_mlflow.py", []),
        ("rag_with_mlflow.py", []),
        ("compare_experiments.py", [["--experiment", "any", "--metric", "any"]]),
    ],
)
def test_without_a_server_an_example_says_what_to_type(
    name: str, arguments: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with exit code 2."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    assert main_of(name)(*arguments) == 2
    assert capsys.readouterr().err == "no server: type  export MLFLOW_TRACKING_URI=http://localhost:5000\n"


# an agent


def traces_of(client: MlflowClient, experiment: str) -> list[Trace]:
    """Return the traces of an experiment, the oldest first."""
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_traces(locations=[found.experiment_id], order_by=["timestamp_ms ASC"]))


def test_the_agent_is_logged_whole(run_example: RunExample, example_server: str, tmp_path: Path) -> None:
    """Prompt, completion, tokens and tags on the trace; params, metrics, answer and figure on its run."""
    done = run_example("agent_with_mlflow.py", tracking_uri=example_server)
    assert done.returncode == 0, done.stderr

    client = MlflowClient(example_server)
    (trace,) = traces_of(client, "examples/trend_reader")
    (run,) = client.search_runs([str(trace.info.experiment_id)])
    (call,) = [span for span in trace.data.spans if span.span_type == "CHAT_MODEL"]

    assert trace.info.state == "OK"
    assert [span.name for span in trace.data.spans] == ["trend_reader", "fit", "explain", "ChatAnthropic"]
    assert "in one sentence" in str(call.inputs["system"])
    assert "+2.61 TRx a month" in str(call.inputs["messages"])
    assert "grows steadily" in str(call.outputs)
    assert trace.info.token_usage is not None
    assert trace.info.token_usage["total_tokens"] == 72
    assert trace.info.tags["e2i.prompt_version"] == "explain=1"
    assert run.data.tags["e2i.trace_id"] == trace.info.trace_id
    assert run.data.params["prompt/explain"] == "1"
    assert run.data.metrics["trx_per_month"] == 2.61
    assert run.data.metrics["trend_r2"] == pytest.approx(0.97, abs=0.01)
    picture = client.download_artifacts(run.info.run_id, "trend.png", str(tmp_path))
    assert client.list_artifacts(run.info.run_id)[0].path == "answer.json"
    assert Path(picture).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "no ANTHROPIC_API_KEY: the answer comes from a script" in done.stdout
    assert f"trace      {trace.info.trace_id}, OK" in done.stdout
    assert "artifacts  ['answer.json', 'trend.png']" in done.stdout


# RAG


def test_the_rag_example_leaves_spans_and_strategies(run_example: RunExample, example_server: str) -> None:
    """Every stage of three questions is on the server, and so is every strategy's measurement."""
    done = run_example("rag_with_mlflow.py", tracking_uri=example_server)
    assert done.returncode == 0, done.stderr
    client = MlflowClient(example_server)
    by_words, by_meaning, by_claude = traces_of(client, "examples/rag")

    for trace, rerank in ((by_words, "none"), (by_meaning, "local"), (by_claude, "claude")):
        holds_every_stage(trace, rerank=rerank)
    holds_the_comparison(client, done.stdout)


def holds_every_stage(trace: Trace, *, rerank: str) -> None:
    """Query, documents with ids and scores, reranked order with scores, and the context that Claude was shown."""
    root = trace.data.spans[0]
    (retriever,) = [span for span in trace.data.spans if span.span_type == "RETRIEVER"]
    (reranker,) = [span for span in trace.data.spans if span.span_type == "RERANKER"]
    answering = [span for span in trace.data.spans if span.span_type == "CHAT_MODEL"][-1]
    found, ranked = retriever.outputs, reranker.outputs["documents"]

    assert root.inputs["question"] in retriever.inputs["query"]
    assert [one["id"] for one in found] == root.outputs["retrieved_ids"]
    assert all(one["page_content"] and one["metadata"]["score"] > 0 for one in found)
    assert [one["metadata"]["score"] for one in found] == sorted(
        (one["metadata"]["score"] for one in found), reverse=True
    )
    assert reranker.outputs["strategy"] == rerank
    assert reranker.inputs["query"] == retriever.inputs["query"]
    assert [one["id"] for one in ranked] == root.outputs["reranked_ids"]
    assert {one["id"] for one in ranked} == {one["id"] for one in found}
    assert [one["score"] for one in ranked] == sorted((one["score"] for one in ranked), reverse=True)
    assert root.outputs["context"] in answering.inputs["messages"][0]["content"]


def holds_the_comparison(client: MlflowClient, printed: str) -> None:
    """One parent run with a nested run for each configuration, its figures as printed, each question in a file."""
    parent = re.findall(r"/runs/(\w+)$", printed.strip())[0]
    runs = client.search_runs([client.get_run(parent).info.experiment_id], f"tags.mlflow.parentRunId = '{parent}'")

    assert {item.path for item in client.list_artifacts(parent)} == {"comparison.txt", "comparison.json"}
    assert len(runs) == 6
    for run in runs:
        metrics, params = run.data.metrics, run.data.params
        assert run.info.run_name == f"{params['strategy']}/{params['rerank']}"
        assert run.info.status == "FINISHED"
        assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["per_question.json"]
        assert metrics["test/ndcg_at_10_low"] <= metrics["test/ndcg_at_10"] <= metrics["test/ndcg_at_10_high"]
        figures = "  ".join(f"{metrics[f'test/{name}']:.3f}" for name in ("recall_at_5", "ndcg_at_10", "mrr"))
        assert re.search(rf"{run.info.run_name} +{figures.replace('  ', ' +')}", printed)


# comparing experiments


@pytest.fixture
def logged(example_server: str) -> Callable[..., str]:
    """Return ``log(version=values, ...)``, which makes an experiment with a run a value; it returns its name."""
    client = MlflowClient(example_server)

    def log(**values: list[float]) -> str:
        name = f"compared/{uuid.uuid4().hex[:8]}"
        experiment_id = client.create_experiment(name)
        for version, numbers in values.items():
            for number in numbers:
                run = client.create_run(experiment_id, tags={"e2i.agent": "reader", "e2i.prompt_version": version})
                client.log_batch(run.info.run_id, [Metric("quality", number, 0, 0)], [Param("model", "m")], [])
                client.set_terminated(run.info.run_id)
        return name

    return log


@pytest.fixture
def compare(
    example_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Return ``compare(experiment, *arguments)``, which runs the example and returns what it prints."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", example_server)

    def run(experiment: str, *arguments: str) -> str:
        assert main_of("compare_experiments.py")(["--experiment", experiment, "--metric", "quality", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_a_clear_winner_is_named(logged: Callable[..., str], compare: Callable[..., str], tmp_path: Path) -> None:
    """With mean, interval and count, in the direction asked for, and in Markdown as well."""
    name = logged(v1=[0.50, 0.52, 0.51, 0.49], v2=[0.80, 0.81, 0.79, 0.82])

    printed = compare(name, "--markdown", str(tmp_path / "out.md"))
    smallest = compare(name, "--direction", "min")

    assert "quality, max: best is reader v2" in printed
    assert re.search(r"reader +v2 +4 +0\.805 \[0\.78\d+, 0\.82\d+\]", printed)
    assert "quality, min: best is reader v1" in smallest
    assert "| reader | v2 | 4 | 0.805 [" in (tmp_path / "out.md").read_text()


def test_no_winner_is_named_where_none_can_be_told(logged: Callable[..., str], compare: Callable[..., str]) -> None:
    """Overlapping runs, a single run, and runs without any spread."""
    printed = compare(logged(v1=[0.5, 0.9, 0.7], v2=[0.6, 0.95, 0.8], v3=[0.1]))
    repeated = compare(logged(v1=[0.5, 0.5], v2=[0.6, 0.6]))

    assert "reader v2 leads, but is not distinguishable from 2 of 2 others by these runs" in printed
    assert "reader v1: not distinguishable, +0.08333 [" in printed
    assert "reader v3: too few runs (3 and 1; 2 of each are needed)" in printed
    assert "they repeat one measurement" in repeated
    assert "best is" not in printed + repeated


def test_runs_that_cannot_be_used_are_counted(
    logged: Callable[..., str], compare: Callable[..., str], example_server: str
) -> None:
    """A failed run and one without the metric are left out and said to be."""
    name = logged(v1=[0.5, 0.6])
    client = MlflowClient(example_server)
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    client.set_terminated(client.create_run(experiment.experiment_id).info.run_id, "FAILED")
    client.set_terminated(client.create_run(experiment.experiment_id).info.run_id)

    printed = compare(name)

    assert "2 of 4 runs were left out: 1 with status FAILED, 1 without quality" in printed
    assert "reader v1 leads, with nothing to compare it with" in printed


def test_several_experiments_are_compared_by_pattern_and_tag(
    logged: Callable[..., str], compare: Callable[..., str], example_server: str
) -> None:
    """A pattern gathers experiments, a tag chooses among their runs, a param may be what they are grouped by."""
    client = MlflowClient(example_server)
    mark = uuid.uuid4().hex[:8]
    for name in (logged(v1=[0.5, 0.6]), logged(v2=[0.7, 0.8])):
        experiment = client.get_experiment_by_name(name)
        assert experiment is not None
        for run in client.search_runs([experiment.experiment_id]):
            client.log_batch(run.info.run_id, [], [], [RunTag("mark", mark)])

    printed = compare("compared/%", "--tag", f"mark={mark}", "--by", "tags.e2i.prompt_version", "params.model")

    assert re.search(r"v1 +m +2 +0\.55 ", printed)
    assert re.search(r"v2 +m +2 +0\.75 ", printed)
    assert "runs were left out" not in printed


def test_a_wrong_name_is_told(
    example_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Instead of an empty table."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", example_server)

    assert main_of("compare_experiments.py")(["--experiment", "no", "--metric", "m"]) == 2
    assert capsys.readouterr().err == "nothing to compare: 0 runs found\n"


def test_the_list_of_examples_is_complete() -> None:
    """Every program of the folder is described, and executed by a test of this folder."""
    page = (EXAMPLES / "README.md").read_text()
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_examples*.py"))

    for program in EXAMPLES.glob("*.py"):
        assert f"| `{program.name}` |" in page
        assert f'"{program.name}"' in tests
