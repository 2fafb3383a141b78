"""Two runs beside each other: the one engine behind baseline diff, compare and agreement.

A run is read case by case (``run``), its cases are paired with those of another run (``run_pair``), calls to Claude
with calls (``call_pairs``), and what moved is measured against chance (``significance``).
"""

from __future__ import annotations

from e2i_eval.gate.runs.run import EXACT, EXACT_MODES, Run, RunCase, cases_of, run_of
from e2i_eval.gate.runs.run_pair import RunPair, paired

__all__ = ["EXACT", "EXACT_MODES", "Run", "RunCase", "RunPair", "cases_of", "paired", "run_of"]
