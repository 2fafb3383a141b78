"""Power: what a comparison could have seen, and what it costs to see more."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["ALPHA", "POWER", "cost_to_resolve_usd", "detectable_drop", "pairs_needed"]

ALPHA = 0.01
"""One-sided: how often an unchanged agent may be called worse."""

POWER = 0.8
"""How often a real drop of the given size is to be found."""


def pairs_needed(drop: float, discordance: float, *, alpha: float = ALPHA, power: float = POWER) -> int:
    """Return how many pairs see a drop of the pass rate.

    ``n = (z_alpha * sqrt(discordance) + z_power * sqrt(discordance - drop**2)) ** 2 / drop ** 2``,
    McNemar's test by the normal approximation (Miettinen, Biometrics 24, 1968; Connor, Biometrics 43, 1987).
    Pairs are taken as independent; cases that succeed and fail together count for less.

    Args:
        drop: base rate minus head rate, 0 to 1 (.10 for ten points).
        discordance: share of cases with another verdict on the head than on the base; at least ``drop``.
        alpha: one-sided level.
        power: chance to find it.

    Raises:
        ValueError: ``drop`` is not above 0, or above ``discordance``, or that above 1.
    """
    if not 0 < drop <= discordance <= 1:
        msg = f"a drop of {drop:g} does not fit a discordance of {discordance:g}: 0 < drop <= discordance <= 1"
        raise ValueError(msg)
    normal = NormalDist()
    level = normal.inv_cdf(1 - alpha) * math.sqrt(discordance)
    reach = normal.inv_cdf(power) * math.sqrt(discordance - drop**2)
    return math.ceil((level + reach) ** 2 / drop**2)


def detectable_drop(pairs: int, discordance: float, *, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """Return the smallest drop of the pass rate that ``pairs`` see: ``pairs_needed`` solved for the drop.

    ``drop = sqrt(discordance) * (z_alpha * sqrt(n) + z_power * sqrt(n + z_power**2 - z_alpha**2)) / (n + z_power**2)``.

    Args:
        pairs: cases judged on both sides.
        discordance: share of cases with another verdict on the head than on the base, above 0 to 1.
        alpha: one-sided level.
        power: chance to find it.

    Returns:
        The drop, 0 to 1; None when so few pairs see none at this discordance, not even if every change is for the
        worse.

    Raises:
        ValueError: ``discordance`` is not above 0, or above 1.
    """
    if pairs < pairs_needed(discordance, discordance, alpha=alpha, power=power):
        return None
    normal = NormalDist()
    level, reach = normal.inv_cdf(1 - alpha), normal.inv_cdf(power)
    root = math.sqrt(pairs + reach**2 - level**2)
    return math.sqrt(discordance) * (level * math.sqrt(pairs) + reach * root) / (pairs + reach**2)


def cost_to_resolve_usd(*, needed: float, done: float, cost_usd: float | None) -> float | None:
    """Return what it costs to go from ``done`` to ``needed`` pairs or repetitions.

    Args:
        needed: how many answer the question, from ``pairs_needed``.
        done: how many there are.
        cost_usd: of one of them, all calls included; None when a price is unknown.

    Returns:
        US dollars, 0 when there are enough; None when the price is unknown or no number resolves it.
    """
    if cost_usd is None or not math.isfinite(needed):
        return None
    return max(0.0, needed - done) * cost_usd
