"""Faults in what is logged of a run: metrics, params, files."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.faults.fault import Need
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import logs, wanted_names
from e2i_eval.tracking.traffic import Handling, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["RUN_FAULTS"]

BATCH = "runs/log-batch"
SINGLE = {"metrics": "runs/log-metric", "params": "runs/log-parameter"}
CONSTANT = 0.123
COST = "cost_usd"
TWO_METRICS = Need(
    what="no case logs two different metrics that its contract or case asks for", is_met=lambda s: all(_two_metrics(s))
)
OTHER_METRIC = Need(
    what="no other case logs another value of a metric that the contract asks for",
    is_met=lambda control_run: bool(_differing(control_run)),
    wants_other=True,
)
A_COST = Need(
    what="no case logs a cost that its contract or case asks for",
    is_met=lambda control_run: COST in _asked_exactly(control_run) and _metrics(control_run)[COST] > 0,
)
PARAM_CHECKS = ("trace", "params")

RUN_FAULTS = FaultList(kind="wrong", place="log", checks=("trace", "metrics"))
"""Metrics, params, files."""


@RUN_FAULTS.request(
    "metric-lost",
    "A metric that the team relies on is not logged.",
    source="seen on a platform of this kind: metrics people relied on were logged nowhere",
    kind="missing",
    says="metric",
    needs=(logs("metrics"),),
)
def lose_metric(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Drop a metric that is asked for."""
    return _changed(message, "metrics", lambda name, value: None if name in _first(control_run, "metrics") else value)


