"""Judging: asks the judges of a case once its evidence is closed, over the same wire and with a capture of its own."""

from __future__ import annotations

from e2i_eval.runner.judging.batch_results import BatchResult, BatchResults
from e2i_eval.runner.judging.judge_runner import Ask, Judged, JudgeRunner, Scorer, unasked
from e2i_eval.runner.judging.pending import Pending

__all__ = ["Ask", "BatchResult", "BatchResults", "JudgeRunner", "Judged", "Pending", "Scorer", "unasked"]
