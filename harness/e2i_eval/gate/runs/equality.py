"""Equality of measurements: sums of the same numbers in another order may differ in their last digits."""

from __future__ import annotations

import math
from typing import Literal

__all__ = ["is_beyond", "same"]

ROUNDING = 1e-9
"""Relative."""


def same(one: float | None, other: float | None) -> bool:
    """Tell whether two measurements are the same; an unknown one equals only another unknown one."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=ROUNDING, abs_tol=0.0)


def is_beyond(value: float, bound: float, *, worse: Literal["more", "less", "change"]) -> bool:
    """Tell whether a value is on the worse side of a bound by more than rounding."""
    slack = ROUNDING * max(abs(bound), abs(value))
    return value < bound - slack if worse == "less" else value > bound + slack
