"""Spending: the calls to Claude of one case, their tokens and their cost, and what of it is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from e2i_eval.core.exchange import Exchange, Usage

__all__ = ["Price", "Spending", "spending"]

NOT_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError"})
"""Transport errors after which nothing can have reached Claude."""

FIRST_HTTP_ERROR = 400

Price: TypeAlias = "Callable[[str, Usage], float | None]"
"""From a model and a usage to US dollars; None when the model has no known price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What the calls of one case used; sums are over what is known.

    Attributes:
        calls: logical calls to Claude; a retry is no new call, its tokens count.
        input_tokens: uncached, cache reads and cache writes.
        output_tokens: thinking included.
        cost_usd: of the usages whose model has a price.
        unknown_usage: requests of which some usage is not known, for a person.
        unpriced: models without a price.
        is_estimated: some usage was counted by the mock's rule.
    """

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unknown_usage: tuple[str, ...]
    unpriced: tuple[str, ...]
    is_estimated: bool


def spending(exchanges: Iterable[Exchange], price: Price | None) -> Spending:
    """Return what ``exchanges`` used; with ``price`` None every model is without a price."""
    asked = [exchange for exchange in exchanges if exchange.kind == "messages"]
    used = [(exchange.model, exchange.usage) for exchange in asked if exchange.usage is not None]
    costs = [(model, price(model, usage) if price else None) for model, usage in used]
    return Spending(
        calls=len({exchange.call for exchange in asked}),
        input_tokens=sum(usage.total_input_tokens for _, usage in used),
        output_tokens=sum(usage.output_tokens for _, usage in used),
        cost_usd=sum(cost for _, cost in costs if cost is not None),
        unknown_usage=tuple(_why_unknown(exchange) for exchange in asked if not _is_usage_known(exchange)),
        unpriced=tuple(dict.fromkeys(model for model, cost in costs if cost is None)),
        is_estimated=any(usage.estimated for _, usage in used),
    )


def _is_usage_known(exchange: Exchange) -> bool:
    """An HTTP error uses nothing; a response that broke off may have used more than it stated."""
    if exchange.status is not None and exchange.status >= FIRST_HTTP_ERROR:
        return True
    if exchange.status is None and exchange.error is not None and exchange.error.type in NOT_SENT:
        return True
    return exchange.usage is not None and exchange.complete


def _why_unknown(exchange: Exchange) -> str:
    if exchange.status is None:
        return f"{exchange}: no response"
    return f"{exchange}: the response broke off" if not exchange.complete else f"{exchange}: it states no usage"
