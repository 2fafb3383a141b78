"""Calibration: whether a judge says what people say of the same answers."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.estimate import Estimate  # noqa: TC001  from_json reads the types at run time
from e2i_eval.core.json_codec import fields_from_json, fields_to_json
from e2i_eval.core.stats.kappa import confusion, kappa_interval
from e2i_eval.core.stats.rates import wilson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.checks.judges.labels import LabelSet
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.judgement import Judgement

__all__ = ["Bias", "Calibration", "calibrate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """How far the judge is off where people gave one score.

    Attributes:
        score: what people gave.
        cases: how many.
        mean: the judge's score minus theirs, on average.
    """

    score: float
    cases: int
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far one judge agrees with people.

    Attributes:
        judge: its name.
        model: who judged; several are joined by commas.
        basis: what it judged by, as a digest; several are joined by commas.
        cases: how many cases both scored.
        unjudged: labelled cases of which the judge gave no score, in the order of the labels.
        scale: every score there is.
        table: how often people gave the score of the row while the judge gave that of the column.
        agreement: share of the cases with the same score; None without a case.
        kappa: agreement beyond chance, quadratic weights; None when it is not defined.
        unknown: why kappa is None; empty otherwise.
        bias: by the score people gave, those that occur.
        mean_bias: the judge's score minus theirs over all cases; NaN without a case.
        min_kappa: what its lower bound must reach.
        uncalibrated: what a bad score comes to when it does not: ``warn`` or ``fail``.
    """

    judge: str
    model: str
    basis: str
    cases: int
    unjudged: tuple[str, ...]
    scale: tuple[int, ...]
    table: tuple[tuple[int, ...], ...]
    agreement: Estimate | None
    kappa: Estimate | None
    unknown: str
    bias: tuple[Bias, ...]
    mean_bias: float
    min_kappa: float
    uncalibrated: str = "warn"

    @property
    def doubt(self) -> str:
        """Why the judge's verdicts should not count; empty when they should."""
        if self.kappa is None:
            return f"kappa is not known: {self.unknown}"
        if "," in self.model or "," in self.basis:
            return "it was another judge in some of the cases: several models or rubrics were used"
        if not self.kappa.low >= self.min_kappa:
            return (
                f"kappa {self.kappa.value:.2f} over {self.cases} cases may be as low as {self.kappa.low:.2f}, "
                f"below {self.min_kappa:.2f}"
            )
        return ""

    def doubt_about(self, *, model: str, basis: str) -> str:
        """Return why a verdict by ``model`` on ``basis`` should not count; empty when it should."""
        if self.doubt:
            return self.doubt
        if model != self.model:
            return f"it was calibrated with {self.model or 'no model'}, and {model} judges now"
        return "" if basis == self.basis else "its rubric is another than the one it was calibrated with"

    def to_json(self) -> dict[str, object]:
        """Return what later runs need of it, as plain JSON; a mean bias of NaN becomes null."""
        return {**fields_to_json(self), "mean_bias": None if math.isnan(self.mean_bias) else self.mean_bias}

    @classmethod
    def from_json(cls, data: JsonObject) -> Calibration:
        """Read what ``to_json`` wrote."""
        mean_bias = math.nan if data["mean_bias"] is None else data["mean_bias"]
        return fields_from_json(cls, {**data, "mean_bias": mean_bias})


def calibrate(labels: LabelSet, judgements: Iterable[Judgement]) -> Calibration:
    """Return how far the judge of ``labels`` agrees with them.

    A case that was judged several times counts once, with the median score. A score between two steps of the scale
    counts as the nearest, the lower of two.

    Args:
        labels: what people say.
        judgements: of any judges; those of others are left out, and so are broken ones.
    """
    own = [each for each in judgements if each.judge == labels.judge and each.score is not None]
    judged: dict[str, list[float]] = {}
    for each in own:
        judged.setdefault(each.case, []).append(each.score or 0.0)
    low, high = labels.scale
    scale = tuple(range(low, high + 1))
    people = labels.scores()
    pairs = [
        (float(score), float(_on_scale(statistics.median(judged[case]), scale)))
        for case, score in people.items()
        if case in judged
    ]
    used = [each for each in own if each.case in people]
    estimate, unknown = _kappa(pairs, scale)
    return Calibration(
        judge=labels.judge,
        model=",".join(dict.fromkeys(each.model for each in used)),
        basis=",".join(dict.fromkeys(each.basis for each in used)),
        cases=len(pairs),
        unjudged=tuple(case for case in people if case not in judged),
        scale=scale,
        table=confusion(pairs, scale),
        agreement=wilson(sum(one == other for one, other in pairs), len(pairs)) if pairs else None,
        kappa=estimate,
        unknown=unknown,
        bias=tuple(_bias(pairs, score) for score in scale if any(one == score for one, _ in pairs)),
        mean_bias=statistics.fmean(other - one for one, other in pairs) if pairs else math.nan,
        min_kappa=labels.min_kappa,
        uncalibrated=labels.uncalibrated,
    )


def _kappa(pairs: Sequence[tuple[float, float]], scale: Sequence[int]) -> tuple[Estimate | None, str]:
    if not pairs:
        return None, "no labelled case was judged"
    if len({one for one, _ in pairs}) == 1:
        return None, f"all {len(pairs)} labels are {pairs[0][0]:g}; label answers of other quality too"
    try:
        return kappa_interval(pairs, scale), ""
    except UnknownError as error:
        return None, str(error)


def _on_scale(score: float, scale: Sequence[int]) -> int:
    return min(scale, key=lambda step: (abs(step - score), step))


def _bias(pairs: Sequence[tuple[float, float]], score: float) -> Bias:
    off = [other - one for one, other in pairs if one == score]
    return Bias(score=score, cases=len(off), mean=statistics.fmean(off))
