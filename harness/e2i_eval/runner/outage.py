"""An outage: the API failed, so nothing can be said about the target."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.core.exchange import Exchange

__all__ = ["OUTAGE", "excused", "is_outage"]

OUTAGE = "outage"
"""The check that says so."""

NEVER_EXCUSED = frozenset({"secrets"})
"""What is wrong whatever the API does."""

REFUSALS = frozenset({"rate_limit_error", "overloaded_error", "api_error", "timeout_error"})
BROKEN = frozenset(
    {"ConnectError", "ReadError", "WriteError", "CloseError", "RemoteProtocolError", "NetworkError", "ProxyError"}
)
"""Classes of transport errors. Time-outs are not among them: how long to wait is the target's decision."""

RATE_LIMITED = 429
FIRST_SERVER_ERROR = 500


def excused(verdicts: Sequence[Verdict], exchanges: Iterable[Exchange]) -> tuple[Verdict, ...]:
    """Return the verdicts of a case; where the API let it down, what failed is an error of the environment.

    A case that passes although a call was refused, passes: its target coped.
    """
    failed = _failed_calls(exchanges)
    if not failed or all(verdict.status != "fail" or verdict.check in NEVER_EXCUSED for verdict in verdicts):
        return tuple(verdicts)
    said = "; ".join(f"{each}: {each.error.type if each.error else each.status}" for each in failed)
    reason = f"the API failed, so nothing is said about the target ({said})"
    return (
        *(
            replace(verdict, status="error")
            if verdict.status == "fail" and verdict.check not in NEVER_EXCUSED
            else verdict
            for verdict in verdicts
        ),
        Verdict(check=OUTAGE, status="error", reason=reason),
    )


def is_outage(verdicts: Iterable[Verdict]) -> bool:
    """Tell whether a case could not be judged because the API failed."""
    return any(verdict.check == OUTAGE for verdict in verdicts)


def _failed_calls(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Return the last attempt of each call that the API let down."""
    last: dict[int, Exchange] = {}
    for exchange in exchanges:
        if exchange.source == "api":
            last[exchange.call] = exchange
    return [exchange for exchange in last.values() if _is_let_down(exchange)]


def _is_let_down(exchange: Exchange) -> bool:
    if exchange.error is None:
        return False
    status = exchange.status or 0
    is_refused = status == RATE_LIMITED or status >= FIRST_SERVER_ERROR
    return is_refused or exchange.error.type in REFUSALS | BROKEN
