"""The proof: every fault is applied to a real target, and the right check must say so."""

from __future__ import annotations

from e2i_eval.faults.proof.injection import FaultInjector
from e2i_eval.faults.proof.lines import trial_line, verdict_lines
from e2i_eval.faults.proof.prover import Prover
from e2i_eval.faults.proof.trial import Control, InjectionResult, Trial

__all__ = ["Control", "FaultInjector", "InjectionResult", "Prover", "Trial", "trial_line", "verdict_lines"]
