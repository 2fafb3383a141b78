"""One run against the first, and the verdict on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.json_codec import to_json
from e2i_eval.gate.compare.figure import JUDGED
from e2i_eval.gate.compare.side import TOTAL

if TYPE_CHECKING:
    from e2i_eval.gate.compare.figure import Figure
    from e2i_eval.gate.compare.flip import Flip
    from e2i_eval.gate.compare.overhead_pair import OverheadPair
    from e2i_eval.gate.compare.quality import Quality
    from e2i_eval.gate.compare.side import Side

__all__ = ["PairComparison", "Status", "Waited"]

Status = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """What callers waited: shown and never judged, since two sessions have different machines, or hours.

    Attributes:
        target: of what; ``total`` for all targets.
        before_ms: median in the first run; None when nothing was timed.
        after_ms: median in the other.
    """

    target: str
    before_ms: float | None
    after_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairComparison:
    """One run against the first.

    Attributes:
        base: the first run.
        head: the other.
        is_exact: nothing is left to chance: both runs are of one mode that is not live, or they are the same run.
        quality: the total first, then one a target.
        figures: tokens, calls, cost, logging: those of the total first, then target by target.
        flips: cases with another verdict.
        waited: medians, the total first.
        overheads: what logging costs.
        only_base: cases the other run does not have.
        only_head: cases the first run does not have.
        gaps: what keeps the comparison from saying that nothing is worse, one sentence each.
        notes: what a reader should know, one sentence each.
    """

    base: Side
    head: Side
    is_exact: bool
    quality: tuple[Quality, ...]
    figures: tuple[Figure, ...]
    flips: tuple[Flip, ...]
    waited: tuple[Waited, ...]
    overheads: tuple[OverheadPair, ...]
    only_base: tuple[str, ...]
    only_head: tuple[str, ...]
    gaps: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets with cases in both runs."""
        return tuple(each.target for each in self.quality[1:])

    @property
    def is_worse(self) -> bool:
        """Tell whether something is definitely worse."""
        judged = {*(each.outcome for each in self.quality), *(each.outcome for each in self.figures)}
        return "worse" in judged or any(each.new_differences for each in self.overheads)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What could not be decided, one sentence each: the gaps, and what chance leaves open.

        A target too small to be judged alone is left out where the total can be judged, and the other way round, unless
        more of its cases broke than were fixed.
        """
        total, *targets = self.quality
        by_targets = bool(targets) and all(map(_is_decided, targets)) and not _is_near(total)
        quality = [] if _is_decided(total) or by_targets else [total]
        quality += [each for each in targets if each.outcome == "unclear" and _is_near(each)]
        unclear = [
            *(f"quality of {each.target}: {each.reason}" for each in quality),
            *(f"{each.target}: {each.reason}" for each in self.figures if each.outcome == "unclear"),
            *(f"{each.metric}: {each.reason}" for each in self.figures if each.outcome == "shown" and each.reason),
        ]
        known = {f"{metric}: {gap}" for metric in JUDGED for gap in self.gaps}
        return tuple(dict.fromkeys([*self.gaps, *(each for each in unclear if each not in known)]))

    @property
    def status(self) -> Status:
        """``fail``: something is worse. ``inconclusive``: nothing is, as far as could be seen. ``pass``: nothing is."""
        return "fail" if self.is_worse else "inconclusive" if self.doubts else "pass"

    @property
    def detectable(self) -> str:
        """The smallest drop of the pass rate that could have been seen, as text."""
        return "every change of a verdict or a count" if self.is_exact else self.quality[0].detectable

    def figure(self, metric: str, target: str = TOTAL) -> Figure:
        """Return one number of one target."""
        return next(each for each in self.figures if (each.metric, each.target) == (metric, target))

    def to_json(self) -> dict[str, object]:
        """Return the pair as plain JSON; its runs are named by their letters."""
        return {
            "base": self.base.letter,
            "head": self.head.letter,
            "status": self.status,
            "is_exact": self.is_exact,
            "quality": [asdict(each) for each in self.quality],
            "figures": [asdict(each) for each in self.figures],
            "flips": [asdict(each) for each in self.flips],
            "latency": [asdict(each) for each in self.waited],
            "overheads": [to_json(each) for each in self.overheads],
            "only_base": list(self.only_base),
            "only_head": list(self.only_head),
            "detectable": self.detectable,
            "doubts": list(self.doubts),
            "notes": list(self.notes),
        }


def _is_decided(quality: Quality) -> bool:
    return quality.outcome != "unclear"


def _is_near(quality: Quality) -> bool:
    """Tell whether a target looks worse, though not enough to be sure."""
    return quality.broken > quality.mended
