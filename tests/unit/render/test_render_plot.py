"""Plots: values land where they belong, whatever they are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.report.html.plot import Scale, latency_plot, overhead_plot, shift_plot

if TYPE_CHECKING:
    from tests.unit.render.conftest import Maker

NUMBERS = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)


@given(values=st.lists(NUMBERS, min_size=1, max_size=20))
def test_all_values_are_inside_and_in_order(values: list[float]) -> None:
    """The scale shows every value and zero, larger ones further right, and a few round ticks."""
    scale = Scale.around(values)
    places = [scale.x(value) for value in sorted([*values, 0.0])]

    assert places == sorted(places)
    assert all(0 <= place <= 1000 for place in places)
    assert 1 <= len(scale.ticks()) <= 8
    assert all(-0.01 <= tick.percent <= 100.01 for tick in scale.ticks())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_does_not_break_a_plot(make: Maker, value: float) -> None:
    """An estimate that could not be made is drawn at the edge."""
    estimate = replace(make.estimate(1.0), high=value)

    plot = overhead_plot([make.overhead(overhead_ms=estimate)])

    assert plot is not None
    assert 0 <= plot.rows[0].high_x <= 1000


def test_nothing_measured_is_no_plot() -> None:
    """An empty plot would look like zero."""
    assert (overhead_plot([]), shift_plot([]), latency_plot([])) == (None, None, None)


def test_a_shift_is_marked_as_it_was_judged(make: Maker) -> None:
    """The forest plot takes over the verdict, and shades what is too small to count."""
    plot = shift_plot([make.shift(status="inconclusive"), make.shift(0.1, status="pass")])

    assert plot is not None
    assert [row.mark for row in plot.rows] == ["inconclusive", "pass"]
    low, width = plot.rows[1].band or (0.0, 0.0)
    assert low < plot.rows[1].x < low + width


def test_logging_that_changes_the_answer_is_a_failure(make: Maker) -> None:
    """Cheap and wrong is wrong."""
    plot = overhead_plot([make.overhead(differences=("answer",)), make.overhead(80.0), make.overhead()])

    assert plot is not None
    assert [row.mark for row in plot.rows] == ["fail", "fail", "pass"]


def test_a_spread_keeps_its_longest(make: Maker) -> None:
    """Two thousand dots are thinned out, never the slowest one."""
    cases = [make.case("a/b", measurements={"latency_ms": float(value)}) for value in range(2_000)]

    plot = latency_plot(cases)

    assert plot is not None
    (row,) = plot.rows
    assert len(row.dots) <= 170
    assert row.cells == ("1,000 ms", "1,999 ms", "2,000")
    assert max(row.dots) == Scale.around([1_999.0]).x(1_999.0)
