"""A comparison of runs: its verdict, what moved, and what cannot be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import comparison_words as words
from e2i_eval.report import numbers
from e2i_eval.report.blocks import Cell, Code, Column, Fold, Line, Lines, Row, Section, Strong, Table
from e2i_eval.report.markdown import COMMENT_CHARS, markdown
from e2i_eval.report.terminal import terminal_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.gate.compare import Best, Flip, Outcome, PairComparison, RunComparison
    from e2i_eval.report.blocks import Block, Mark

__all__ = ["OUTCOME_MARKS", "comparison_lines", "comparison_markdown", "comparison_sections"]

OUTCOME_MARKS: dict[Outcome, Mark] = {"worse": "fail", "better": "pass", "unclear": "inconclusive"}
FLIP_MARKS: dict[str, Mark] = {"broken": "fail", "mended": "pass"}
"""A case that did not pass and does not pass otherwise has none."""
SHOWN_FLIPS = 20
SHOWN = 12


def comparison_lines(comparison: RunComparison, *, color: bool) -> list[str]:
    """Return a comparison for a terminal, the verdict last."""
    sections = [*comparison_sections(comparison), comparison_verdict(comparison)]
    return terminal_lines(sections, color=color, rest="--json and --html")


def comparison_markdown(comparison: RunComparison, *, limit: int = COMMENT_CHARS) -> str:
    """Return a comparison as GitHub's Markdown of at most ``limit`` characters, the verdict first."""
    sections = [comparison_verdict(comparison), *comparison_sections(comparison)]
    return markdown(sections, rest="`--json` and `--html`", limit=limit)


def comparison_verdict(comparison: RunComparison) -> Section:
    """Return the verdict as a heading."""
    title = f"{words.word(comparison)}: {words.headline(comparison)}"
    return Section(title=title, mark=comparison.status, level=2, is_kept=True)


def comparison_sections(comparison: RunComparison) -> list[Section]:
    """Return what explains the verdict."""
    is_named = len(comparison.pairs) > 1
    return [
        _runs(comparison),
        *([_best(comparison.best)] if comparison.best else []),
        *(section for pair in comparison.pairs for section in _pair(pair, is_named=is_named)),
    ]


def _runs(comparison: RunComparison) -> Section:
    rows = (Row((Cell(letter), Cell(Code(name)), Cell(facts))) for letter, name, facts in words.known_runs(comparison))
    return Section(id="runs", title="Runs", blocks=(Table(tuple(map(Column, ("run", "name", "made"))), tuple(rows)),))


def _best(best: Best) -> Section:
    columns = (Column("run"), *(Column(name, is_number=True) for name in ("passed", "cost")), Column("beaten by"))
    rows = (
        Row(
            (
                Cell(Strong(each.letter) if each.letter == best.letter else each.letter),
                Cell(words.candidate_rate(each)),
                Cell(numbers.cost(each.cost_usd)),
                Cell(", ".join(each.beaten_by) or "none"),
            )
        )
        for each in best.candidates
    )
    title = f"Best: {best.letter or 'cannot be decided'}"
    head = f"{best.letter or 'cannot be decided'}: {best.reason}"
    return Section(id="best", title=title, label="best", head=head, blocks=(Table(columns, tuple(rows)),))


def _pair(pair: PairComparison, *, is_named: bool) -> Iterator[Section]:
    """Yield what became of one run against the first."""
    between = f"{pair.base.letter}-{pair.head.letter}"
    if is_named:
        yield Section(id=between, title=words.pair_headline(pair), mark=pair.status)
    if pair.targets:
        yield Section(id=f"{between}-numbers", title="Numbers", blocks=tuple(_figures(pair)), level=4)
    parts = (
        ("Flipped cases", "", [_flip(flip) for flip in pair.flips], SHOWN_FLIPS),
        ("Where it is worse", "", [Line(each) for each in words.worse_lines(pair)], SHOWN),
        ("Pass rates", "", list(_rates(pair)), SHOWN),
    )
    for title, label, lines, most in parts:
        if lines:
            yield Section(title=title, label=label, blocks=(Lines(tuple(lines), most=most),), level=4)
    yield from _overhead(pair, between)
    if pair.doubts:
        lines = [Line(each, mark="inconclusive") for each in pair.doubts]
        yield Section(title="Undecided", blocks=(Lines(tuple(lines), most=SHOWN),), level=4)
    yield Section(title="Notes", label="note", blocks=(Lines(tuple(map(Line, _notes(pair)))),), level=4)


