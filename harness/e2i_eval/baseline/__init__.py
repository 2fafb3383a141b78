"""Baselines: an accepted earlier run, kept in git, and what a run does differently."""

from __future__ import annotations

from e2i_eval.baseline.acceptance import refusals
from e2i_eval.baseline.accepted import Acceptance, Baseline, BaselineCase
from e2i_eval.baseline.comparison import compare
from e2i_eval.baseline.diff import EXACT, BaselineDiff, CaseDiff, Change
from e2i_eval.baseline.file import MAIN, baseline_file, is_name, read_baseline, write_baseline
from e2i_eval.baseline.observation import baseline_of, cases_of

__all__ = [
    "EXACT",
    "MAIN",
    "Acceptance",
    "Baseline",
    "BaselineCase",
    "BaselineDiff",
    "CaseDiff",
    "Change",
    "baseline_file",
    "baseline_of",
    "cases_of",
    "compare",
    "is_name",
    "read_baseline",
    "refusals",
    "write_baseline",
]