@RUN_FAULTS.request(
    "server-forgets-metrics",
    "The server takes metrics and keeps none.",
    source="seen on a platform of this kind: runs that timed out ended without metrics, so averages left them out",
    kind="lost",
    place="server",
    says="metric",
    needs=(logs("metrics"),),
)
def lose_metrics(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Accept every metric and keep none."""
    return _changed(message, "metrics", lambda _name, _value: None)


@RUN_FAULTS.request(
    "metric-nan",
    "A metric is NaN.",
    source="vibrantlabsai/ragas#1850: timeouts became NaN and vanished from means",
    says="finite|number",
    needs=(logs("metrics"),),
)
def log_nan(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Log that there is no number as one."""
    return _changed(message, "metrics", lambda name, value: "NaN" if name in _first(control_run, "metrics") else value)


@RUN_FAULTS.request(
    "metric-constant",
    "Metrics have the same value whatever was computed.",
    source="seen on a platform of this kind: trackers that log a constant",
    says="metric",
    needs=(logs("metrics", exactly=True),),
)
def log_constant(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Log the same number whatever was computed."""
    names = _asked_exactly(control_run)
    return _changed(message, "metrics", lambda name, value: CONSTANT if name in names else value)


@RUN_FAULTS.request(
    "metrics-swapped",
    "Two statistics are logged under each other's name.",
    source="seen on a platform of this kind: one statistic under another's name",
    kind="swapped",
    says="metric",
    needs=(TWO_METRICS,),
)
def swap_metrics(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Log one statistic under another's name."""
    one, other = _two_metrics(control_run)
    values = _metrics(control_run)
    swapped = {one: values.get(other), other: values.get(one)}
    return _changed(message, "metrics", swapped.get)


@RUN_FAULTS.request(
    "metric-of-another-case",
    "A metric has the value of the case before.",
    source="mlflow.genai.evaluate: a test run's metric is the last test's value, whatever the others had",
    kind="misattributed",
    says="metric",
    needs=(OTHER_METRIC,),
)
def log_other_case(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Log the number of the case before."""
    name = _differing(control_run)
    stale = control_run.other.logged.metrics.get(name) if control_run.other and control_run.other.logged else None
    return _changed(message, "metrics", lambda each, value: stale if each == name else value)


@RUN_FAULTS.request(
    "cost-wrong",
    "The cost is logged at another price.",
    source="VectorInstitute/agentic-forecasting#195, BerriAI/litellm#26919: costs that did not fit the bill",
    says="cost_usd",
    needs=(A_COST,),
)
def price_tenfold(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Take the price of another unit."""
    return _changed(message, "metrics", lambda name, value: 10 * float(value) if name == COST else value)


@RUN_FAULTS.request(
    "param-lost",
    "A setting is not logged.",
    source="deepeval warns of runs without logged hyperparameters, and passes them",
    kind="missing",
    checks=PARAM_CHECKS,
    says="param",
    needs=(logs("params"),),
)
def lose_param(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Drop a param that is asked for."""
    return _changed(message, "params", lambda name, value: None if name in _first(control_run, "params") else value)


@RUN_FAULTS.request(
    "prompt-version-lost",
    "Which version of a prompt was used is unknown.",
    source="own: prompts loaded by alias",
    kind="missing",
    checks=PARAM_CHECKS,
    says="prompt",
    needs=(logs("params", name="prompt*"),),
)
def lose_prompt_versions(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Drop which versions of prompts were used."""
    return _changed(message, "params", lambda name, value: None if name.startswith("prompt") else value)


@RUN_FAULTS.request(
    "prompt-version-wrong",
    "Another version of a prompt is logged than was used, one that exists.",
    source="own: an alias is moved between loading the prompt and logging its version",
    checks=PARAM_CHECKS,
    says="prompt",
    needs=(logs("params", exactly=True, name="prompt*"),),
)
def name_other_prompt_version(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Log the version after the one that was used: it may well exist, and nobody wonders."""
    names = wanted_names(control_run, "params", exactly=True, name="prompt*")[:1]
    return _changed(message, "params", lambda name, value: _other_version(str(value)) if name in names else value)


@RUN_FAULTS.request(
    "param-model-wrong",
    "The run says that another model was asked.",
    source="own: a param taken from a configuration that the call overrides",
    checks=PARAM_CHECKS,
    says="model",
    needs=(logs("params", exactly=True, name="model*"),),
)
def name_other_model(message: HttpRequest, control_run: ControlRun) -> Handling | None:
    """Log the configured model, not the one that was asked."""
    names = wanted_names(control_run, "params", exactly=True, name="model*")[:1]
    return _changed(message, "params", lambda name, value: "claude-haiku-4-5" if name in names else value)


@RUN_FAULTS.request(
    "artifact-lost",
    "The server takes files and keeps none.",
    source="own: an artifact root that is a path on the client's disk",
    kind="lost",
    place="server",
    checks=("trace",),
    says="artifact",
    needs=(logs("artifacts"),),
)
def lose_file(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Accept files and keep none, as a server with a broken store does."""
    return Handling() if message.has_file else None


@RUN_FAULTS.request(
    "artifact-empty",
    "The answer's file is stored with nothing in it.",
    source="own: a stream that was read before it was uploaded",
    kind="truncated",
    checks=("trace",),
    says="empty",
    needs=(logs("artifacts"),),
)
def empty_file(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Store the file's name, and nothing in it."""
    return Handling(send=(replace(message, body=b""),)) if message.has_file and message.body else None


def _other_version(version: str) -> str:
    """Return the version after one that has a number (``2`` after ``1``, ``v2`` after ``v1``), else a marked one."""
    digits = re.search(r"\d+(?=\D*$)", version)
    if digits is None:
        return f"{version}-1"
    return f"{version[: digits.start()]}{int(digits.group()) + 1}{version[digits.end() :]}"


def _changed(message: HttpRequest, kind: str, change: Callable[[str, JsonValue], JsonValue]) -> Handling | None:
    """Return what becomes of a request that logs metrics or params; a value that becomes None is not logged."""
    if message.call == SINGLE[kind]:
        body = dict(message.json())
        value = change(str(body.get("key")), body.get("value"))
        return Handling() if value is None else Handling(send=(message.with_json({**body, "value": value}),))
    if message.call != BATCH or not message.json().get(kind):
        return None
    body = dict(message.json())
    pairs = [{**pair, "value": change(pair["key"], pair["value"])} for pair in body[kind]]
    changed = {**body, kind: [pair for pair in pairs if pair["value"] is not None]}
    return Handling(send=(message.with_json(changed),)) if changed != body else None


def _first(control_run: ControlRun, kind: str) -> tuple[str, ...]:
    return wanted_names(control_run, kind)[:1]


def _asked_exactly(control_run: ControlRun) -> tuple[str, ...]:
    """Return the metrics whose exact value is asked for."""
    return wanted_names(control_run, "metrics", exactly=True)


def _metrics(control_run: ControlRun) -> dict[str, float]:
    return dict(control_run.evidence.logged.metrics) if control_run.evidence.logged else {}


def _two_metrics(control_run: ControlRun) -> tuple[str, str]:
    """Return two metrics with different values, one of which is asked for exactly; empty names where there are none."""
    values = _metrics(control_run)
    for one in _asked_exactly(control_run):
        for other in wanted_names(control_run, "metrics"):
            if values[one] != values[other]:
                return one, other
    return "", ""


def _differing(control_run: ControlRun) -> str:
    """Return a metric asked for exactly that another case has with another value; empty where there is none."""
    other = control_run.other.logged.metrics if control_run.other and control_run.other.logged else {}
    values = _metrics(control_run)
    return next((name for name in _asked_exactly(control_run) if name in other and other[name] != values[name]), "")
