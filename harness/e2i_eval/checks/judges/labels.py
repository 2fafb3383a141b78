"""Labels: what people say of the answers that a judge judges."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

__all__ = ["Label", "LabelSet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One person's score of one case's answer.

    Attributes:
        case: id of the case.
        score: on the judge's scale.
        by: who says so.
        date: when, as YYYY-MM-DD.
        line: 1-based line in the file of labels.
    """

    case: str
    score: int
    by: str
    date: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """The labels of one judge, and what is asked of its agreement with them.

    Attributes:
        judge: its name.
        scale: lowest and highest score.
        min_kappa: the least lower bound of kappa under which the judge's verdicts count.
        uncalibrated: what a bad score comes to below that: ``warn`` or ``fail``.
        labels: in the order of the file.
        where: the file.
    """

    judge: str
    scale: tuple[int, int]
    min_kappa: float
    uncalibrated: str
    labels: tuple[Label, ...]
    where: str

    def scores(self) -> dict[str, int]:
        """Return one score a case: the lower median of what several people say."""
        by_case: dict[str, list[int]] = {}
        for label in self.labels:
            by_case.setdefault(label.case, []).append(label.score)
        return {case: statistics.median_low(scores) for case, scores in by_case.items()}
