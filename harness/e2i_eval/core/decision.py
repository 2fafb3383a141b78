"""A decision: what one rule of the gate says of one target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from e2i_eval.core.estimate import Estimate  # noqa: TC001  from_json reads the types at run time

__all__ = ["ALL_TARGETS", "Decision", "DecisionStatus"]

DecisionStatus = Literal["pass", "fail", "inconclusive"]


ALL_TARGETS = "all"
"""In live mode a rule on a rate is also applied to all targets together: many cases see a smaller change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One rule applied to one target.

    Attributes:
        rule: the rule as the user wrote it (``input_tokens:+0%``).
        target: what it was applied to.
        metric: what it is about.
        status: the judgement.
        reason: one sentence.
        baseline: the accepted value; None when the rule needs none, or there is none.
        measured: this session's value; None when it could not be measured.
        estimate: what was judged, with its interval; of ``latency`` the shift in milliseconds. None where nothing is
            left to chance, or nothing is known.
        explanation: what a person needs to see why, a line each: cases, prompt diff, intervals.
        detectable: the smallest change this gate could have seen, as text; empty where every change is seen.
        fix: what to type now; empty when nothing is to be done.
    """

    rule: str
    target: str
    metric: str
    status: DecisionStatus
    reason: str
    baseline: float | None = None
    measured: float | None = None
    estimate: Estimate | None = None
    explanation: tuple[str, ...] = ()
    detectable: str = ""
    fix: str = ""
