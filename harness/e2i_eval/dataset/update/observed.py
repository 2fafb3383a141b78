"""What was observed of one case, in the words of a case file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.compare.arrangement import arranged
from e2i_eval.checks.expectations.nodes import nodes_run
from e2i_eval.checks.expectations.spending import spending
from e2i_eval.checks.expectations.tools import tool_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.checks.expectations.spending import Price
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonObject

__all__ = ["observed_nodes", "observed_spending", "observed_tools"]


def observed_nodes(evidence: Evidence, names: Sequence[str] = ()) -> list[str] | None:
    """Return the nodes that ran, those that ran at once in the order of ``names``; None when no trace records."""
    if not evidence.traces:
        return None
    return [happening.name for happening in arranged(nodes_run(evidence.traces), names)]


def observed_tools(evidence: Evidence, names: Sequence[str] = ()) -> list[JsonObject]:
    """Return Claude's tool calls as ``expect.tools`` has them, those made at once in the order of ``names``."""
    calls = arranged(tool_calls(evidence.exchanges), names)
    return [{"name": call.name, **({"input": call.detail} if call.detail else {})} for call in calls]


def observed_spending(evidence: Evidence, price: Price | None) -> dict[str, float]:
    """Return what was used, by the names of ``expect.budget``; what is not known is absent.

    Latency is absent: it is another one in every run.
    """
    spent = spending(evidence.exchanges, price)
    used: dict[str, float] = {"calls": spent.calls}
    if not spent.unknown_usage:
        used |= {"input_tokens": spent.input_tokens, "output_tokens": spent.output_tokens}
        used |= {} if spent.unpriced else {"cost_usd": spent.cost_usd}
    return used
