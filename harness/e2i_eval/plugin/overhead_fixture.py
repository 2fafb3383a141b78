"""The fixture ``overhead``: measures what logging costs from within a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.overhead.callers import Callers
from e2i_eval.plugin.overhead_item import OVERHEADS
from e2i_eval.plugin.overheads import OVERHEADS_PLUGIN

if TYPE_CHECKING:
    from e2i_eval.core.case import Case
    from e2i_eval.core.overhead_result import OverheadResult

__all__ = ["Overhead", "overhead"]


class Overhead:
    """Measures a target's overhead, and puts it into the report of the session."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def __call__(self, target: str, *, case: Case | None = None, callers: str = "one") -> OverheadResult:
        """Call ``target`` with and without logging, in pairs, and return what logging adds.

        Args:
            target: its name in the configuration.
            case: with which case; None takes the first tagged ``overhead``, else the first that passes.
            callers: ``one``, ``8 threads`` or ``8 tasks``.

        Raises:
            UnknownError: it cannot be measured; the message says why.
            UsageError: the target cannot be called in this way.
        """
        node = self._request.node
        measured = self._request.config.stash[OVERHEADS_PLUGIN].measure_one(
            target, case, Callers.parse(callers), node.nodeid
        )
        node.stash.setdefault(OVERHEADS, []).append(measured)
        return measured


@pytest.fixture
def overhead(request: pytest.FixtureRequest) -> Overhead:
    """Measure what logging costs a caller: ``overhead("support", callers="8 threads")``."""
    return Overhead(request)
