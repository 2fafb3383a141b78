"""Several stored runs, each compared with the first."""

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
from e2i_eval.gate.compare.side import LIVE, TOTAL
from e2i_eval.gate.runs import paired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.gate.compare.side import Side
    from e2i_eval.gate.runs import RunPair

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
    runs = [(pair, _is_exact(pair)) for pair in (paired(base, head) for head in heads)]
    free = [pair for pair, is_exact in runs if not is_exact]
    qualities = iter(chance_quality(free))
    totals = iter(chance_figures([each for each in free if each.is_one_mode], tolerance=tolerance))
    pairs: list[PairComparison] = []
    for pair, is_exact in runs:
        quality = _exact_qualities(pair) if is_exact else next(qualities)
        drawn = () if is_exact or not pair.is_one_mode else next(totals)
        pairs.append(_compared(pair, quality, _figures(pair, drawn, tolerance=tolerance), is_exact=is_exact))
    return RunComparison(
        sides=tuple(sides),
        pairs=tuple(pairs),
        best=best_of(sides) if len(sides) >= SEVERAL else None,
        tolerance=tolerance,
    )


def _is_exact(pair: RunPair[Side]) -> bool:
    """Tell whether nothing is left to chance: scripted or recorded answers, one run twice, or nothing to compare."""
    base, head = pair.base, pair.head
    is_same_run = bool(base.session_id) and base.session_id == head.session_id and base.report == head.report
    return is_same_run or not pair.shared or (pair.is_one_mode and base.mode != LIVE)


def _compared(
    pair: RunPair[Side], quality: tuple[Quality, ...], figures: tuple[Figure, ...], *, is_exact: bool
) -> PairComparison:
    return PairComparison(
        base=pair.base,
        head=pair.head,
        is_exact=is_exact,
        quality=quality,
        figures=figures,
        flips=flips_of(pair.shared, pair),
        waited=tuple(
            Waited(target=target, before_ms=pair.base.median_ms(names), after_ms=pair.head.median_ms(names))
            for target, names in _rows(pair).items()
        ),
        overheads=overhead_pairs(pair),
        only_base=pair.only_base,
        only_head=pair.only_head,
        gaps=tuple(gaps(pair)),
        notes=tuple(remarks(pair)),
    )


def _exact_qualities(pair: RunPair[Side]) -> tuple[Quality, ...]:
    return tuple(exact_quality(target, names, pair) for target, names in _rows(pair).items())


def _figures(pair: RunPair[Side], drawn: Sequence[Figure], *, tolerance: float) -> tuple[Figure, ...]:
    """Return all numbers; ``drawn`` has those of the total that chance plays a part in."""
    found: list[Figure] = []
    ready = {each.metric: each for each in drawn}
    for target, names in _rows(pair).items():
        for metric in JUDGED:
            why = uncomparable(metric, names, pair)
            if why or (drawn and target != TOTAL):
                found.append(shown_figure(metric, target, names, pair, reason=why))
            elif drawn:
                found.append(ready[metric])
            else:
                found.append(exact_figure(metric, target, names, pair, tolerance=tolerance))
        found += [shown_figure(metric, target, names, pair) for metric in SHOWN]
        found.append(exact_figure(LOGGING, target, names, pair))
    return tuple(found)


def _rows(pair: RunPair[Side]) -> dict[str, tuple[str, ...]]:
    """Return the shared cases of each row of a table: of all targets, then of each."""
    return {TOTAL: pair.shared, **pair.targets()}
