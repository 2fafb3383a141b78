"""A figure: one number of one target in two runs, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.gate.baseline.observation import same
from e2i_eval.gate.compare.side import TOTAL
from e2i_eval.stats.families import holm
from e2i_eval.stats.power import ALPHA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.gate.compare.side import Side

__all__ = ["DOUBT", "JUDGED", "SHOWN", "Figure", "Outcome", "chance_figures", "exact_figure", "shown_figure"]

Outcome = Literal["same", "better", "worse", "unclear", "shown"]
"""``unclear``: it cannot be told. ``shown``: a number that is not judged."""

JUDGED = ("input_tokens", "output_tokens", "claude_calls", "cost_usd")
"""What costs money: more of it is worse."""

LOGGING = "logging_completeness"
SHOWN = ("cache_read_tokens", "cache_write_tokens")
"""Parts of the input; reading more of it from the cache is neither good nor bad by itself."""

DOUBT = 0.10
"""Above this a difference is taken for chance; between it and ``ALPHA`` nobody should decide on so little."""

ROUNDING = 1e-9
"""Relative; sums in another order may differ by this much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number.

    Attributes:
        metric: its name, with the unit in it.
        target: of what; ``total`` for all targets.
        before: in the first run, over the cases both have it of; None when there is none. Logging is a mean, all else
            a sum.
        after: in the other run.
        outcome: the judgement.
        worse: cases that are worse than the tolerance allows, by id; empty where chance plays a part.
        better: cases that are better, likewise.
        unknown: cases of which only one of the runs has it.
        p_value: one-sided, for worse than allowed, corrected for all tests; None where nothing is left to chance.
        reason: one sentence; empty when the numbers say it all.
    """

    metric: str
    target: str
    before: float | None
    after: float | None
    outcome: Outcome
    worse: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    p_value: float | None = None
    reason: str = ""


def exact_figure(
    metric: str, target: str, names: Sequence[str], base: Side, head: Side, *, tolerance: float = 0.0
) -> Figure:
    """Judge a number where nothing is left to chance, case by case: a saving in one is no excuse for another.

    Args:
        metric: name of the measurement.
        target: of what.
        names: the cases.
        base: the run compared with.
        head: the run judged.
        tolerance: relative growth that is allowed, 0.05 for five percent.
    """
    known, unknown = _known(metric, names, base, head)
    worse = tuple(name for name, (before, after) in known.items() if _is_worse(metric, before, after, tolerance))
    better = tuple(name for name, (before, after) in known.items() if _is_worse(metric, after, before, tolerance))
    outcome: Outcome = "worse" if worse else "unclear" if unknown else "better" if better else "same"
    reason = f"{metric} of {_some(unknown)} is known in one run only" if unknown and not worse else ""
    before, after = _totals(metric, known)
    return Figure(
        metric=metric,
        target=target,
        before=before,
        after=after,
        outcome=outcome,
        worse=worse,
        better=better,
        unknown=unknown,
        reason=reason,
    )


def shown_figure(metric: str, target: str, names: Sequence[str], base: Side, head: Side, *, reason: str = "") -> Figure:
    """Return a number that is not judged."""
    known, unknown = _known(metric, names, base, head)
    before, after = _totals(metric, known)
    return Figure(
        metric=metric, target=target, before=before, after=after, outcome="shown", unknown=unknown, reason=reason
    )


def chance_figures(
    pairs: Sequence[tuple[Side, Side, Mapping[str, Sequence[str]]]], *, tolerance: float
) -> list[tuple[Figure, ...]]:
    """Judge the totals of live runs: is the mean growth beyond the tolerance more than chance?

    Cluster sign-flip permutation of what each case exceeds its bound by, clustered by target, or by case where there
    is one target alone; corrected for all metrics and runs together (Holm 1979).

    Args:
        pairs: base, head, and the shared cases by target.
        tolerance: relative growth that is allowed.

    Returns:
        One figure a metric for each pair.
    """
    tests = [
        [_chance_test(metric, base, head, targets, tolerance) for metric in JUDGED] for base, head, targets in pairs
    ]
    flat = [test for row in tests for test in row]
    worse, better = holm([test.p_worse for test in flat]), holm([test.p_better for test in flat])
    decided = iter(zip(worse, better, strict=True))
    return [tuple(_chance_figure(test, *next(decided)) for test in row) for row in tests]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """A metric of all cases of two runs, before it is corrected for the others."""

    metric: str
    before: float | None
    after: float | None
    unknown: tuple[str, ...]
    p_worse: float
    p_better: float
    is_beyond: bool


def _chance_test(metric: str, base: Side, head: Side, targets: Mapping[str, Sequence[str]], tolerance: float) -> _Test:
    from e2i_eval.stats.paired import sign_flip  # noqa: PLC0415  NumPy is heavy

    known, unknown = _known(metric, [name for names in targets.values() for name in names], base, head)
    worse, better = (
        _clusters(targets, {name: (b - a * (1 + tolerance)) for name, (a, b) in pairs.items()})
        for pairs in (known, {name: (b, a) for name, (a, b) in known.items()})
    )
    before, after = _totals(metric, known)
    return _Test(
        metric=metric,
        before=before,
        after=after,
        unknown=unknown,
        p_worse=sign_flip(worse, alternative="greater") if worse else 1.0,
        p_better=sign_flip(better, alternative="greater") if better else 1.0,
        is_beyond=before is not None and after is not None and _is_worse(metric, before, after, tolerance),
    )


def _clusters(targets: Mapping[str, Sequence[str]], margins: Mapping[str, float]) -> dict[str, list[float]]:
    if len(targets) == 1:
        return {name: [margin] for name, margin in margins.items()}
    grouped = {target: [margins[name] for name in names if name in margins] for target, names in targets.items()}
    return {target: values for target, values in grouped.items() if values}


def _chance_figure(test: _Test, p_worse: float, p_better: float) -> Figure:
    outcome, reason = _decided(test, p_worse, p_better)
    return Figure(
        metric=test.metric,
        target=TOTAL,
        before=test.before,
        after=test.after,
        outcome=outcome,
        unknown=test.unknown,
        p_value=p_worse,
        reason=reason,
    )


def _decided(test: _Test, p_worse: float, p_better: float) -> tuple[Outcome, str]:
    said = f"{test.metric}: p = {p_worse:.3g} for more than allowed"
    if p_worse < ALPHA:
        return "worse", said
    if test.unknown:
        return "unclear", f"{test.metric} of {_some(test.unknown)} is known in one run only"
    if p_better < ALPHA:
        return "better", f"{test.metric}: p = {p_better:.3g} for less"
    if test.is_beyond and test.p_worse < DOUBT:
        return "unclear", f"{said}: too little to decide"
    return "same", ""


def _known(
    metric: str, names: Sequence[str], base: Side, head: Side
) -> tuple[dict[str, tuple[float, float]], tuple[str, ...]]:
    """Return the values of the cases both runs have it of, and the cases only one of them has it of."""
    values = {name: (base.cases[name].measured.get(metric), head.cases[name].measured.get(metric)) for name in names}
    known = {name: (a, b) for name, (a, b) in values.items() if a is not None and b is not None}
    unknown = tuple(name for name, pair in values.items() if name not in known and pair != (None, None))
    return known, unknown


def _totals(metric: str, known: Mapping[str, tuple[float, float]]) -> tuple[float | None, float | None]:
    if not known:
        return None, None
    before, after = (math.fsum(pair[side] for pair in known.values()) for side in (0, 1))
    return (before / len(known), after / len(known)) if metric == LOGGING else (before, after)


def _is_worse(metric: str, before: float, after: float, tolerance: float) -> bool:
    if same(before, after):
        return False
    if metric == LOGGING:
        return after < before
    bound = before * (1 + tolerance)
    return after > bound + ROUNDING * max(abs(bound), abs(after))


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} cases"