def _figures(pair: PairComparison) -> Iterator[Block]:
    """Yield the numbers of the targets in which anything moved, and folded those of the others."""
    unmoved = [target for target in pair.targets if not words.is_moved(pair, target)]
    moved = [target for target in pair.targets if target not in unmoved]
    total = ["total"] if len(pair.targets) > 1 or not moved else []
    yield _table(pair, [*moved, *total])
    if moved and unmoved:
        said = f"{numbers.amount(len(unmoved), 'target')} without a difference"
        table = Fold("their numbers", (_table(pair, unmoved),))
        yield Lines((Line(f"{said}: {', '.join(unmoved)}", below=(table,)),))


def _table(pair: PairComparison, targets: Sequence[str]) -> Table:
    cache = [words.CACHE] if words.has_cache(pair) else []
    names = ("passed", *(words.NAMES[metric] for metric in words.columns(pair)), *cache, "median ms")
    columns = (Column("target"), *(Column(name, is_number=True) for name in names))
    return Table(columns, tuple(_row(pair, target) for target in targets))


def _row(pair: PairComparison, target: str) -> Row:
    quality = next(each for each in pair.quality if each.target == target)
    figures = [pair.figure(metric, target) for metric in words.columns(pair)]
    is_total = target == "total"
    return Row(
        (
            Cell(target if is_total else Code(target)),
            Cell(words.passed(quality), mark=OUTCOME_MARKS.get(quality.outcome)),
            *(Cell(words.cells(figure), mark=OUTCOME_MARKS.get(figure.outcome)) for figure in figures),
            *([Cell(words.cache(pair, target))] if words.has_cache(pair) else []),
            Cell(words.waited(pair, target)),
        ),
        is_total=is_total,
    )


def _flip(flip: Flip) -> Line:
    why = f" · {flip.why}" if flip.why else ""
    mark = "quarantined" if flip.is_held else FLIP_MARKS.get(flip.kind)
    return Line((f"{words.FLIPS[flip.kind]} ", Code(flip.case_id), f": {words.flip_text(flip)}{why}"), mark=mark)


def _rates(pair: PairComparison) -> Iterator[Line]:
    if pair.is_exact:
        return
    for each in pair.quality:
        if each.rate_before and (each.target == "total" or each.outcome in OUTCOME_MARKS):
            reason = f" · {each.reason}" if each.reason else ""
            yield Line(
                ("pass rate of ", Code(each.target), f": {words.quality_detail(each)}{reason}"),
                mark=OUTCOME_MARKS.get(each.outcome),
            )


def _overhead(pair: PairComparison, between: str) -> Iterator[Section]:
    if not pair.overheads:
        return
    columns = (Column("target"), *(Column(side.letter, is_number=True) for side in (pair.base, pair.head)))
    rows = tuple(Row(tuple(map(Cell, cells))) for cells in words.overhead_cells(pair))
    changed = tuple(
        Line((Code(each.target), f", {each.callers}: {text}"), mark="fail")
        for each in pair.overheads
        for text in each.new_differences
    )
    blocks = (Table(columns, rows), Lines(changed, most=SHOWN))
    head = "what logging adds to a call"
    yield Section(id=f"{between}-overhead", title="Overhead", label="overhead", head=head, blocks=blocks, level=4)


def _notes(pair: PairComparison) -> Iterator[str]:
    if not pair.is_exact:
        yield f"this comparison can see {pair.detectable}"
    if pair.waited[0].before_ms is not None:
        yield f"latency: {words.LATENCY_REMARK}"
    yield from pair.notes
    if pair.only_head:
        yield f"only {pair.head.letter} has {words.some(pair.only_head)}"
