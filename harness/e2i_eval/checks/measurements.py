"""What a case measured, as numbers by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_eval.core.exchange import waited_s

if TYPE_CHECKING:
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.ports import Pricing
    from e2i_eval.core.verdict import Verdict

__all__ = ["measure"]

MS = 1_000.0


def measure(evidence: Evidence, verdicts: tuple[Verdict, ...], price: Pricing) -> dict[str, float]:
    """Return the case's measurements; what is not known is absent, never zero.

    Tokens and cost count every answered request, retried ones included, as the API bills them.
    ``latency_ms`` is what the caller waited, ``claude_ms`` the share of it spent on the wire,
    ``claude_virtual_ms`` scripted delay that was counted but not waited,
    ``claude_waited_ms`` the time the harness held requests back, which is in neither,
    ``flush_ms`` what logging took after the call had returned.
    """
    calls = [exchange for exchange in evidence.exchanges if exchange.kind == "messages"]
    measured = {
        "latency_ms": evidence.run.duration_s * MS,
        "flush_ms": evidence.run.flush_s * MS,
        "claude_calls": float(len({exchange.call for exchange in calls})),
        "claude_requests": float(len(calls)),
        "claude_ms": math.fsum(exchange.duration_s for exchange in calls) * MS,
        "claude_virtual_ms": math.fsum(exchange.virtual_s for exchange in calls) * MS,
        **_tokens(calls),
    }
    if held_back_s := waited_s(calls):
        measured["claude_waited_ms"] = held_back_s * MS
    cost = _cost_usd(calls, price)
    if cost is not None:
        measured["cost_usd"] = cost
    completeness = next((each.score for each in verdicts if each.check == "logging"), None)
    if completeness is not None:
        measured["logging_completeness"] = completeness
    return measured


def _tokens(calls: list[Exchange]) -> dict[str, float]:
    usages = [exchange.usage for exchange in calls if exchange.usage is not None]
    return {
        "input_tokens": float(sum(usage.total_input_tokens for usage in usages)),
        "output_tokens": float(sum(usage.output_tokens for usage in usages)),
        "cache_read_tokens": float(sum(usage.cache_read_tokens for usage in usages)),
        "cache_write_tokens": float(sum(usage.cache_write_tokens for usage in usages)),
        "estimated_usages": float(sum(usage.estimated for usage in usages)),
    }


def _cost_usd(calls: list[Exchange], price: Pricing) -> float | None:
    costs = [price(exchange.model, exchange.usage) for exchange in calls if exchange.usage is not None]
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) if len(known) == len(costs) else None
