"""Figures as artifacts beside the answer, drawn by the sender and never at the cost of a call."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from langchain_core.runnables import Runnable, RunnableLambda
from mlflow import MlflowClient

from e2i.mlops import MlflowConfig, call_queue, observe
from e2i.mlops.experiment_tracker import ExperimentTracker
from e2i.mlops.finished_call import FinishedCall
from e2i.mlops.tracking_client import TrackingClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i.config import AgentConfig

    MakeAgent = Callable[..., AgentConfig]

GAPS = {"brand": "Kisqali", "kpi": "trx", "gaps": [{"brand": "Kisqali", "region": "<West>", "lost_usd_per_year": 5e6}]}


@pytest.fixture
def logged(
    mlflow: MlflowConfig, agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[MlflowClient, str, ExperimentTracker]]:
    """Return ``log(output, figures)``, which writes the run of one call and returns where to read it."""
    lines: list[bytes] = []
    monkeypatch.setattr(call_queue, "submit", lambda _config, line: lines.append(line))

    def log(output: object, figures: dict[str, str], **changes: Any) -> tuple[MlflowClient, str, ExperimentTracker]:  # noqa: ANN401  as AgentConfig's
        config = agent(figures=figures, **changes)
        answering: Runnable[Any, Any] = RunnableLambda(lambda _: output)
        observe(answering, config, mlflow=mlflow).invoke({})
        call = FinishedCall.from_line(orjson.dumps({**orjson.loads(lines[-1]), "figures": figures}))
        tracker = ExperimentTracker(TrackingClient(mlflow), mlflow)
        run = tracker.open_run(call, tracker.target(call).experiment_id, may_exist=False)
        tracker.fill_run(call, run)
        return MlflowClient(mlflow.tracking_uri), str(run["run_id"]), tracker

    return log


def names(client: MlflowClient, run_id: str) -> list[str]:
    """Return the names of a run's artifacts."""
    return sorted(file.path for file in client.list_artifacts(run_id))


def test_a_figure_is_stored_beside_the_answer(logged: Any, tmp_path: Any) -> None:  # noqa: ANN401  the fixture's function
    """The file is sound SVG, and hostile text in it is text."""
    client, run_id, tracker = logged(GAPS, {"kpi_impact.svg": "kpi_impact"})
    picture = ET.parse(client.download_artifacts(run_id, "kpi_impact.svg", str(tmp_path)))

    assert names(client, run_id) == ["answer.json", "kpi_impact.svg"]
    assert any(element.text == "Kisqali <West>" for element in picture.iter())
    assert tracker.plotter.failed == 0


def test_a_declined_question_has_an_answer_and_no_figure(logged: Any) -> None:  # noqa: ANN401  as above
    """Nothing to draw is no failure."""
    client, run_id, tracker = logged({"status": "declined", "gaps": []}, {"kpi_impact.svg": "kpi_impact"})

    assert names(client, run_id) == ["answer.json"]
    assert tracker.plotter.failed == 0


def test_what_may_not_be_logged_is_not_drawn(logged: Any) -> None:  # noqa: ANN401  as above
    """Without prompts and answers in the record there is nothing to draw from."""
    client, run_id, _ = logged(GAPS, {"kpi_impact.svg": "kpi_impact"}, log_prompts=False)

    assert names(client, run_id) == []


def test_a_drawing_that_breaks_costs_no_call(
    logged: Any,  # noqa: ANN401  as above
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run ends well with its other artifacts; the failures are counted and told."""

    def broken(*_: object) -> bytes:
        msg = "a bug"
        raise ZeroDivisionError(msg)

    with caplog.at_level(logging.WARNING, logger="e2i.mlops"), monkeypatch.context() as patch:
        patch.setattr("e2i.mlops.figures.svg.Canvas.to_svg", broken)
        client, run_id, tracker = logged(GAPS, {"a.svg": "kpi_impact", "b.svg": "no_such_kind"})

    assert names(client, run_id) == ["answer.json"]
    assert client.get_run(run_id).info.status == "FINISHED"
    assert tracker.plotter.failed == 2
    assert "'kpi_impact'" in caplog.text
    assert "ZeroDivisionError: a bug); 1 so far" in caplog.text
    assert "no figure 'no_such_kind'" in caplog.text
