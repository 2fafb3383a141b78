"""The budget: what a session may spend on Claude, kept by all its processes together."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from filelock import FileLock

from e2i_eval.claude.prompt import compact_json
from e2i_eval.core.errors import E2iError
from e2i_eval.core.exchange import Usage

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.core.exchange import Exchange, ExchangeKind
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.prices import PriceTable

__all__ = ["BudgetError", "SessionBudget"]

HIDDEN_INPUT_TOKENS = 1_000
"""More than the API adds to a prompt by itself, as for the use of tools."""

FIRST_ERROR_STATUS = 400
NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
"""Errors after which nothing can have reached the API."""

SPENT = "spent_usd"
HELD = "held_usd"


class BudgetError(E2iError):
    """A request does not fit the budget; it was not sent."""


class SessionBudget:
    """Holds an upper bound of what each request may cost while it is under way, and counts what it did cost.

    Nothing is sent unless what was spent, what is held for requests under way and the request's own bound fit
    together: parallel calls cannot overshoot.

    Args:
        max_usd: what may be spent; None when nobody said, which allows nothing.
        folder: folder that the session's processes share.
        prices: what a call costs.
    """

    def __init__(self, max_usd: float | None, *, folder: Path, prices: PriceTable) -> None:
        self.max_usd = max_usd
        self._prices = prices
        self._file = folder / "budget.json"
        self._lock = FileLock(folder / "budget.lock")

    @property
    def spent_usd(self) -> float:
        """What was spent until now, with the bound of each request whose cost never became known."""
        with self._lock:
            return self._read()[0]

    def hold(self, request: JsonObject, kind: ExchangeKind) -> str:
        """Set the most that ``request`` can cost aside, and return what :meth:`settle` releases it by.

        Raises:
            BudgetError: it does not fit, or its price is not known.
        """
        bound_usd = 0.0 if kind == "count_tokens" else self.bound_usd(request)
        if self.max_usd is None:
            what = f"a request to {request.get('model')} would have been paid for, at most {bound_usd:.4f} USD"
            raise BudgetError(what, fix="say what the session may cost, e.g. --e2i-max-cost=1")
        with self._lock:
            spent_usd, held_usd = self._read()
            left_usd = self.max_usd - spent_usd - sum(held_usd.values())
            if bound_usd > left_usd:
                raise BudgetError(self._too_much(bound_usd, left_usd), fix="allow more with --e2i-max-cost=USD")
            key = uuid.uuid4().hex
            self._write(spent_usd, {**held_usd, key: bound_usd})
        return key

    def settle(self, key: str, exchange: Exchange) -> None:
        """Count what a request did cost in place of what is held for it; a second time changes nothing."""
        with self._lock:
            spent_usd, held_usd = self._read()
            bound_usd = held_usd.pop(key, None)
            if bound_usd is not None:
                cost_usd = self._cost_usd(exchange)
                self._write(spent_usd + (bound_usd if cost_usd is None else cost_usd), held_usd)

    def resume(self, *, at_least_usd: float) -> None:
        """Begin with what an interrupted run has spent.

        What it held for requests under way counts as spent: nobody knows what became of them.

        Args:
            at_least_usd: what its answers have cost.
        """
        with self._lock:
            spent_usd, held_usd = self._read()
            self._write(max(spent_usd + sum(held_usd.values()), at_least_usd), {})

    def _too_much(self, bound_usd: float, left_usd: float) -> str:
        return (
            f"a request that may cost {bound_usd:.4f} USD was not sent: "
            f"of --e2i-max-cost={self.max_usd:g} {max(0.0, left_usd):.4f} USD are left"
        )

    def bound_usd(self, request: JsonObject) -> float:
        """Return the most a request can cost: a token has at least one byte, and no answer more than ``max_tokens``.

        What tools of the server read beside that, and media behind an address, nobody knows beforehand.

        Raises:
            BudgetError: the price is not known.
        """
        prompt_tokens = len(compact_json(request).encode("utf-8", "replace")) + HIDDEN_INPUT_TOKENS
        output_tokens = request.get("max_tokens")
        usage = Usage(
            input_tokens=0,
            cache_write_1h_tokens=prompt_tokens if "cache_control" in compact_json(request) else 0,
            output_tokens=output_tokens if isinstance(output_tokens, int) else 0,
        )
        if not usage.cache_write_1h_tokens:
            usage = Usage(input_tokens=prompt_tokens, output_tokens=usage.output_tokens)
        bound_usd = self._prices.cost_usd(str(request.get("model", "")), usage)
        if bound_usd is None:
            what = f"the price of {request.get('model')!r} is not known, so no budget can be kept"
            raise BudgetError(what, fix='add it to a price file, and name that as prices = "..." in [tool.e2i_eval]')
        return bound_usd

    def _cost_usd(self, exchange: Exchange) -> float | None:
        """Return what an exchange did cost; None when nobody knows."""
        if exchange.kind == "count_tokens" or (exchange.status or 0) >= FIRST_ERROR_STATUS:
            return 0.0
        if exchange.status is None:
            return 0.0 if exchange.error is not None and exchange.error.type in NEVER_SENT else None
        if not exchange.complete or exchange.usage is None:
            return None
        return self._prices.cost_usd(exchange.model, exchange.usage)

    def _read(self) -> tuple[float, dict[str, float]]:
        if not self._file.exists():
            return 0.0, {}
        state = json.loads(self._file.read_text(encoding="utf-8"))
        return float(state[SPENT]), dict(state[HELD])

    def _write(self, spent_usd: float, held_usd: dict[str, float]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({SPENT: spent_usd, HELD: held_usd}), encoding="utf-8")
        new.replace(self._file)
