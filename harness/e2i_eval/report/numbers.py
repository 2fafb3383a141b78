"""Numbers as a person reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.estimate import Estimate

__all__ = ["amount", "change", "cost", "count", "duration", "interval_ms", "ms", "plain", "share", "shift_ms"]

UNKNOWN = "unknown"
EXACT = 1.0
LONG_MS = 100.0
SHORT_MS = 1.0
LARGE = 1000.0
"""From here on four digits leave no decimals, and from ten times as much they would write an exponent."""


def count(value: float) -> str:
    """Write a whole number with thousands apart."""
    return f"{value:,.0f}"


def cost(value_usd: float | None) -> str:
    """Write US dollars with four decimals, enough for a single small call."""
    return UNKNOWN if value_usd is None else f"${value_usd:,.4f}"


def share(value: float | None) -> str:
    """Write a share of 0 to 1 in percent; 100 % only when it is exactly 1."""
    if value is None:
        return "-"
    percent = f"{value * 100:.1f}"
    if value < EXACT and percent == "100.0":
        percent = "99.9"
    return f"{percent.removesuffix('.0')} %"


def ms(value: float) -> str:
    """Write milliseconds with as many decimals as a person can use: fewer the longer it took."""
    if not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    return f"{value:,.0f} ms" if size >= LONG_MS else f"{value:.1f} ms" if size >= SHORT_MS else f"{value:.2f} ms"


def shift_ms(value: float) -> str:
    """Write a difference in milliseconds with its sign."""
    return f"+{ms(value)}" if value > 0 else ms(value).replace("-", "−")  # noqa: RUF001  a minus as typeset


def interval_ms(estimate: Estimate) -> str:
    """Write an estimate of a difference with its interval."""
    low, high = (shift_ms(end).removesuffix(" ms") for end in (estimate.low, estimate.high))
    return f"{shift_ms(estimate.value)} [{low}, {high}]"


def plain(value: float | None) -> str:
    """Write any number: whole and large ones without decimals and with thousands apart, others to four digits."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    is_whole = float(value).is_integer() or abs(value) >= LARGE
    return f"{value:,.0f}" if is_whole else f"{value:,.4g}"


def change(before: float | None, after: float | None) -> str:
    """Write what became of a number, in its own unit and in percent where that has a meaning."""
    if before is None or after is None or not (math.isfinite(before) and math.isfinite(after)):
        return UNKNOWN
    difference = after - before
    text = f"{'+' if difference > 0 else ''}{plain(difference)}".replace("-", "−")  # noqa: RUF001
    return f"{text} ({difference / before:+.1%})".replace("(-", "(−") if before else text  # noqa: RUF001


def duration(seconds: float) -> str:
    """Write seconds as a person says them."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def amount(number: int, noun: str) -> str:
    """Write a number with its noun in the right form."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
