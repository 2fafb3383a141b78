"""A call as the wire knows it: the requests of one logical call, retries included, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.formats.messages import as_message, message_parts
from e2i_eval.checks.contract.formats.span_call import SETTINGS, body_prompt, body_tools
from e2i_eval.checks.contract.model_call import ModelCall, Stated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.exchange import Exchange, Usage

__all__ = ["WireCall", "wire_calls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCall:
    """One logical call.

    Attributes:
        exchanges: its requests in order; the last decides the outcome.
        truth: what was asked and answered.
    """

    exchanges: tuple[Exchange, ...]
    truth: ModelCall

    @property
    def final(self) -> Exchange:
        """The request that decided the outcome."""
        return self.exchanges[-1]

    @property
    def usage(self) -> Usage | None:
        """Tokens of the call; failed attempts use none."""
        return self.final.usage

    @property
    def is_failed(self) -> bool:
        """Tell whether the call ended in an error."""
        return self.final.error is not None

    @property
    def is_whole(self) -> bool:
        """Tell whether the answer arrived to its end."""
        return not self.is_failed and self.final.complete and self.final.response is not None

    @property
    def started_at_s(self) -> float:
        """Seconds since the epoch when the first request was sent."""
        return self.exchanges[0].started_at_s

    @property
    def ended_at_s(self) -> float:
        """Seconds since the epoch when the last response ended."""
        return max(exchange.started_at_s + exchange.duration_s for exchange in self.exchanges)

    def attempts(self) -> tuple[WireCall, ...]:
        """Return each request as a call of its own, for libraries that log a span per attempt."""
        return tuple(_wire_call((exchange,)) for exchange in self.exchanges)

    def __str__(self) -> str:
        return str(self.exchanges[0])


def wire_calls(exchanges: Iterable[Exchange]) -> tuple[WireCall, ...]:
    """Return the logical calls among ``exchanges`` in order of start; token counting asks no model."""
    asking = sorted((each for each in exchanges if each.kind == "messages"), key=lambda each: (each.call, each.attempt))
    return tuple(_wire_call(tuple(group)) for _, group in groupby(asking, key=lambda each: each.call))


def _wire_call(exchanges: tuple[Exchange, ...]) -> WireCall:
    request, final = exchanges[-1].request, exchanges[-1]
    answer = (final.response or {}) if final.error is None else {}
    message = as_message({**answer, "role": "assistant"}) if answer else None
    settings = {
        name: (Stated(value=request[name], place="request"),) for name in SETTINGS if request.get(name) is not None
    }
    truth = ModelCall(
        form="anthropic",
        prompt=body_prompt({"messages": [], **request}) or (),
        reply=() if message is None else message_parts(message),
        tools=body_tools(request.get("tools", [])),
        settings=settings,
        message_id=answer.get("id"),
        stop_reason=answer.get("stop_reason"),
    )
    return WireCall(exchanges=exchanges, truth=truth)
