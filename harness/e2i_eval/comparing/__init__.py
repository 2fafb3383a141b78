"""Stored runs beside each other: what became better, what became worse, what cannot be told."""

from __future__ import annotations

from e2i_eval.comparing.best import Best, Candidate
from e2i_eval.comparing.comparison import Comparison, compare_runs
from e2i_eval.comparing.figure import Figure, Outcome
from e2i_eval.comparing.flip import Flip
from e2i_eval.comparing.pair import PairComparison
from e2i_eval.comparing.quality import Quality
from e2i_eval.comparing.side import Side, side_of

__all__ = [
    "Best",
    "Candidate",
    "Comparison",
    "Figure",
    "Flip",
    "Outcome",
    "PairComparison",
    "Quality",
    "Side",
    "compare_runs",
    "side_of",
]
