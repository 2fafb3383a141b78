"""MLflow's evaluation dataset mirrors the goldens."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from e2i_eval.runner.config.options import parse_settings
from e2i_eval.runner.dataset_sync import mirror
from e2i_eval.tracking import golden_dataset, stored_traces

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.tracking import TemporaryServer

CASE = "schema: 1\ninputs: {{question: soon}}\nexpect:\n  output: {{answer: {answer}}}\ntags: [smoke]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two goldens of the same inputs."""
    (tmp_path / "pyproject.toml").write_text('[tool.e2i_eval.targets.support]\nentry = "shop:build"\n')
    cases = tmp_path / "golden" / "cases" / "support"
    cases.mkdir(parents=True)
    for name in ("one", "two"):
        (cases / f"{name}.yaml").write_text(CASE.format(answer=name))
    return tmp_path


def test_the_dataset_is_what_the_goldens_are(server: TemporaryServer, project: Path, cache: Path) -> None:
    """Added, changed, removed and broken files are mirrored; what is equal is not written again."""
    settings = parse_settings(project, lambda _: None, lambda _: None)
    cases = settings.cases / "support"
    with golden_dataset(server.uri, name="g", experiment="data", cache=cache, environ=os.environ) as dataset:
        first, second = mirror(dataset, settings), mirror(dataset, settings)
        (cases / "one.yaml").write_text("schema: 1\ninputs: {question: soon}\nexpect: {values: {answer: x}}\n")
        (cases / "two.yaml").unlink()
        (cases / "three.yaml").write_text("schema: 1\ninputs: nonsense\n")
        third = mirror(dataset, settings)

    assert (first.added, first.records) == (2, 2)
    assert second.is_unchanged
    assert second.digest == first.digest
    assert (third.changed, third.removed, third.records) == (1, 1, 1)
    assert third.digest != first.digest
    assert len(third.broken) == 1
    assert "support/three is not in the dataset" in third.broken[0]


def test_mlflow_reads_it_as_its_own(server: TemporaryServer, project: Path, cache: Path) -> None:
    """Each golden is a row for its client, and what a case no longer expects is gone."""
    import mlflow  # noqa: PLC0415  MLflow is heavy
    from mlflow.genai.datasets import get_dataset  # noqa: PLC0415  as above

    settings = parse_settings(project, lambda _: None, lambda _: None)
    with golden_dataset(server.uri, name="h", experiment="data", cache=cache, environ=os.environ) as dataset:
        mirror(dataset, settings)
        (settings.cases / "support" / "one.yaml").write_text("schema: 1\ninputs: {question: soon}\n")
        mirror(dataset, settings)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.uri)
    try:
        rows = {row["tags"]["e2i_eval.case"]: row for row in get_dataset(name="h").to_df().to_dict("records")}
    finally:
        mlflow.set_tracking_uri(before)

    assert set(rows) == {"support/one", "support/two"}
    assert rows["support/two"]["inputs"]["inputs"] == {"question": "soon"}
    assert rows["support/two"]["expectations"]["output"] == {"answer": "two"}
    assert not rows["support/one"]["expectations"]


def test_a_trace_that_is_not_there_is_none(server: TemporaryServer, cache: Path) -> None:
    """Only the server knows; an unknown experiment and a filter it does not take are the user's mistakes."""
    from e2i_eval.core.errors import UsageError  # noqa: PLC0415  beside its use

    with stored_traces(server.uri, cache=cache, environ=os.environ) as traces:
        assert list(traces.named(["tr-" + "0" * 32])) == []
        with pytest.raises(UsageError, match="there is no experiment 'nowhere'"):
            traces.experiments(["nowhere"])
        with pytest.raises(UsageError, match="does not take --filter"):
            list(traces.found("nonsense ~ 3", traces.experiments(), 5))
