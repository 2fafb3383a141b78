"""A comparison: several stored runs, each against the first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.comparing.best import Best, best_of
from e2i_eval.comparing.figure import JUDGED, LOGGING, SHOWN, Figure, chance_figures, exact_figure, shown_figure
from e2i_eval.comparing.quality import Flip, Quality, chance_quality, exact_quality, flips_of
from e2i_eval.comparing.remarks import gaps, remarks, uncomparable
from e2i_eval.comparing.side import LIVE, TOTAL, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.comparing.side import Side
    from e2i_eval.overhead_result import OverheadResult

__all__ = ["Comparison", "OverheadPair", "PairComparison", "Waited", "compare_runs"]

SCHEMA = 1
SEVERAL = 3
"""From so many runs on, one of them may be the best."""

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
class OverheadPair:
    """What logging costs a call, in two runs; None where it was not measured.

    Attributes:
        target: what was called.
        case_id: with which input.
        callers: how.
        before: in the first run.
        after: in the other.
        new_differences: what logging changed of answers or lost in the other run, and not in the first.
    """

    target: str
    case_id: str
    callers: str
    before: OverheadResult | None
    after: OverheadResult | None
    new_differences: tuple[str, ...] = ()


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
        """What could not be told, one sentence each: the gaps, and what chance leaves open.

        A target too small to be judged alone is no doubt where the total can be judged, and the other way round, unless
        more of its cases broke than were mended.
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
        """``fail``: something is worse. ``inconclusive``: nothing is, as far as can be told. ``pass``: nothing is."""
        return "fail" if self.is_worse else "inconclusive" if self.doubts else "pass"

    @property
    def detectable(self) -> str:
        """The smallest drop of the pass rate that could have been seen, as text."""
        return "every change of a verdict or a count" if self.is_exact else self.quality[0].detectable

    def figure(self, metric: str, target: str = TOTAL) -> Figure:
        """Return one number of one target."""
        return next(each for each in self.figures if (each.metric, each.target) == (metric, target))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Several runs.

    Attributes:
        sides: the runs, the first is the one compared with.
        pairs: each other run against the first.
        best: which run to choose; None for two runs.
        tolerance: growth of tokens, calls and cost that is allowed, relative.
    """

    sides: tuple[Side, ...]
    pairs: tuple[PairComparison, ...]
    best: Best | None
    tolerance: float

    @property
    def status(self) -> Status:
        """The worst of the pairs."""
        found = {pair.status for pair in self.pairs}
        return "fail" if "fail" in found else "inconclusive" if "inconclusive" in found else "pass"

    def to_json(self) -> dict[str, object]:
        """Return the comparison as plain JSON, schema 1; of the runs it has the names and circumstances."""
        return {
            "schema": SCHEMA,
            "status": self.status,
            "tolerance": self.tolerance,
            "runs": [
                {
                    "letter": side.letter,
                    "name": side.name,
                    "session": dict(side.report.session),
                    "environment": dict(side.report.environment),
                    "cases": len(side.cases),
                }
                for side in self.sides
            ],
            "pairs": [_pair_json(pair) for pair in self.pairs],
            "best": asdict(self.best) if self.best else None,
        }


def compare_runs(sides: Sequence[Side], *, tolerance: float = 0.0) -> Comparison:
    """Compare runs with the first of them.

    Args:
        sides: at least two.
        tolerance: growth of tokens, calls and cost that is allowed, relative: 0.05 for five percent.

    Raises:
        ValueError: there are fewer than two runs, or the tolerance is negative.
    """
    if len(sides) < 2 or tolerance < 0:  # noqa: PLR2004  two runs
        msg = f"{len(sides)} runs with a tolerance of {tolerance} cannot be compared"
        raise ValueError(msg)
    base, *heads = sides
    shared = [targets_of(base.cases.keys() & head.cases.keys(), base) for head in heads]
    by_chance = [
        (base, head, targets)
        for head, targets in zip(heads, shared, strict=True)
        if targets and not _is_exact(base, head)
    ]
    qualities = iter(chance_quality(by_chance))
    totals = iter(chance_figures([each for each in by_chance if each[0].mode == each[1].mode], tolerance=tolerance))
    pairs: list[PairComparison] = []
    for head, targets in zip(heads, shared, strict=True):
        is_exact = _is_exact(base, head) or not targets
        quality = _exact_qualities(targets, base, head) if is_exact else next(qualities)
        drawn = () if is_exact or base.mode != head.mode else next(totals)
        figures = _figures(targets, base, head, drawn, tolerance=tolerance)
        pairs.append(_pair(base, head, targets, quality, figures, is_exact=is_exact))
    return Comparison(
        sides=tuple(sides),
        pairs=tuple(pairs),
        best=best_of(sides) if len(sides) >= SEVERAL else None,
        tolerance=tolerance,
    )


def _is_exact(base: Side, head: Side) -> bool:
    session = base.report.session.get("id")
    is_same_run = bool(session) and session == head.report.session.get("id") and base.report == head.report
    return is_same_run or base.mode == head.mode not in {LIVE, ""}


def _pair(
    base: Side,
    head: Side,
    targets: Mapping[str, Sequence[str]],
    quality: tuple[Quality, ...],
    figures: tuple[Figure, ...],
    *,
    is_exact: bool,
) -> PairComparison:
    names = _all(targets)
    groups = {TOTAL: names, **targets}
    return PairComparison(
        base=base,
        head=head,
        is_exact=is_exact,
        quality=quality,
        figures=figures,
        flips=flips_of(names, base, head),
        waited=tuple(
            Waited(target=target, before_ms=base.median_ms(own), after_ms=head.median_ms(own))
            for target, own in groups.items()
        ),
        overheads=_overheads(base, head),
        only_base=tuple(sorted(base.cases.keys() - head.cases.keys())),
        only_head=tuple(sorted(head.cases.keys() - base.cases.keys())),
        gaps=tuple(gaps(base, head)),
        notes=tuple(remarks(base, head)),
    )


def _exact_qualities(targets: Mapping[str, Sequence[str]], base: Side, head: Side) -> tuple[Quality, ...]:
    return (
        exact_quality(TOTAL, _all(targets), base, head),
        *(exact_quality(target, names, base, head) for target, names in targets.items()),
    )


def _figures(
    targets: Mapping[str, Sequence[str]], base: Side, head: Side, drawn: Sequence[Figure], *, tolerance: float
) -> tuple[Figure, ...]:
    """Return all numbers; ``drawn`` has those of the total that chance plays a part in."""
    found: list[Figure] = []
    for target, names in {TOTAL: _all(targets), **targets}.items():
        for metric in JUDGED:
            why = uncomparable(metric, names, base, head)
            ready = [each for each in drawn if (each.metric, each.target) == (metric, target)]
            if why or (drawn and target != TOTAL):
                found.append(shown_figure(metric, target, names, base, head, reason=why))
            elif ready:
                found += ready
            else:
                found.append(exact_figure(metric, target, names, base, head, tolerance=tolerance))
        found += [shown_figure(metric, target, names, base, head) for metric in SHOWN]
        found.append(exact_figure(LOGGING, target, names, base, head))
    return tuple(found)


def _overheads(base: Side, head: Side) -> tuple[OverheadPair, ...]:
    before, after = (
        {(each.target, each.case_id, each.callers): each for each in side.report.overheads} for side in (base, head)
    )
    pairs = [(key, before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])]
    return tuple(
        OverheadPair(
            target=key[0],
            case_id=key[1],
            callers=key[2],
            before=was,
            after=now,
            new_differences=now.differences if now and not (was and was.differences) else (),
        )
        for key, was, now in pairs
    )


def _all(targets: Mapping[str, Sequence[str]]) -> list[str]:
    return [name for names in targets.values() for name in names]


def _is_decided(quality: Quality) -> bool:
    return quality.outcome != "unclear"


def _is_near(quality: Quality) -> bool:
    """Tell whether a target looks worse, though not enough to be sure."""
    return quality.broken > quality.mended


def _pair_json(pair: PairComparison) -> dict[str, object]:
    return {
        "base": pair.base.letter,
        "head": pair.head.letter,
        "status": pair.status,
        "is_exact": pair.is_exact,
        "quality": [asdict(each) for each in pair.quality],
        "figures": [asdict(each) for each in pair.figures],
        "flips": [asdict(each) for each in pair.flips],
        "latency": [asdict(each) for each in pair.waited],
        "overheads": [
            {
                "target": each.target,
                "case_id": each.case_id,
                "callers": each.callers,
                "before": each.before.to_json() if each.before else None,
                "after": each.after.to_json() if each.after else None,
                "new_differences": list(each.new_differences),
            }
            for each in pair.overheads
        ],
        "only_base": list(pair.only_base),
        "only_head": list(pair.only_head),
        "detectable": pair.detectable,
        "doubts": list(pair.doubts),
        "notes": list(pair.notes),
    }
