"""The proof: every fault is applied to a real target, and the right check must say so."""

from __future__ import annotations

from e2i_eval.proof.bench import Bench
from e2i_eval.proof.lines import trial_line, verdict_lines
from e2i_eval.proof.prover import Prover
from e2i_eval.proof.trial import Control, Proof, Trial

__all__ = ["Bench", "Control", "Proof", "Prover", "Trial", "trial_line", "verdict_lines"]
