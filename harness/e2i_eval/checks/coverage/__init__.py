"""LangGraph coverage: which parts of a target's graph its cases exercise, and which they do not."""

from __future__ import annotations

from e2i_eval.checks.coverage.exercised import Exercised
from e2i_eval.checks.coverage.graph import KINDS, GraphFiles, Kind
from e2i_eval.checks.coverage.target_coverage import CoveredPart, TargetCoverage, cover, coverage_metrics
from e2i_eval.checks.coverage.watch import GraphWatch

__all__ = [
    "KINDS",
    "CoveredPart",
    "Exercised",
    "GraphFiles",
    "GraphWatch",
    "Kind",
    "TargetCoverage",
    "cover",
    "coverage_metrics",
]
