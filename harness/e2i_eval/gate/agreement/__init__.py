"""Mode agreement: where two runs of a suite, answered for by mock, recordings or Claude itself, do not agree."""

from __future__ import annotations

from e2i_eval.gate.agreement.agreement import Agreement, agreement_of
from e2i_eval.gate.agreement.disagreement import CaseAgreement, Disagreement

__all__ = ["Agreement", "CaseAgreement", "Disagreement", "agreement_of"]
