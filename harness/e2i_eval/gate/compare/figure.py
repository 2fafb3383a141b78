"""A figure: one number of one target in two runs, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from e2i_eval.core.stats.families import holm
from e2i_eval.core.stats.power import ALPHA
from e2i_eval.gate.compare.side import TOTAL
from e2i_eval.gate.runs.equality import is_beyond
from e2i_eval.gate.runs.run_pair import by_target
from e2i_eval.gate.runs.significance import OPEN_LEVEL, p_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_eval.gate.compare.side import Side
    from e2i_eval.gate.runs import RunPair

__all__ = ["JUDGED", "LOGGING", "SHOWN", "Figure", "Outcome", "chance_figures", "exact_figure", "shown_figure"]

Outcome = Literal["same", "better", "worse", "unclear", "shown"]
"""``unclear``: it cannot be decided. ``shown``: a number that is not judged."""

JUDGED = ("input_tokens", "output_tokens", "claude_calls", "cost_usd")
"""What costs money: more of it is worse."""

LOGGING = "logging_completeness"
SHOWN = ("cache_read_tokens", "cache_write_tokens")
"""Parts of the input; reading more of it from the cache is neither good nor bad by itself."""


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
        reason: one sentence; empty when the numbers are enough.
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


def shown_figure(metric: str, target: str, names: Sequence[str], pair: RunPair[Side], *, reason: str = "") -> Figure:
    """Return a number that is not judged."""
    known, unknown = _known(metric, names, pair)
    before, after = (math.fsum(values[side] for values in known.values()) for side in (0, 1))
    divisor = max(len(known), 1) if metric == LOGGING else 1
    return Figure(
        metric=metric,
        target=target,
        before=before / divisor if known else None,
        after=after / divisor if known else None,
        outcome="shown",
        unknown=unknown,
        reason=reason,
    )


def exact_figure(
    metric: str, target: str, names: Sequence[str], pair: RunPair[Side], *, tolerance: float = 0.0
) -> Figure:
    """Judge a number where nothing is left to chance, case by case: a saving in one is no excuse for another.

    Args:
        metric: name of the measurement.
        target: of what.
        names: the cases.
        pair: the runs.
        tolerance: relative growth that is allowed, 0.05 for five percent.
    """
    known, unknown = _known(metric, names, pair)
    worse = tuple(name for name, (before, after) in known.items() if _is_worse(metric, before, after, tolerance))
    better = tuple(name for name, (before, after) in known.items() if _is_worse(metric, after, before, tolerance))
    return replace(
        shown_figure(metric, target, names, pair),
        outcome="worse" if worse else "unclear" if unknown else "better" if better else "same",
        worse=worse,
        better=better,
        reason=_one_sided(metric, unknown) if unknown and not worse else "",
    )


def chance_figures(pairs: Sequence[RunPair[Side]], *, tolerance: float) -> list[tuple[Figure, ...]]:
    """Judge the totals of live runs: is the mean growth beyond the tolerance more than chance?

    Tested is what each case exceeds its bound by; corrected for all metrics and runs together (Holm 1979), each
    direction by itself.

    Args:
        pairs: the runs.
        tolerance: relative growth that is allowed.

    Returns:
        One figure a metric for each pair.
    """
    figures = [[shown_figure(metric, TOTAL, pair.shared, pair) for metric in JUDGED] for pair in pairs]
    flat = [(figure, pair) for row, pair in zip(figures, pairs, strict=True) for figure in row]
    p_worse = [_p_value(figure.metric, pair, lambda a, b: b - a * (1 + tolerance)) for figure, pair in flat]
    p_better = [_p_value(figure.metric, pair, lambda a, b: a - b * (1 + tolerance)) for figure, pair in flat]
    judged = iter(
        _judged(figure, p, corrected, better, tolerance)
        for (figure, _), p, corrected, better in zip(flat, p_worse, holm(p_worse), holm(p_better), strict=True)
    )
    return [tuple(next(judged) for _ in row) for row in figures]


def _p_value(metric: str, pair: RunPair[Side], excess: Callable[[float, float], float]) -> float:
    known, _ = _known(metric, pair.shared, pair)
    groups = by_target(known, pair.base)
    changes = {target: [excess(*known[name]) for name in names] for target, names in groups.items()}
    return p_value(changes, alternative="greater")


def _judged(figure: Figure, p: float, p_worse: float, p_better: float, tolerance: float) -> Figure:
    """Return the figure with its outcome, given the p-value for worse before and after correction, and for better."""
    metric = figure.metric
    excess = f"{metric}: p = {p_worse:.3g} for more than allowed"
    is_more = (
        figure.before is not None
        and figure.after is not None
        and _is_worse(metric, figure.before, figure.after, tolerance)
    )
    outcome: Outcome = "same"
    reason = ""
    if p_worse < ALPHA:
        outcome, reason = "worse", excess
    elif figure.unknown:
        outcome, reason = "unclear", _one_sided(metric, figure.unknown)
    elif p_better < ALPHA:
        outcome, reason = "better", f"{metric}: p = {p_better:.3g} for less"
    elif is_more and p < OPEN_LEVEL:
        outcome, reason = "unclear", f"{excess}: too little to decide"
    return replace(figure, outcome=outcome, p_value=p_worse, reason=reason)


def _known(
    metric: str, names: Sequence[str], pair: RunPair[Side]
) -> tuple[dict[str, tuple[float, float]], tuple[str, ...]]:
    """Return the values of the cases both runs have it of, and the cases only one of them has it of."""
    values = pair.values(metric, names)
    known = {name: (a, b) for name, (a, b) in values.items() if a is not None and b is not None}
    unknown = tuple(name for name, both in values.items() if name not in known and both != (None, None))
    return known, unknown


def _is_worse(metric: str, before: float, after: float, tolerance: float) -> bool:
    if metric == LOGGING:
        return is_beyond(after, before, worse="less")
    return is_beyond(after, before * (1 + tolerance), worse="more")


def _one_sided(metric: str, names: Sequence[str]) -> str:
    some = names[0] if len(names) == 1 else f"{len(names)} cases"
    return f"{metric} of {some} is known in one run only"
