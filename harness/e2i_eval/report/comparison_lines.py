"""The terminal's view of a comparison."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from e2i_eval.report import comparison_words as words
from e2i_eval.report import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.gate.compare import Best, Figure, Outcome, PairComparison, RunComparison

__all__ = ["comparison_lines"]

STYLES: dict[str, str] = {"worse": "red", "better": "green", "unclear": "yellow"}
STATUS_STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
SHOWN_FLIPS = 20
SHOWN_DOUBTS = 12
ROOMY = 400
"""A table takes what it needs of it: a line that wraps is read, a cell that is cut is not."""


def comparison_lines(comparison: RunComparison, *, width: int, color: bool) -> Iterator[str]:
    """Yield a comparison, one text a line.

    Args:
        comparison: what to show.
        width: of the terminal; a table may be wider, it is never cut.
        color: whether the terminal shows colours.
    """
    for letter, name, facts in words.known_runs(comparison):
        yield f"{letter}  {name}  {facts}"
    for pair in comparison.pairs:
        yield ""
        if len(comparison.pairs) > 1:
            yield f"{pair.head.letter} against {pair.base.letter}"
        yield from _pair_lines(pair, width=width, color=color)
    if comparison.best:
        yield ""
        yield from _best_lines(comparison.best, width=width, color=color)
    yield ""
    verdict = f"{words.word(comparison)}: {words.headline(comparison)}"
    yield from _printed(Text(verdict, style=f"bold {STATUS_STYLES[comparison.status]}"), width=ROOMY * 4, color=color)


def _pair_lines(pair: PairComparison, *, width: int, color: bool) -> Iterator[str]:
    if pair.targets:
        yield from _printed(_table(pair), width=max(width, ROOMY), color=color)
    unmoved = [target for target in pair.targets if not words.is_moved(pair, target)]
    if unmoved and len(unmoved) < len(pair.targets):
        yield f"{numbers.amount(len(unmoved), 'target')} without a difference: {', '.join(unmoved)}"
    yield from _flip_lines(pair)
    for row in words.overhead_cells(pair):
        yield f"logging adds, {row[0]}: {row[1]} → {row[2]}"
    yield from (f"✗ {each.target}, {each.callers}: {text}" for each in pair.overheads for text in each.new_differences)
    yield from _remark_lines(pair)


def _flip_lines(pair: PairComparison) -> Iterator[str]:
    for flip in pair.flips[:SHOWN_FLIPS]:
        yield f"{flip.kind:<8} {flip.case_id}: {words.flip_text(flip)}{f' · {flip.why}' if flip.why else ''}"
    if len(pair.flips) > SHOWN_FLIPS:
        yield f"… and {len(pair.flips) - SHOWN_FLIPS} more, all of them in --json and --html"
    yield from words.worse_lines(pair)


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - words.SHOWN_CASES} more" if len(names) > words.SHOWN_CASES else ""


def _remark_lines(pair: PairComparison) -> Iterator[str]:
    yield from (f"? {doubt}" for doubt in pair.doubts[:SHOWN_DOUBTS])
    if len(pair.doubts) > SHOWN_DOUBTS:
        yield f"? … and {len(pair.doubts) - SHOWN_DOUBTS} more"
    if pair.only_head:
        names = ", ".join(pair.only_head[: words.SHOWN_CASES])
        yield f"note: only {pair.head.letter} has {names}{_more(pair.only_head)}"
    if pair.waited[0].before_ms is not None:
        yield f"note: waiting: {words.LATENCY_REMARK}"
    yield from (f"note: {note}" for note in pair.notes)
    if not pair.is_exact:
        yield from (
            f"pass rate, {each.target}: {words.quality_detail(each)} · {each.reason}"
            for each in pair.quality
            if each.rate_before and (each.target == "total" or each.outcome in STYLES)
        )
        yield f"could see: {pair.detectable}"


def _table(pair: PairComparison) -> Table:
    metrics = words.columns(pair)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("target", no_wrap=True)
    cache = [words.CACHE] if words.has_cache(pair) else []
    for name in ("passed", *(words.NAMES[metric] for metric in metrics), *cache, "median ms"):
        table.add_column(name, justify="right", no_wrap=True)
    moved = [target for target in pair.targets if words.is_moved(pair, target)] or list(pair.targets)
    for target in moved:
        table.add_row(*_row(pair, target, metrics))
    if len(pair.targets) > 1:
        table.add_section()
        table.add_row(*_row(pair, "total", metrics))
    return table


def _row(pair: PairComparison, target: str, metrics: Sequence[str]) -> list[str | Text]:
    quality = next(each for each in pair.quality if each.target == target)
    figures: list[Figure] = [pair.figure(metric, target) for metric in metrics]
    return [
        target,
        _styled(words.passed(quality), quality.outcome),
        *(_styled(words.cells(figure), figure.outcome) for figure in figures),
        *([words.cache(pair, target)] if words.has_cache(pair) else []),
        words.waited(pair, target),
    ]


def _styled(text: str, outcome: Outcome) -> Text:
    return Text(text, style=STYLES.get(outcome, ""))


def _best_lines(best: Best, *, width: int, color: bool) -> Iterator[str]:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("run", no_wrap=True)
    for name in ("passed", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("beaten by", no_wrap=True)
    for each in best.candidates:
        run = Text(f"{each.letter} best" if each.letter == best.letter else each.letter, style="bold")
        table.add_row(run, words.candidate_rate(each), numbers.cost(each.cost_usd), ", ".join(each.beaten_by) or "-")
    yield from _printed(table, width=max(width, ROOMY), color=color)
    yield f"best: {best.letter or 'cannot be told'}: {best.reason}"


def _printed(shown: Table | Text, *, width: int, color: bool) -> list[str]:
    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=color, color_system="standard" if color else None)
    console.print(shown)
    return [line.rstrip() for line in screen.getvalue().splitlines() if line.strip()]
