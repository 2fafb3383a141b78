"""The assignment problem: pair rows with columns so that the sum of costs is least."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["assign"]


def assign(costs: Sequence[Sequence[float]], limit: float) -> dict[int, int]:
    """Return row -> column of the cheapest pairing; a pair that costs ``limit`` or more stays apart.

    The Hungarian algorithm by shortest augmenting paths with potentials (Kuhn 1955, Jonker & Volgenant 1987), O(n^3);
    a greedy choice would mix up parallel branches that share a prompt.
    """
    size = max(len(costs), max(map(len, costs), default=0))
    square = [[limit] * size for _ in range(size)]
    for row, values in enumerate(costs):
        for column, cost in enumerate(values):
            square[row][column] = min(cost, limit)
    pairs = _hungarian(square)
    return {
        row: column
        for row, column in sorted(pairs.items())
        if row < len(costs) and column < len(costs[row]) and costs[row][column] < limit
    }


def _hungarian(costs: list[list[float]]) -> dict[int, int]:
    """Solve a square problem; index 0 of the work arrays is the place of the row being added."""
    size = len(costs)
    rows, columns = [0.0] * (size + 1), [0.0] * (size + 1)
    owner = [0] * (size + 1)
    for row in range(1, size + 1):
        owner[0] = row
        _augment(costs, rows, columns, owner)
    return {owner[column] - 1: column - 1 for column in range(1, size + 1)}


def _augment(costs: list[list[float]], rows: list[float], columns: list[float], owner: list[int]) -> None:
    size = len(costs)
    least, came, done = [math.inf] * (size + 1), [0] * (size + 1), [False] * (size + 1)
    column = 0
    while owner[column]:
        done[column] = True
        row = owner[column]
        for other in (each for each in range(1, size + 1) if not done[each]):
            slack = costs[row - 1][other - 1] - rows[row] - columns[other]
            if slack < least[other]:
                least[other], came[other] = slack, column
        closest = min((each for each in range(1, size + 1) if not done[each]), key=least.__getitem__)
        step = least[closest]
        for each in range(size + 1):
            if done[each]:
                rows[owner[each]] += step
                columns[each] -= step
            else:
                least[each] -= step
        column = closest
    while column:
        owner[column] = owner[came[column]]
        column = came[column]
