"""A judged case, and what it was judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.runner.report import CaseResult

__all__ = ["Evaluation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A judged case with the evidence it was judged by.

    Attributes:
        result: the judgement.
        evidence: what it was judged by.
        is_kept: it was judged in a run that was interrupted, and nothing is left of the evidence.
    """

    result: CaseResult
    evidence: Evidence
    is_kept: bool = False
