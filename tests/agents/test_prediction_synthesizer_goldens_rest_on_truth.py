"""Every range in a golden of the prediction synthesizer contains what really came, or what was planted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from e2i.data.portfolio import SCENARIOS, Portfolio, portfolio

if TYPE_CHECKING:
    from e2i.data.portfolio import Forecaster

CASES = Path(__file__).parents[2] / "golden" / "cases" / "prediction_synthesizer"
LEVEL = 0.9
WIDEST = {"prediction": 0.09, "interval_coverage": 0.1, "ensemble_disagreement": 0.6}
"""A range wider than this, relative to the truth, judges nothing."""


def cases(*having: str) -> list[Any]:
    """Return (inputs, values and metrics) of the cases that end in an answer and judge one of ``having``."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        values = case["expect"].get("values", {})
        if any(values.get(name) is not None for name in having) and values.get("status", "ok") == "ok":
            found.append(pytest.param(case["inputs"], case["expect"], id=path.stem))
    return found


def rules_for(expect: dict[str, Any], name: str) -> list[Any]:
    """Return the rules on ``name``, of output and of metrics."""
    return [expect[group][name] for group in ("values", "metrics") if name in expect.get(group, {})]


def allows(rule: Any, truth: float, *, width: float = float("inf")) -> bool:  # noqa: ANN401  # a rule is any YAML
    """Return whether the rule lets ``truth`` pass and is not wider than ``width`` times the truth."""
    if not isinstance(rule, dict):
        return bool(rule == truth)
    low, high = rule.get("min", float("-inf")), rule.get("max", float("inf"))
    return bool(rule.get("equals", truth) == truth and low <= truth <= high and high - low <= width * max(truth, 1e-9))


def portfolio_of(inputs: dict[str, Any]) -> Portfolio:
    """Return the portfolio that the case is asked about."""
    return portfolio(inputs["brand"], inputs.get("scenario", "standard"), kpi=inputs.get("kpi", "trx"))


def spread(forecasters: tuple[Forecaster, ...], conflict: float) -> float:
    """Return the expected relative spread of working models, each weighted by the precision of its own noise.

    Independent noises around a common value, plus the conflict, which raises every other model and lowers the rest.
    """
    working = [one for one in forecasters if one.fault is None]
    noise = np.array([one.noise for one in working])
    weights = noise**-2 / (noise**-2).sum()
    signs = np.where(np.arange(len(working)) % 2, 1.0, -1.0)
    own = weights @ noise**2 - (weights**2) @ noise**2
    return float(np.sqrt(own + conflict**2 * (1 - (weights @ signs) ** 2)))


@pytest.mark.parametrize(("inputs", "expect"), cases("prediction"))
def test_predictions_contain_what_really_came(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """The sum over the prescribers in question in the quarter that the agent never saw."""
    found = portfolio_of(inputs)
    inside = (found.hcps["region"] == inputs.get("region", "")).to_numpy() | ("region" not in inputs)
    truth = float(found.truth.actual[inside].sum())

    assert found.truth.conflict == 0.0
    assert all(allows(rule, truth, width=WIDEST["prediction"]) for rule in rules_for(expect, "prediction"))
    assert all(allows(rule, truth) for rule in rules_for(expect, "regions.0.prediction"))


@pytest.mark.parametrize(("inputs", "expect"), cases("interval_coverage", "interval_coverage_top"))
def test_coverage_contains_the_stated_level(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Intervals are made to cover nine in ten, whatever was done to the models."""
    assert inputs["brand"]
    assert all(
        allows(rule, LEVEL, width=WIDEST["interval_coverage"]) for rule in rules_for(expect, "interval_coverage")
    )
    assert all(allows(rule, LEVEL) for rule in rules_for(expect, "interval_coverage_top"))


@pytest.mark.parametrize(("inputs", "expect"), cases("ensemble_disagreement"))
def test_disagreement_contains_the_planted_spread(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """By the noise and the conflict on record; the last quarter knows no conflict."""
    truth = portfolio_of(inputs).truth
    now, before = spread(truth.forecasters, truth.conflict), spread(truth.forecasters, 0.0)
    width = WIDEST["ensemble_disagreement"]

    assert all(allows(rule, now, width=width) for rule in rules_for(expect, "ensemble_disagreement"))
    assert all(allows(rule, before, width=width) for rule in rules_for(expect, "disagreement_before"))


@pytest.mark.parametrize(("inputs", "expect"), cases("prediction", "verdict"))
def test_models_in_goldens_are_as_planted(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Broken and missing models are those on record, biases too, and so is the best model."""
    planted = {one.name: one for one in portfolio_of(inputs).truth.forecasters}
    status = {None: "used", "mixed_up": "broken", "stuck": "broken", "lost": "missing"}
    values = expect["values"]
    sound = [one for one in planted.values() if one.fault is None]
    for rank in range(6):
        name = values.get(f"models.{rank}.model")
        kinds = {one.fault for one in planted.values()} if name is None else {planted[name].fault}
        biases = {one.bias for one in planted.values()} if name is None else {planted[name].bias}
        stated = values.get(f"models.{rank}.status")

        assert stated is None or stated in {status[kind] for kind in kinds}
        assert all(allows(rule, bias) for rule in rules_for(expect, f"models.{rank}.bias") for bias in biases)
    if "best_model" in values:
        assert values["best_model"] == min(sound, key=_noise).name


@pytest.mark.parametrize(("inputs", "expect"), cases("verdict"))
def test_verdicts_in_goldens_follow_from_what_was_done(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Nobody sound: no skill. A conflict: doubtful. Else usable."""
    truth = portfolio_of(inputs).truth
    wanted = "doubtful" if truth.conflict else "usable"

    assert expect["values"]["verdict"] == (
        wanted if any(one.fault is None for one in truth.forecasters) else "no_skill"
    )


@pytest.mark.parametrize(("inputs", "expect"), cases("filled", "hcp.prediction"))
def test_single_figures_are_on_record(inputs: dict[str, Any], expect: dict[str, Any]) -> None:
    """Gaps by their share of all forecasts, a prescriber by what was to be expected."""
    found = portfolio_of(inputs)
    gaps = SCENARIOS[inputs.get("scenario", "standard")].gaps * found.coming.size

    assert all(allows(rule, gaps) for rule in rules_for(expect, "filled"))
    if "hcp_id" in inputs:
        expected = float(found.truth.expected[inputs["hcp_id"]])
        bounds = rules_for(expect, "hcp.low") + rules_for(expect, "hcp.high")

        assert all(allows(rule, expected) for rule in rules_for(expect, "hcp.prediction"))
        assert [*bounds[0].values(), *bounds[1].values()] == pytest.approx([expected] * 2, abs=0.06)


def test_a_range_beside_the_truth_is_noticed() -> None:
    """The judgement of a range can fail, also for being too wide."""
    assert not allows({"min": 430_000, "max": 440_000}, 444_476)
    assert not allows({"min": 0, "max": 10**6}, 444_476, width=0.09)
    assert not allows("broken", "used")  # type: ignore[arg-type]  # texts are compared as well


def test_there_are_goldens_of_every_kind() -> None:
    """At least ten, among them truth, null, edge, adversarial ones and Claude's errors."""
    texts = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES.glob("*.yaml")]
    kinds = {tag for case in texts for tag in case["tags"]}

    assert len(texts) >= 10
    assert kinds >= {"truth", "null", "edge", "adversarial", "claude-error", "smoke"}


def _noise(one: Forecaster) -> float:
    return one.noise
