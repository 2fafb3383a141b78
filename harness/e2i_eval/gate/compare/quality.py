"""Quality: how often cases pass in two runs, and whether the difference is more than chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.stats.families import holm
from e2i_eval.core.stats.power import ALPHA
from e2i_eval.gate.compare.flip import flips_of
from e2i_eval.gate.compare.side import TOTAL
from e2i_eval.gate.runs.significance import OPEN_LEVEL, detectable_text, p_value, smallest_p

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from e2i_eval.core.estimate import Estimate
    from e2i_eval.gate.compare.figure import Outcome
    from e2i_eval.gate.compare.side import Side
    from e2i_eval.gate.runs import RunPair

__all__ = ["Quality", "chance_quality", "exact_quality", "rate_changes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How the cases of one target pass in two runs; cases in quarantine do not count.

    Attributes:
        target: of what; ``total`` for all targets.
        cases: number of cases both runs have.
        passed_before: how many pass in the first run.
        passed_after: how many pass in the other.
        broken: how many passed and do not any more.
        mended: the other way round.
        outcome: the judgement.
        rate_before: pass rate with its interval (Wilson); None where nothing is left to chance.
        rate_after: likewise.
        difference: of the pass rates over repetitions, clustered by target; None where nothing is left to chance, or
            fewer than two targets were compared.
        p_value: one-sided, for worse, corrected for all tests; None where nothing is left to chance.
        detectable: the smallest drop that could have been seen, as text; empty where every change is seen.
        reason: one sentence; empty when the numbers are enough.
    """

    target: str
    cases: int
    passed_before: int
    passed_after: int
    broken: int
    mended: int
    outcome: Outcome
    rate_before: Estimate | None = None
    rate_after: Estimate | None = None
    difference: Estimate | None = None
    p_value: float | None = None
    detectable: str = ""
    reason: str = ""


def exact_quality(target: str, names: Sequence[str], pair: RunPair[Side]) -> Quality:
    """Judge quality where nothing is left to chance: one broken case is definitely worse, whatever was fixed."""
    judged = _judged(names, pair)
    counted = _counted(target, judged, pair)
    changes = dict(zip(judged, rate_changes({target: judged}, pair)[target], strict=True))
    fallen = [name for name, change in changes.items() if change < 0]
    has_risen = any(change > 0 for change in changes.values())
    return replace(
        counted,
        outcome="worse" if counted.broken or fallen else "better" if counted.mended or has_risen else "same",
        reason=f"{fallen[0]} passes less often" if fallen and not counted.broken else "",
    )


def chance_quality(pairs: Sequence[RunPair[Side]]) -> list[tuple[Quality, ...]]:
    """Judge live runs: per target, and over all targets where there are several.

    Corrected (Holm 1979) are the totals of all runs together, and the targets of all runs together, so an unchanged run
    is called worse at most twice in a hundred. Each direction is corrected by itself: only one of them can be a false
    alarm.

    Returns:
        For each pair the total first, then one a target.
    """
    rows = [[_test(target, groups, pair) for target, groups in _groupings(pair).items()] for pair in pairs]
    qualities: dict[int, Quality] = {}
    for is_total in (True, False):
        family = [test for row in rows for test in row if (test.target == TOTAL) is is_total]
        worse, better = holm([test.p_worse for test in family]), holm([test.p_better for test in family])
        for test, p_worse, p_better in zip(family, worse, better, strict=True):
            qualities[id(test)] = _quality(test, p_worse, p_better, family=len(family))
    judged = [tuple(qualities[id(test)] for test in row) for row in rows]
    return [row if len(row) != 1 else (replace(row[0], target=TOTAL), *row) for row in judged]


