"""Quality: how often cases pass in two runs, and whether the difference is more than chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.errors import UnknownError
from e2i_eval.gate.compare.figure import DOUBT
from e2i_eval.gate.compare.flip import flips_of
from e2i_eval.gate.compare.side import TOTAL
from e2i_eval.stats.families import holm
from e2i_eval.stats.power import ALPHA, detectable_drop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.estimate import Estimate
    from e2i_eval.gate.compare.figure import Outcome
    from e2i_eval.gate.compare.side import Side

__all__ = ["Quality", "chance_quality", "exact_quality", "paired_p"]


USUAL_DISCORDANCE = 0.1
"""Share of cases with another verdict that is assumed for the smallest detectable change when fewer were seen."""


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
        reason: one sentence; empty when the numbers say it all.
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


def exact_quality(target: str, names: Sequence[str], base: Side, head: Side) -> Quality:
    """Judge quality where nothing is left to chance: one broken case is definitely worse, whatever was mended."""
    judged = _judged(names, base, head)
    flips = flips_of(judged, base, head)
    broken, mended = (sum(flip.kind == kind for flip in flips) for kind in ("broken", "mended"))
    slid = [name for name in judged if head.cases[name].pass_rate < base.cases[name].pass_rate]
    rose = [name for name in judged if head.cases[name].pass_rate > base.cases[name].pass_rate]
    return Quality(
        target=target,
        cases=len(judged),
        passed_before=_passed(judged, base),
        passed_after=_passed(judged, head),
        broken=broken,
        mended=mended,
        outcome="worse" if broken or slid else "better" if mended or rose else "same",
        reason=f"{slid[0]} passes less often" if slid and not broken else "",
    )


def chance_quality(pairs: Sequence[tuple[Side, Side, Mapping[str, Sequence[str]]]]) -> list[tuple[Quality, ...]]:
    """Judge live runs: per target, and over all targets where there are several.

    One target: McNemar's exact test where each case simply passes or not, else the sign-flip permutation over cases.
    All targets: the sign-flip permutation clustered by target. Corrected (Holm 1979) are the totals of all runs
    together, and the targets of all runs together, so an unchanged run is called worse at most twice in a hundred.

    Args:
        pairs: base, head, and the shared cases by target.

    Returns:
        For each pair the total first, then one a target.
    """
    tests = [
        [_test(target, groups, base, head) for target, groups in _groupings(targets, base, head).items()]
        for base, head, targets in pairs
    ]
    families = [
        [test for row in tests for test in row if (test.target == TOTAL) is is_total] for is_total in (True, False)
    ]
    decided = {id(test): quality for family in families for test, quality in _corrected(family)}
    rows = [tuple(decided[id(test)] for test in row) for row in tests]
    return [row if len(row) != 1 else (_as_total(row[0]), *row) for row in rows]


def _corrected(family: Sequence[_Test]) -> list[tuple[_Test, Quality]]:
    """Judge the tests of one family, each direction corrected by itself: only one of them can be a false alarm."""
    worse, better = holm([test.p_worse for test in family]), holm([test.p_better for test in family])
    return [
        (test, _quality(test, *p_values, family=len(family)))
        for test, *p_values in zip(family, worse, better, strict=True)
    ]


def paired_p(
    targets: Mapping[str, Sequence[str]], base: Side, head: Side, *, direction: Literal["worse", "better", "two-sided"]
) -> float:
    """Return how likely so large a change of the pass rate is if nothing changed; 1 when no case differs.

    Args:
        targets: the cases of each target; one target alone is judged by its cases.
        base: the run compared with.
        head: the run judged.
        direction: which change is looked for.
    """
    from e2i_eval.stats.paired import mcnemar, sign_flip  # noqa: PLC0415  NumPy is heavy

    moved = {
        target: [head.cases[name].pass_rate - base.cases[name].pass_rate for name in names]
        for target, names in targets.items()
        if names
    }
    single = next(iter(moved.values())) if len(moved) == 1 else []
    if single and all(abs(each) in {0.0, 1.0} for each in single):
        broken, mended = sum(each < 0 for each in single), sum(each > 0 for each in single)
        return mcnemar(broken, mended, alternative=direction)
    clusters = {str(place): [each] for place, each in enumerate(single)} if single else moved
    sides: dict[str, Literal["less", "greater", "two-sided"]] = {
        "worse": "less",
        "better": "greater",
        "two-sided": "two-sided",
    }
    return sign_flip(clusters, alternative=sides[direction]) if clusters else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """Quality of one target in two runs, before it is corrected for the others.

    Attributes:
        target: of what.
        groups: the judged cases by target.
        base: the run compared with.
        head: the run judged.
        p_worse: chance of so bad an outcome if nothing changed.
        p_better: chance of so good an outcome.
        floor: chance of the worst outcome there could be.
    """

    target: str
    groups: Mapping[str, Sequence[str]]
    base: Side
    head: Side
    p_worse: float
    p_better: float
    floor: float

    @property
    def names(self) -> list[str]:
        return [name for names in self.groups.values() for name in names]


def _groupings(targets: Mapping[str, Sequence[str]], base: Side, head: Side) -> dict[str, dict[str, Sequence[str]]]:
    judged: dict[str, Sequence[str]] = {target: _judged(names, base, head) for target, names in targets.items()}
    each = {target: {target: names} for target, names in judged.items()}
    together = {target: names for target, names in judged.items() if names}
    return each if len(each) == 1 else {TOTAL: together, **each}


def _test(target: str, groups: Mapping[str, Sequence[str]], base: Side, head: Side) -> _Test:
    can_fall = [[name for name in names if base.cases[name].pass_rate > 0] for names in groups.values()]
    units = len(can_fall[0]) if len(groups) == 1 else sum(bool(names) for names in can_fall)
    return _Test(
        target=target,
        groups=groups,
        base=base,
        head=head,
        p_worse=paired_p(groups, base, head, direction="worse"),
        p_better=paired_p(groups, base, head, direction="better"),
        floor=0.5**units,
    )


def _quality(test: _Test, p_worse: float, p_better: float, *, family: int) -> Quality:
    flips = flips_of(test.names, test.base, test.head)
    outcome, reason = _decided(test, p_worse, p_better, family=family)
    before, after = _passed(test.names, test.base), _passed(test.names, test.head)
    return Quality(
        target=test.target,
        cases=len(test.names),
        passed_before=before,
        passed_after=after,
        broken=sum(flip.kind == "broken" for flip in flips),
        mended=sum(flip.kind == "mended" for flip in flips),
        outcome=outcome,
        rate_before=_rate(before, len(test.names)),
        rate_after=_rate(after, len(test.names)),
        difference=_difference(test),
        p_value=p_worse,
        detectable=_detectable(test),
        reason=reason,
    )


def _decided(test: _Test, p_worse: float, p_better: float, *, family: int) -> tuple[Outcome, str]:
    what = "targets" if len(test.groups) > 1 else "cases"
    count = len(test.groups) if len(test.groups) > 1 else len(test.names)
    if p_worse < ALPHA:
        return "worse", f"p = {p_worse:.3g} for worse"
    if p_better < ALPHA:
        return "better", f"p = {p_better:.3g} for better"
    if test.floor * family >= ALPHA:
        return "unclear", f"with {count} {what} not even the worst outcome could be told from chance"
    if test.p_worse < DOUBT:
        return "unclear", f"p = {p_worse:.3g} for worse: too little to decide"
    return "same", f"p = {p_worse:.3g} for worse: no difference found"


def _rate(passed: int, total: int) -> Estimate | None:
    from e2i_eval.stats.rates import wilson  # noqa: PLC0415  SciPy takes half a second

    return wilson(passed, total) if total else None


def _difference(test: _Test) -> Estimate | None:
    from e2i_eval.stats.paired import cluster_interval  # noqa: PLC0415  NumPy is heavy

    moved = {
        target: [test.head.cases[name].pass_rate - test.base.cases[name].pass_rate for name in names]
        for target, names in test.groups.items()
    }
    try:
        return cluster_interval(moved)
    except UnknownError:  # fewer than two targets: nothing is known of how they differ
        return None


def _detectable(test: _Test) -> str:
    count = len(test.names)
    if not count:
        return "no case was compared"
    flipped = sum(test.base.cases[name].pass_rate != test.head.cases[name].pass_rate for name in test.names)
    drop = detectable_drop(count, max(flipped / count, USUAL_DISCORDANCE))
    if drop is None:
        return f"{count} cases see no drop of the usual size"
    return f"a drop of {drop * 100:.0f} points over {count} cases, four times in five"


def _as_total(quality: Quality) -> Quality:
    return replace(quality, target=TOTAL)


def _judged(names: Sequence[str], base: Side, head: Side) -> list[str]:
    return [name for name in names if not (base.cases[name].is_held or head.cases[name].is_held)]


def _passed(names: Sequence[str], side: Side) -> int:
    return sum(side.cases[name].status == "pass" for name in names)
