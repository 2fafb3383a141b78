"""Stored runs beside each other: what became better, what became worse, what cannot be decided."""

from __future__ import annotations

from e2i_eval.gate.compare.best import Best, RankedRun
from e2i_eval.gate.compare.comparison import RunComparison, compare_runs
from e2i_eval.gate.compare.figure import Figure, Outcome
from e2i_eval.gate.compare.flip import Flip
from e2i_eval.gate.compare.pair import PairComparison
from e2i_eval.gate.compare.quality import Quality
from e2i_eval.gate.compare.side import Side, side_of

__all__ = [
    "Best",
    "Figure",
    "Flip",
    "Outcome",
    "PairComparison",
    "Quality",
    "RankedRun",
    "RunComparison",
    "Side",
    "compare_runs",
    "side_of",
]
