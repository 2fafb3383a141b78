"""Faults of metrics, params and files change what is written, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from e2i_eval.checks.contract.contract import Contract, Demand, DemandSection
from e2i_eval.core.case import Case
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run
from e2i_eval.core.trace import Logged
from e2i_eval.faults import ControlRun, choose
from e2i_eval.tracking.traffic import Handling, HttpRequest

EXACT = Demand(equals="{output.ate}")
METRICS = {"ate": 2.5, "gap": 1.0}


def control_run() -> ControlRun:
    """Return a sound run that logged two metrics its contract asks for."""
    case = Case(id="agent/one", target="agent", inputs={})
    evidence = Evidence(
        case=case,
        run=Run(output={"ate": 2.5}, error=None, started_at_s=0.0, duration_s=0.1),
        traces=(),
        logged=Logged(run_id="r", status="RUNNING", metrics=METRICS),
    )
    section = DemandSection(metrics={"ate": EXACT, "gap": Demand()})
    return ControlRun(evidence=evidence, contract=Contract(sections=(section,)))


def batch() -> HttpRequest:
    """Return the request that logs both metrics and a param."""
    body = {
        "run_id": "r",
        "metrics": [{"key": key, "value": value, "step": 0} for key, value in METRICS.items()],
        "params": [{"key": "model", "value": "claude"}],
    }
    return HttpRequest(method="POST", path="/api/2.0/mlflow/runs/log-batch", body=json.dumps(body).encode())


def sent(name: str, message: HttpRequest) -> list[dict[str, object]]:
    """Return the metrics that still reach the server."""
    (fault,) = choose([name])
    assert fault.request is not None
    handling = fault.request(message, control_run()) or Handling(send=(message,))
    return [metric for each in handling.send for metric in each.json()["metrics"]]


def test_a_metric_is_dropped() -> None:
    """The other one stays."""
    assert [metric["key"] for metric in sent("metric-lost", batch())] == ["gap"]


def test_a_metric_becomes_nan() -> None:
    """As MLflow's REST API spells it."""
    assert [metric["value"] for metric in sent("metric-nan", batch())] == ["NaN", 1.0]


def test_metrics_are_swapped() -> None:
    """Each has the other's value."""
    assert {metric["key"]: metric["value"] for metric in sent("metrics-swapped", batch())} == {"ate": 1.0, "gap": 2.5}


def test_other_requests_are_left_alone() -> None:
    """A search is no write, and a metric fault does not touch params."""
    (fault,) = choose(["metric-lost"])
    search = HttpRequest(method="POST", path="/api/2.0/mlflow/runs/search", body=b"{}")
    assert fault.request is not None

    handled = fault.request(batch(), control_run())

    assert fault.request(search, control_run()) is None
    assert handled is not None
    assert handled.send[0].json()["params"] == batch().json()["params"]


def test_needs_are_told() -> None:
    """A run that logged nothing cannot be broken by these faults, and says why."""
    bare = ControlRun(evidence=Evidence(case=control_run().case, run=control_run().evidence.run), contract=Contract())
    (lost,) = choose(["metric-lost"])

    assert lost.lacks(control_run()) == ""
    assert "no case logs metrics" in lost.lacks(bare)


@pytest.mark.parametrize(
    ("used", "told"), [("1", "2"), ("v9", "v10"), ("2026-a3-rc", "2026-a4-rc"), ("main", "main-1")]
)
def test_another_version_of_a_prompt_is_told(used: str, told: str) -> None:
    """In the form of the one that was used; other params stay."""
    demands = DemandSection(params={"prompt/*": Demand(), "prompt/plan": Demand(equals=used)})
    logged = Logged(run_id="r", status="RUNNING", params={"prompt/plan": used, "model": "claude"})
    asked = replace(
        control_run(),
        evidence=replace(control_run().evidence, logged=logged),
        contract=Contract(sections=(demands,)),
    )
    body = {"run_id": "r", "params": [{"key": "prompt/plan", "value": used}, {"key": "model", "value": "claude"}]}
    message = HttpRequest(method="POST", path="/api/2.0/mlflow/runs/log-batch", body=json.dumps(body).encode())
    (fault,) = choose(["prompt-version-wrong"])
    assert fault.request is not None

    handling = fault.request(message, asked)

    assert handling is not None
    assert [each["value"] for each in handling.send[0].json()["params"]] == [told, "claude"]
