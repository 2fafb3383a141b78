"""A judgement: what one judge said of one case's answer, and what asking it cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from e2i_eval.core.json_codec import fields_to_json

__all__ = ["Judgement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one judge said of one case.

    Exactly one of three things is true: ``passed`` says how the answer was judged, ``error`` says why the judge broke,
    or both are empty and the judge was not asked, for which ``reason`` says why.

    Attributes:
        judge: name of the judge.
        case: id of the case.
        score: on the judge's own scale, the median when it was asked several times; None when it gave none.
        passed: whether the score is enough; None when there is no score.
        reason: the judge's own words, or why it was not asked.
        error: why the judge broke; empty when it did not.
        model: the model that was to judge.
        input_tokens: all input, cached included, of all times it was asked.
        output_tokens: of all times it was asked.
        cost_usd: of all times it was asked; None when a price is unknown.
        basis: digest of what it judges by: rubric, scale, prompt.
    """

    judge: str
    case: str
    score: float | None = None
    passed: bool | None = None
    reason: str = ""
    error: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    basis: str = ""

    @property
    def is_unjudged(self) -> bool:
        """Whether the judge was not asked at all."""
        return self.passed is None and not self.error

    def to_json(self) -> dict[str, object]:
        """Return the judgement as plain JSON; NaN and infinities become null."""
        return {name: None if _is_no_number(value) else value for name, value in fields_to_json(self).items()}


def _is_no_number(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