def rate_changes(groups: Mapping[str, Iterable[str]], pair: RunPair[Side]) -> dict[str, list[float]]:
    """Return by how much the pass rate of each case rose, by target."""
    base, head = pair.base.cases, pair.head.cases
    return {target: [head[name].pass_rate - base[name].pass_rate for name in names] for target, names in groups.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """Quality of one target in two runs, before it is corrected for the others.

    Attributes:
        target: of what.
        groups: the judged cases by target.
        pair: the runs.
        changes: by how much the pass rate of each case rose, by target.
        p_worse: chance of so bad an outcome if nothing changed.
        p_better: chance of so good an outcome.
        smallest: chance of the worst outcome there could be.
    """

    target: str
    groups: Mapping[str, Sequence[str]]
    pair: RunPair[Side]
    changes: Mapping[str, Sequence[float]]
    p_worse: float
    p_better: float
    smallest: float

    @property
    def names(self) -> list[str]:
        return [name for names in self.groups.values() for name in names]


def _groupings(pair: RunPair[Side]) -> dict[str, dict[str, list[str]]]:
    judged = {target: _judged(names, pair) for target, names in pair.targets().items()}
    each = {target: {target: names} for target, names in judged.items()}
    together = {target: names for target, names in judged.items() if names}
    return each if len(each) == 1 else {TOTAL: together, **each}


def _test(target: str, groups: Mapping[str, Sequence[str]], pair: RunPair[Side]) -> _Test:
    changes = rate_changes(groups, pair)
    can_fall = {each: [pair.base.cases[name].pass_rate > 0 for name in names] for each, names in groups.items()}
    return _Test(
        target=target,
        groups=groups,
        pair=pair,
        changes=changes,
        p_worse=p_value(changes, alternative="less"),
        p_better=p_value(changes, alternative="greater"),
        smallest=smallest_p(can_fall),
    )


def _quality(test: _Test, p_worse: float, p_better: float, *, family: int) -> Quality:
    counted = _counted(test.target, test.names, test.pair)
    outcome, reason = _decided(test, p_worse, p_better, family=family)
    changed = [change != 0 for changes in test.changes.values() for change in changes]
    return replace(
        counted,
        outcome=outcome,
        rate_before=_rate(counted.passed_before, counted.cases),
        rate_after=_rate(counted.passed_after, counted.cases),
        difference=_difference(test),
        p_value=p_worse,
        detectable=detectable_text(changed) if changed else "no case was compared",
        reason=reason,
    )


def _decided(test: _Test, p_worse: float, p_better: float, *, family: int) -> tuple[Outcome, str]:
    what = "targets" if len(test.groups) > 1 else "cases"
    count = len(test.groups) if len(test.groups) > 1 else len(test.names)
    if p_worse < ALPHA:
        return "worse", f"p = {p_worse:.3g} for worse"
    if p_better < ALPHA:
        return "better", f"p = {p_better:.3g} for better"
    if test.smallest * family >= ALPHA:
        return "unclear", f"with {count} {what} not even the worst outcome could be distinguished from chance"
    if test.p_worse < OPEN_LEVEL:
        return "unclear", f"p = {p_worse:.3g} for worse: too little to decide"
    return "same", f"p = {p_worse:.3g} for worse: no difference found"


def _rate(passed: int, total: int) -> Estimate | None:
    from e2i_eval.core.stats.rates import wilson  # noqa: PLC0415  SciPy takes half a second

    return wilson(passed, total) if total else None


def _difference(test: _Test) -> Estimate | None:
    from e2i_eval.core.stats.paired import cluster_interval  # noqa: PLC0415  NumPy is heavy

    try:
        return cluster_interval(test.changes)
    except UnknownError:  # fewer than two targets: nothing is known of how they differ
        return None


def _counted(target: str, judged: Sequence[str], pair: RunPair[Side]) -> Quality:
    kinds = [flip.kind for flip in flips_of(judged, pair)]
    return Quality(
        target=target,
        cases=len(judged),
        passed_before=pair.base.passed(judged),
        passed_after=pair.head.passed(judged),
        broken=kinds.count("broken"),
        mended=kinds.count("mended"),
        outcome="same",
    )


def _judged(names: Iterable[str], pair: RunPair[Side]) -> list[str]:
    return [name for name in names if not (pair.base.cases[name].is_held or pair.head.cases[name].is_held)]
