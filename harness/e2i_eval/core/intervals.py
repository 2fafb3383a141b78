"""Cover: how much of a line several spans cover together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["covered"]


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Return the length of the union of spans, in their unit.

    Args:
        spans: start and end of each; one that ends before it starts is empty.
    """
    total, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
