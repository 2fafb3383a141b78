"""Baselines: an accepted earlier run, kept in git, and what a run does differently."""

from __future__ import annotations

from e2i_eval.gate.baseline.acceptance import refusals
from e2i_eval.gate.baseline.accepted import Acceptance, Baseline, baseline_of
from e2i_eval.gate.baseline.diff import BaselineChange, BaselineDiff, CaseDiff
from e2i_eval.gate.baseline.run_diff import compare
from e2i_eval.gate.baseline.storage import MAIN, baseline_file, is_name, read_baseline, write_baseline

__all__ = [
    "MAIN",
    "Acceptance",
    "Baseline",
    "BaselineChange",
    "BaselineDiff",
    "CaseDiff",
    "baseline_file",
    "baseline_of",
    "compare",
    "is_name",
    "read_baseline",
    "refusals",
    "write_baseline",
]
