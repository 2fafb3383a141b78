"""A family: a kind of check that asks more of a target than that its goldens hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FAMILIES", "FORMER_NAMES", "Family"]

Family = Literal["truth", "null", "metamorphic", "ablation", "knock-out", "fresh-process", "provenance"]
"""``truth``: the answer is the known one. ``null``: nothing is found where there is nothing.
``metamorphic``: a change of the input changes the answer as it must, or not at all (Chen, Cheung and Yiu, 1998).
``ablation``: with a dependency off, answer and log say so; ``knock-out`` is its former name, which ids keep where a
file says it. ``fresh-process``: another process, the same answer.
``provenance``: where an answer comes from is logged, and is what is stated.
"""

FAMILIES: tuple[Family, ...] = get_args(Family)

FORMER_NAMES: Mapping[Family, Family] = {"knock-out": "ablation"}
"""Names that files may still use, and what the family is called now."""
