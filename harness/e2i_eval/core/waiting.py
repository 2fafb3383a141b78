"""Waiting: the time a case was held back by the harness, which is no part of its latency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.intervals import covered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.exchange import Exchange

__all__ = ["waited_s"]


def waited_s(exchanges: Iterable[Exchange]) -> float:
    """Return the seconds during which at least one request was held back.

    Parallel branches wait at the same time: that time counts once. What another branch did meanwhile is not known to
    have been on the critical path, so the latency without this time is a lower bound for a case with parallel branches,
    and exact for one without.
    """
    return covered((each.started_at_s - each.waited_s, each.started_at_s) for each in exchanges if each.waited_s > 0)
