"""A comparison: several stored runs, each against the first."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from e2i_eval.gate.compare.best import Best, best_of
from e2i_eval.gate.compare.figure import JUDGED, LOGGING, SHOWN, Figure, chance_figures, exact_figure, shown_figure
from e2i_eval.gate.compare.flip import flips_of
from e2i_eval.gate.compare.overhead_pair import overhead_pairs
from e2i_eval.gate.compare.pair import PairComparison, Status, Waited
from e2i_eval.gate.compare.quality import Quality, chance_quality, exact_quality
from e2i_eval.gate.compare.remarks import gaps, remarks, uncomparable
from e2i_eval.gate.compare.side import LIVE, TOTAL, targets_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.gate.compare.side import Side

__all__ = ["RunComparison", "compare_runs"]

SCHEMA = 1
SEVERAL = 3
"""From so many runs on, one of them may be the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
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
            "pairs": [pair.to_json() for pair in self.pairs],
            "best": asdict(self.best) if self.best else None,
        }


def compare_runs(sides: Sequence[Side], *, tolerance: float = 0.0) -> RunComparison:
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
    return RunComparison(
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
        overheads=overhead_pairs(base, head),
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


def _all(targets: Mapping[str, Sequence[str]]) -> list[str]:
    return [name for names in targets.values() for name in names]
