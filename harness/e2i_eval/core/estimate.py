"""An estimate: a number with the interval it is known to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number and how sure it is; the unit stands in the name of the field that holds it.

    Attributes:
        value: the estimate itself.
        low: lower end of the interval.
        high: upper end of the interval.
        confidence: how often such an interval contains the truth, 0 to 1.
        method: how it was made, in the field's words (``Hodges-Lehmann``, ``Wilson``).
    """

    value: float
    low: float
    high: float
    confidence: float
    method: str
