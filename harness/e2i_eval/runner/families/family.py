"""A family: a kind of check that asks more of a target than that its goldens hold."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["FAMILIES", "Family"]

Family = Literal["truth", "null", "metamorphic", "knock-out", "fresh-process", "provenance"]
"""``truth``: the answer is the known one. ``null``: nothing is found where there is nothing.
``metamorphic``: a change of the input changes the answer as it must, or not at all (Chen, Cheung and Yiu, 1998).
``knock-out``: with a dependency off, answer and log say so. ``fresh-process``: another process, the same answer.
``provenance``: where an answer comes from is logged, and is what is stated.
"""

FAMILIES: tuple[Family, ...] = get_args(Family)
