"""Families: many tests at once, so that among a hundred rules chance alone does not fail one a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values so that any false alarm in the family is as rare as the level, however they depend.

    Holm (Scandinavian Journal of Statistics 6, 1979): the i-th smallest of m is multiplied by m - i + 1,
    and none may fall below a smaller one's. For a gate: one false alarm is one too many.

    Args:
        p_values: of all tests of the family, those that passed too.

    Returns:
        The adjusted values in the order given; compare each with the level.

    Raises:
        ValueError: one is not between 0 and 1.
    """
    wrong = [value for value in p_values if not 0.0 <= value <= 1.0]
    if wrong:
        msg = f"{wrong[0]} is no p-value"
        raise ValueError(msg)
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[index] * (len(p_values) - place)))
        adjusted[index] = least
    return tuple(adjusted)
