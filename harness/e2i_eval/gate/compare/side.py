"""A side of a comparison: one stored run with a letter."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.gate.runs import Run, run_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.runner.report import Report

__all__ = ["LIVE", "TOTAL", "Side", "side_of"]

LIVE = "live"
TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side(Run):
    """One run; its cases have the status they were judged to come to.

    Attributes:
        letter: what it is called on the page: ``A``, ``B``, ...
        name: what the person called it.
        report: as stored.
    """

    letter: str
    name: str
    report: Report

    @property
    def session_id(self) -> str:
        """The session's id; empty when the report has none."""
        return str(self.report.session.get("id") or "")

    @property
    def commit(self) -> str:
        """The project's commit; empty outside a repository."""
        return str((self.report.session.get("git") or {}).get("commit", ""))

    def median_ms(self, names: Iterable[str]) -> float | None:
        """Return the median of what callers of these cases waited; None when nothing was timed."""
        waited = [value for name in names for value in self.cases[name].latencies_ms]
        return statistics.median(waited) if waited else None

    def passed(self, names: Iterable[str]) -> int:
        """Return how many of these cases pass."""
        return sum(self.cases[name].status == "pass" for name in names)


def side_of(letter: str, name: str, report: Report) -> Side:
    """Return a run as a side of a comparison."""
    run = run_of(report, is_judged=True)
    return Side(
        letter=letter,
        name=name,
        report=report,
        mode=run.mode,
        prices=run.prices,
        environment=run.environment,
        cases=run.cases,
    )
