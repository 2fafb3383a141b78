"""Judging: asks the judges of a case once its evidence is closed, over the same wire and with a tape of its own."""

from __future__ import annotations

from e2i_eval.judging.bench import Ask, Bench, Judged, Scorer, unasked
from e2i_eval.judging.pending import Pending
from e2i_eval.judging.settlement import Settled, Settlement

__all__ = ["Ask", "Bench", "Judged", "Pending", "Scorer", "Settled", "Settlement", "unasked"]
