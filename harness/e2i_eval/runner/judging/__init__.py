"""Judging: asks the judges of a case once its evidence is closed, over the same wire and with a tape of its own."""

from __future__ import annotations

from e2i_eval.runner.judging.batch_results import Settled, Settlement
from e2i_eval.runner.judging.judge_runner import Ask, Bench, Judged, Scorer, unasked
from e2i_eval.runner.judging.pending import Pending

__all__ = ["Ask", "Bench", "Judged", "Pending", "Scorer", "Settled", "Settlement", "unasked"]
