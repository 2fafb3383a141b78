"""The best of several runs: quality first, then cost; none where the numbers do not decide it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from e2i_eval.core.stats.families import holm
from e2i_eval.core.stats.power import ALPHA
from e2i_eval.gate.compare.quality import rate_changes
from e2i_eval.gate.compare.side import LIVE
from e2i_eval.gate.runs import paired
from e2i_eval.gate.runs.equality import same
from e2i_eval.gate.runs.run_pair import by_target
from e2i_eval.gate.runs.significance import p_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e2i_eval.core.estimate import Estimate
    from e2i_eval.gate.compare.side import Side

__all__ = ["Best", "RankedRun", "best_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRun:
    """One run as a choice, over the cases all runs have.

    Attributes:
        letter: the run.
        passed: cases that pass.
        cases: cases all runs have, those in quarantine in any of them left out.
        rate: pass rate with its interval (Wilson); None where nothing is left to chance.
        cost_usd: of these cases; None when a price is unknown.
        beaten_by: letters of runs that are as good and cheaper, or better and not dearer; empty on the Pareto front.
    """

    letter: str
    passed: int
    cases: int
    rate: Estimate | None
    cost_usd: float | None
    beaten_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """Which run to choose.

    Attributes:
        letter: the run; empty when the numbers do not decide it.
        candidates: all runs, in the order given.
        reason: one sentence.
    """

    letter: str
    candidates: tuple[RankedRun, ...]
    reason: str


def best_of(sides: Sequence[Side]) -> Best:
    """Choose among runs: the best quality, and among those of the same quality the cheapest.

    In mock and replay quality is the number of cases that pass. Live, a run is ahead of another only if the test of
    ``p_value`` says so, corrected for all pairs (Holm 1979). Cost is compared as it is: it has been spent.
    """
    names = _shared(sides)
    modes = {side.mode for side in sides}
    is_live = modes == {LIVE}
    candidates = tuple(_candidate(side, names, is_live=is_live) for side in sides)
    if reason := _no_choice(names, sides):
        return Best(letter="", candidates=candidates, reason=reason)
    ahead = _live_order(sides, by_target(names, sides[0])) if is_live else _exact_order(candidates)
    candidates = tuple(
        replace(each, beaten_by=tuple(one.letter for one in candidates if one != each and _beats(one, each, ahead)))
        for each in candidates
    )
    return _choice(candidates, ahead, is_live=is_live)


def _no_choice(names: Sequence[str], sides: Sequence[Side]) -> str:
    """Say why there can be no best run; empty when there can."""
    if not names:
        return "the runs have no case in common that is judged"
    modes = {side.mode for side in sides}
    if len(modes) > 1 or not all(modes):
        return "the runs differ in who answers for Claude"
    return "the runs have prices of different days" if len({side.prices for side in sides}) > 1 else ""


def _shared(sides: Sequence[Side]) -> list[str]:
    names = set.intersection(*(set(side.cases) for side in sides))
    return sorted(name for name in names if not any(side.cases[name].is_held for side in sides))


def _candidate(side: Side, names: Sequence[str], *, is_live: bool) -> RankedRun:
    passed = side.passed(names)
    costs = [side.cases[name].measured.get("cost_usd") for name in names]
    rate = None
    if is_live and names:
        from e2i_eval.core.stats.rates import wilson  # noqa: PLC0415  SciPy takes half a second

        rate = wilson(passed, len(names))
    return RankedRun(
        letter=side.letter,
        passed=passed,
        cases=len(names),
        rate=rate,
        cost_usd=None if None in costs else math.fsum(cost for cost in costs if cost is not None),
    )


def _exact_order(candidates: Sequence[RankedRun]) -> Callable[[str, str], bool]:
    passed = {each.letter: each.passed for each in candidates}
    return lambda one, other: passed[one] > passed[other]


def _live_order(sides: Sequence[Side], targets: Mapping[str, Sequence[str]]) -> Callable[[str, str], bool]:
    """Return a function that returns whether one run is ahead of another beyond chance."""
    pairs = list(combinations(sides, 2))
    changes = [rate_changes(targets, paired(one, other)) for one, other in pairs]
    p_values = holm([p_value(each, alternative="two-sided") for each in changes])
    ahead: set[tuple[str, str]] = set()
    for (one, other), moved, p in zip(pairs, changes, p_values, strict=True):
        if p < ALPHA:
            has_fallen = math.fsum(map(math.fsum, moved.values())) < 0
            ahead.add((one.letter, other.letter) if has_fallen else (other.letter, one.letter))
    return lambda one, other: (one, other) in ahead


def _beats(one: RankedRun, other: RankedRun, ahead: Callable[[str, str], bool]) -> bool:
    """Tell whether ``one`` is better in quality or cost and in the other not behind."""
    if ahead(other.letter, one.letter) or one.cost_usd is None or other.cost_usd is None:
        return False
    if same(one.cost_usd, other.cost_usd):
        return ahead(one.letter, other.letter)
    return one.cost_usd < other.cost_usd


def _choice(candidates: tuple[RankedRun, ...], ahead: Callable[[str, str], bool], *, is_live: bool) -> Best:
    top = [each for each in candidates if not any(ahead(other.letter, each.letter) for other in candidates)]
    letters = ", ".join(each.letter for each in top)
    if len(top) == 1:
        return Best(letter=top[0].letter, candidates=candidates, reason=f"{letters} passes the most cases")
    alike = f"the quality of {letters} cannot be distinguished" if is_live else f"{letters} pass equally many cases"
    costs = [each.cost_usd for each in top]
    if None in costs:
        return Best(letter="", candidates=candidates, reason=f"{alike}, and the cost of one of them is unknown")
    lowest = min(cost for cost in costs if cost is not None)
    cheapest = [each.letter for each in top if same(each.cost_usd, lowest)]
    if len(cheapest) > 1:
        reason = f"{alike}, and {', '.join(cheapest)} cost the same"
        return Best(letter="", candidates=candidates, reason=reason)
    if is_live:
        reason = f"{alike}, so none is the best; {cheapest[0]} is the cheapest of them"
        return Best(letter="", candidates=candidates, reason=reason)
    return Best(letter=cheapest[0], candidates=candidates, reason=f"{alike}, and {cheapest[0]} is the cheapest of them")
