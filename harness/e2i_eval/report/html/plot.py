"""Plots as rows of a table: each row draws itself in its own cell, and says its numbers in the next one.

So a plot needs no drawn text, is as wide as there is room, and its table is its own alternative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.report import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.core.estimate import Estimate
    from e2i_eval.core.latency_shift import LatencyShift
    from e2i_eval.core.overhead_result import OverheadResult
    from e2i_eval.runner.report import CaseResult

__all__ = [
    "IntervalPlot",
    "IntervalRow",
    "PlottedInterval",
    "SpreadPlot",
    "SpreadRow",
    "Tick",
    "interval_plot",
    "latency_plot",
    "overhead_plot",
    "shift_plot",
]

WIDTH = 1_000.0
"""Of a row's drawing, in units of its own: it is stretched to the cell."""

TICKS = 4
MARGIN = 0.06
NARROWEST_MS = 1e-3
MOST_DOTS = 160
BAR_MS = 50.0
"""What logging may add to a call."""

Mark = Literal["pass", "fail", "inconclusive", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number on the axis, and how far along it stands, in percent."""

    text: str
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From milliseconds to a place in the drawing; linear.

    Attributes:
        low: the left end, in ms.
        high: the right end, in ms.
    """

    low: float
    high: float

    @classmethod
    def around(cls, values: Iterable[float]) -> Scale:
        """Return a scale that shows all finite ``values`` and zero, with a margin."""
        known = [value for value in values if math.isfinite(value)]
        low, high = min([0.0, *known]), max([0.0, *known])
        room = max(high - low, NARROWEST_MS) * MARGIN
        return cls(low=low - room if low < 0 else 0.0, high=high + room)

    def x(self, value: float) -> float:
        """Return the place of ``value``; what lies outside stands at the end."""
        inside = min(max(value, self.low), self.high) if math.isfinite(value) else self.high
        return round((inside - self.low) / (self.high - self.low) * WIDTH, 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Return round numbers along the axis, the last with the unit."""
        step = _round_step((self.high - self.low) / TICKS)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        values = [place * step for place in range(first, last + 1)]
        units = ["" for _ in values[:-1]] + [" ms"]
        return tuple(
            Tick(text=_tick(value) + unit, percent=self.x(value) / WIDTH * 100)
            for value, unit in zip(values, units, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRow:
    """An estimate with its interval.

    Attributes:
        label: of what.
        detail: more about it; may be empty.
        mark: how it was judged; ``plain`` when it was not.
        low_x: left end of the interval.
        x: the estimate.
        high_x: right end of the interval.
        text: the same in numbers.
        cells: what stands beside the drawing.
        band: left end and width of a range in which a difference does not count; None for none.
    """

    label: str
    detail: str
    mark: Mark
    low_x: float
    x: float
    high_x: float
    text: str
    cells: tuple[str, ...]
    band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalPlot:
    """Several estimates on one axis.

    Attributes:
        id: part of the ids on the page.
        title: what is shown.
        header: names of the cells beside the drawing.
        rows: one an estimate.
        ticks: the axis.
        lines: names and places of vertical lines, e.g. zero.
    """

    id: str
    title: str
    header: tuple[str, ...]
    rows: tuple[IntervalRow, ...]
    ticks: tuple[Tick, ...]
    lines: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadRow:
    """Many values of one label.

    Attributes:
        label: of what.
        dots: places of the values.
        p50_x: place of the median.
        cells: what stands beside the drawing.
        text: the same in numbers.
    """

    label: str
    dots: tuple[float, ...]
    p50_x: float
    cells: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadPlot:
    """Several spreads on one axis; the attributes are those of ``IntervalPlot``."""

    id: str
    title: str
    header: tuple[str, ...]
    rows: tuple[SpreadRow, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlottedInterval:
    """What a row of an interval plot is made of.

    Attributes:
        label: of what.
        detail: more about it.
        mark: how it was judged.
        estimate: in ms.
        cells: what stands beside the drawing.
        floor_ms: differences up to it do not count; None where every one does.
    """

    label: str
    detail: str
    mark: Mark
    estimate: Estimate
    cells: tuple[str, ...]
    floor_ms: float | None = None


def interval_plot(
    id_: str,
    title: str,
    header: tuple[str, ...],
    measured: Sequence[PlottedInterval],
    lines: Sequence[tuple[str, float]],
) -> IntervalPlot:
    """Lay out estimates on a common axis.

    Args:
        id_: part of the ids on the page.
        title: what is shown.
        header: names of the cells beside the drawing.
        measured: one a row.
        lines: names and values of vertical lines; one beyond what was measured is left out.
    """
    ends = [end for each in measured for end in (each.estimate.low, each.estimate.value, each.estimate.high)]
    floors = [end for each in measured if each.floor_ms is not None for end in (-each.floor_ms, each.floor_ms)]
    most = max((abs(end) for end in (*ends, *floors) if math.isfinite(end)), default=1.0)
    near = [value for _, value in lines if abs(value) <= 3 * most]
    scale = Scale.around([*ends, *floors, *near])
    return IntervalPlot(
        id=id_,
        title=title,
        header=header,
        rows=tuple(_interval_row(each, scale) for each in measured),
        ticks=scale.ticks(),
        lines=tuple((name, scale.x(value)) for name, value in lines if scale.low <= value <= scale.high),
    )


def _interval_row(measured: PlottedInterval, scale: Scale) -> IntervalRow:
    estimate, floor = measured.estimate, measured.floor_ms
    band = None if floor is None else (scale.x(-floor), scale.x(floor) - scale.x(-floor))
    sure = f"{estimate.confidence:.0%} interval, {estimate.method}"
    return IntervalRow(
        label=measured.label,
        detail=measured.detail,
        mark=measured.mark,
        low_x=scale.x(estimate.low),
        x=scale.x(estimate.value),
        high_x=scale.x(estimate.high),
        text=f"{measured.label} {measured.detail}: {numbers.interval_ms(estimate)}, {sure}",
        cells=measured.cells,
        band=band,
    )


def overhead_plot(overheads: Sequence[OverheadResult]) -> IntervalPlot | None:
    """Lay out what logging adds to a call; None when it was not measured."""
    rows = [
        PlottedInterval(
            label=each.target,
            detail=each.callers,
            mark="fail" if each.differences or each.overhead_ms.high >= BAR_MS else "pass",
            estimate=each.overhead_ms,
            cells=(
                numbers.interval_ms(each.overhead_ms),
                numbers.ms(each.plain_ms),
                numbers.ms(each.drain_ms),
                f"{each.pairs:,}",
            ),
        )
        for each in overheads
    ]
    header = ("logging adds", "call without", "drain", "pairs")
    lines = (("0", 0.0), (f"{BAR_MS:.0f} ms", BAR_MS))
    return interval_plot("overhead-plot", "What logging adds to a call", header, rows, lines) if rows else None


def shift_plot(shifts: Sequence[LatencyShift]) -> IntervalPlot | None:
    """Lay out base against head as a forest plot; None without ``--e2i-ab``."""
    rows = [
        PlottedInterval(
            label=each.target,
            detail=each.part,
            mark=each.status,
            estimate=each.shift_ms,
            cells=(
                numbers.interval_ms(each.shift_ms),
                numbers.ms(each.base_ms),
                numbers.ms(each.head_ms),
                f"{each.pairs:,}",
            ),
            floor_ms=each.floor_ms,
        )
        for each in shifts
    ]
    header = ("shift", "base", "head", "pairs")
    return interval_plot("latency-plot", "Latency, head minus base", header, rows, (("0", 0.0),)) if rows else None


def latency_plot(cases: Sequence[CaseResult]) -> SpreadPlot | None:
    """Lay out what callers waited, a row a target; None when nothing was timed."""
    waited: dict[str, list[float]] = {}
    for case in cases:
        latency_ms = case.measurements.get("latency_ms")
        if latency_ms is not None and math.isfinite(latency_ms):
            waited.setdefault(case.target, []).append(latency_ms)
    if not waited:
        return None
    scale = Scale.around(value for values in waited.values() for value in values)
    rows = tuple(_spread_row(target, sorted(values), scale) for target, values in sorted(waited.items()))
    header = ("median", "longest", "cases")
    return SpreadPlot(id="waited", title="What callers waited", header=header, rows=rows, ticks=scale.ticks())


def _spread_row(label: str, values: list[float], scale: Scale) -> SpreadRow:
    p50, longest = _at(values, 0.5), values[-1]
    step = max(1, math.ceil(len(values) / MOST_DOTS))
    dots = dict.fromkeys(scale.x(value) for value in (*values[::step], longest))
    cells = (numbers.ms(p50), numbers.ms(longest), f"{len(values):,}")
    text = f"{label}: median {cells[0]}, longest {cells[1]}, {numbers.amount(len(values), 'case')}"
    return SpreadRow(label=label, dots=tuple(dots), p50_x=scale.x(p50), cells=cells, text=text)


def _at(values: list[float], share: float) -> float:
    """Return a quantile of sorted values by linear interpolation (Hyndman and Fan 1996, type 7)."""
    place = share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _round_step(raw: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def _tick(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:,.4g}"  # noqa: PLR2004  what is left of a rounded zero
