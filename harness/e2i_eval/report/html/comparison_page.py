"""The page of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import comparison_words as words
from e2i_eval.report import numbers
from e2i_eval.report.comparison import OUTCOME_MARKS, comparison_sections
from e2i_eval.report.html.page import page
from e2i_eval.report.html.plot import PlottedInterval, interval_plot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.gate.compare import PairComparison, RunComparison
    from e2i_eval.report.html.plot import IntervalPlot

__all__ = ["comparison_html"]

BAR_MS = 50.0
"""What logging may add to a call."""


def comparison_html(comparison: RunComparison) -> str:
    """Return ``comparison`` as one HTML file that loads nothing from anywhere."""
    plots = {f"{pair.base.letter}-{pair.head.letter}-overhead": _overhead_plot(pair) for pair in comparison.pairs}
    return page(
        "compare.html.j2",
        data={},
        comparison=comparison,
        sections=comparison_sections(comparison),
        said=words,
        outcome_marks=dict.fromkeys(("same", "shown")) | OUTCOME_MARKS,
        plots={name: plot for name, plot in plots.items() if plot},
    )


def _overhead_plot(pair: PairComparison) -> IntervalPlot | None:
    """Lay out what logging adds, the two runs below each other; None when neither measured it."""
    rows = list(_measured(pair))
    id_ = f"overhead-{pair.head.letter}"
    header = ("logging adds", "call without", "pairs")
    lines = (("0", 0.0), (f"{BAR_MS:.0f} ms", BAR_MS))
    return interval_plot(id_, "What logging adds to a call", header, rows, lines) if rows else None


def _measured(pair: PairComparison) -> Iterator[PlottedInterval]:
    for each in pair.overheads:
        for side, result in ((pair.base, each.before), (pair.head, each.after)):
            if result is not None:
                yield PlottedInterval(
                    label=f"{side.letter} {each.target}",
                    detail=each.callers,
                    mark="fail" if result.differences or result.overhead_ms.high >= BAR_MS else "plain",
                    estimate=result.overhead_ms,
                    cells=(
                        numbers.interval_ms(result.overhead_ms),
                        numbers.ms(result.plain_ms),
                        f"{result.pairs:,}",
                    ),
                )
