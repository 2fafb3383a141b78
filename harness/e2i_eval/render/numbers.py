"""Numbers as a person reads them."""

from __future__ import annotations

__all__ = ["cost", "count", "share"]

UNKNOWN = "unknown"
EXACT = 1.0


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
