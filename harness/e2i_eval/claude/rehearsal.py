"""A rehearsal: a case is run without anything being sent, to learn what recording it would ask and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.claude.budget import BudgetError
from e2i_eval.claude.forecast import forecast_usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.claude.budget import SessionBudget
    from e2i_eval.claude.cassette_session import CassetteSession
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.prices import PriceTable

__all__ = ["Forecast", "RecordingPlan", "forecast_of_script", "forecast_of_session", "plan_of"]

MARGIN = 2.0
"""How many times the estimate may be spent before recording stops: answers may be longer than they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What it takes to record one case.

    Attributes:
        recorded: how many requests its cassette has.
        changed: how many of those will be asked anew: their prompt changed, or one that comes before them.
        new: how many requests have no counterpart in the cassette.
        usd: about what that costs; None when a price is not known.
        bound_usd: the most that the requests known beforehand can cost; None when a price is not known.
    """

    recorded: int
    changed: int
    new: int
    usd: float | None
    bound_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlan:
    """What it takes to record all chosen cases; the fields are sums of a forecast's.

    Attributes:
        usd: about what it costs.
        most_usd: what may be spent: recording stops there.
        unpriced: how many cases cost nobody knows what.
    """

    recorded: int
    changed: int
    new: int
    usd: float
    most_usd: float
    unpriced: int

    @property
    def is_needed(self) -> bool:
        """Something is to be recorded."""
        return bool(self.changed or self.new)

    def __str__(self) -> str:
        parts = [f"{self.changed} of {_counted(self.recorded, 'recorded request')} changed"] if self.changed else []
        parts += [f"{_counted(self.new, 'request')} not recorded yet"] if self.new else []
        return f"{', '.join(parts)}; about {_amount(self.usd)}, and never more than {_amount(self.most_usd)}"


def plan_of(forecasts: Iterable[Forecast]) -> RecordingPlan:
    """Return what all cases take together.

    Cases are recorded one after another: at a time the requests of one are under way, for each of which the budget
    sets the most it can cost aside.
    """
    known = list(forecasts)
    usd = sum(each.usd or 0.0 for each in known)
    return RecordingPlan(
        recorded=sum(each.recorded for each in known),
        changed=sum(each.changed for each in known),
        new=sum(each.new for each in known),
        usd=usd,
        most_usd=MARGIN * usd + max((each.bound_usd or 0.0 for each in known), default=0.0),
        unpriced=sum(each.usd is None or each.bound_usd is None for each in known),
    )


def forecast_of_session(cassette_session: CassetteSession, prices: PriceTable, budget: SessionBudget) -> Forecast:
    """Return what it takes to record what the cassette could not answer."""
    changed = [entry for _, entry in cassette_session.changed if entry is not None]
    requests = [
        *(request for request, _ in cassette_session.changed),
        *(entry.request for entry in cassette_session.unreached),
    ]
    return Forecast(
        recorded=len(cassette_session.cassette.entries) if cassette_session.cassette else 0,
        changed=len(changed) + len(cassette_session.unreached),
        new=len(cassette_session.changed) - len(changed),
        usd=forecast_usd(cassette_session.changed, cassette_session.unreached, prices),
        bound_usd=_bound_usd(requests, budget),
    )


def forecast_of_script(exchanges: Sequence[Exchange], prices: PriceTable, budget: SessionBudget) -> Forecast:
    """Return what it takes to record a case that has no cassette; it went as its script says."""
    priced = [prices.cost_usd(each.model, each.usage) for each in exchanges if each.usage is not None]
    return Forecast(
        recorded=0,
        changed=0,
        new=len(exchanges),
        usd=None if None in priced else sum(usd or 0.0 for usd in priced),
        bound_usd=_bound_usd([each.request for each in exchanges if each.kind == "messages"], budget),
    )


def _bound_usd(requests: Sequence[JsonObject], budget: SessionBudget) -> float | None:
    try:
        return sum(budget.bound_usd(request) for request in requests)
    except BudgetError:
        return None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _amount(usd: float) -> str:
    return f"{usd:.2f} USD" if usd >= 0.01 else "0.01 USD"  # noqa: PLR2004  the least that is shown
