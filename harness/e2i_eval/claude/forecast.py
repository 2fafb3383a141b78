"""The forecast: roughly what it will cost to record what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.claude.cassette import usage_of
from e2i_eval.claude.tokens import estimate_input_tokens
from e2i_eval.core.exchange import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.claude.cassette import CassetteEntry
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.prices import PriceTable

__all__ = ["forecast_usd"]


def forecast_usd(
    changed: Iterable[tuple[JsonObject, CassetteEntry | None]], unreached: Iterable[CassetteEntry], prices: PriceTable
) -> float | None:
    """Return roughly what recording will cost in US dollars; None when a price is not known.

    Args:
        changed: requests that no entry answers, each with the entry it resembles most: the answer will be as long.
        unreached: entries that were not asked for; they will be asked once what comes before them is answered.
        prices: what a call costs.
    """
    total_usd = 0.0
    requests = [*changed, *((entry.request, entry) for entry in unreached)]
    for request, entry in requests:
        cost_usd = prices.cost_usd(str(request.get("model", "")), _expected(request, entry))
        if cost_usd is None:
            return None
        total_usd += cost_usd
    return total_usd


def _expected(request: JsonObject, entry: CassetteEntry | None) -> Usage:
    said = usage_of(entry) if entry is not None else None
    longest = request.get("max_tokens")
    most = longest if isinstance(longest, int) else 0
    return Usage(
        input_tokens=estimate_input_tokens(request), output_tokens=said.output_tokens if said else most, estimated=True
    )
