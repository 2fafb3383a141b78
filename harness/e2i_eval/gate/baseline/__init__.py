"""Baselines: an accepted earlier run, kept in git, and what a run does differently."""

from __future__ import annotations

from e2i_eval.gate.baseline.acceptance import refusals
from e2i_eval.gate.baseline.accepted import Acceptance, Baseline, BaselineCase
from e2i_eval.gate.baseline.comparison import compare
from e2i_eval.gate.baseline.diff import EXACT, BaselineChange, BaselineDiff, CaseDiff
from e2i_eval.gate.baseline.file import MAIN, baseline_file, is_name, read_baseline, write_baseline
from e2i_eval.gate.baseline.observation import baseline_of, cases_of

__all__ = [
    "EXACT",
    "MAIN",
    "Acceptance",
    "Baseline",
    "BaselineCase",
    "BaselineChange",
    "BaselineDiff",
    "CaseDiff",
    "baseline_file",
    "baseline_of",
    "cases_of",
    "compare",
    "is_name",
    "read_baseline",
    "refusals",
    "write_baseline",
]
