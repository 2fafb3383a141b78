"""Which test keeps its level when cases of one agent rise and fall together: the reason for the sign flip.

Eleven agents with twelve cases each. Nothing changed between base and head, but each agent had a better or worse day,
which moves all of its cases by the same amount. A method that takes the 132 cases one by one then raises false alarms.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t  # type: ignore[import-untyped]

from e2i_eval.core.stats.paired import cluster_interval, sign_flip

AGENTS, CASES, WORLDS = 11, 12, 4_000
ALPHA = 0.01
CASE_NOISE, AGENT_NOISE = 0.15, 0.10
"""Of a score from 0 to 1, averaged over repetitions."""

Differences = NDArray[np.float64]
"""Worlds x agents x cases, head minus base."""


def worlds(drop: float, agent_noise: float) -> Differences:
    """Return sessions in which every case fell by ``drop``."""
    draw = np.random.default_rng(2024)
    cases = draw.normal(0.0, CASE_NOISE, (WORLDS, AGENTS, CASES))
    agents = draw.normal(0.0, agent_noise, (WORLDS, AGENTS, 1))
    return cases + agents - drop


def by_case(differences: Differences) -> float:
    """Return how often the paired t-test by case says that the head is worse."""
    rows = differences.reshape(WORLDS, AGENTS * CASES)
    statistic = rows.mean(axis=1) / (rows.std(axis=1, ddof=1) / np.sqrt(rows.shape[1]))
    return float(np.mean(t.cdf(statistic, rows.shape[1] - 1) < ALPHA))


def by_cluster(differences: Differences) -> float:
    """Return how often the lower side of the cluster-robust interval with t(G - 1) excludes zero."""
    sums = differences.sum(axis=2)
    mean = differences.mean(axis=(1, 2))
    squares = ((sums - CASES * mean[:, None]) ** 2).sum(axis=1) * AGENTS / (AGENTS - 1)
    return float(np.mean(t.cdf(mean / (np.sqrt(squares) / (AGENTS * CASES)), AGENTS - 1) < ALPHA))


def by_sign_flip(differences: Differences) -> float:
    """Return how often the cluster sign-flip test says that the head is worse, for all worlds at once."""
    sums = differences.sum(axis=2)
    patterns = np.array(list(itertools.product((1.0, -1.0), repeat=AGENTS)))
    p_values = np.concatenate(
        [
            (part @ patterns.T <= part.sum(axis=1)[:, None] + 1e-9).mean(axis=1)
            for part in np.array_split(sums, WORLDS // 250)
        ]
    )
    return float(np.mean(p_values < ALPHA))


def as_clusters(world: Differences) -> dict[str, list[float]]:
    """Return one world as the product sees it."""
    return {str(agent): list(map(float, cases)) for agent, cases in enumerate(world)}


def test_only_clusters_keep_the_level() -> None:
    """With a noise of the agent's own the t-test by case is wrong many times more often than it says."""
    unchanged = worlds(0.0, AGENT_NOISE)

    assert by_case(unchanged) > 0.08
    assert by_sign_flip(unchanged) <= 0.015
    assert by_cluster(unchanged) <= 0.02


def test_without_noise_of_the_agent_all_of_them_do() -> None:
    """The price of clusters is paid in power, not in false alarms."""
    unchanged = worlds(0.0, 0.0)

    assert max(by_case(unchanged), by_sign_flip(unchanged), by_cluster(unchanged)) <= 0.015


def test_a_drop_of_ten_points_is_found() -> None:
    """More often than not, with as much noise of the agents as there is drop; one of five points is not."""
    assert by_sign_flip(worlds(0.10, AGENT_NOISE)) > 0.55
    assert by_sign_flip(worlds(0.05, AGENT_NOISE)) < 0.25


@pytest.mark.parametrize("number", range(3))
def test_the_simulated_methods_are_the_products(number: int) -> None:
    """The vectorised forms above and the functions under test agree on single worlds."""
    world = worlds(0.10, AGENT_NOISE)[number]
    sums = world.sum(axis=1)
    patterns = np.array(list(itertools.product((1.0, -1.0), repeat=AGENTS)))
    estimate = cluster_interval(as_clusters(world), confidence=0.98)
    squares = ((sums - CASES * world.mean()) ** 2).sum() * AGENTS / (AGENTS - 1)
    error = np.sqrt(squares) / world.size

    assert sign_flip(as_clusters(world), alternative="less") == pytest.approx(
        float((patterns @ sums <= sums.sum() + 1e-9).mean())
    )
    assert estimate.high == pytest.approx(world.mean() + t.ppf(0.99, AGENTS - 1) * error)
