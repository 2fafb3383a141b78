"""A comparison for a pull request: the verdict first, then what moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import comparison_words as words
from e2i_eval.report import numbers
from e2i_eval.report.markdown import COMMENT_CHARS
from e2i_eval.report.markdown_text import code, prose, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.gate.compare import Best, Flip, PairComparison, RunComparison

__all__ = ["comparison_markdown"]

MARK = {"pass": "✅", "fail": "❌", "inconclusive": "⚠️"}
FLIP_MARK = {"broken": "❌", "mended": "✅", "changed": "❔"}
SHOWN_FLIPS = 50
SHOWN_LINES = 40
WHY_CHARS = 300


def comparison_markdown(comparison: RunComparison, *, limit: int = COMMENT_CHARS) -> str:
    """Return a comparison as GitHub's Markdown of at most ``limit`` characters; what is left out is said."""
    parts = [*_top(comparison)]
    if comparison.best:
        parts += _best(comparison.best)
    for pair in comparison.pairs:
        parts += _pair(pair, is_named=len(comparison.pairs) > 1)
    return _fitted(parts, limit)


def _fitted(parts: Sequence[str], limit: int) -> str:
    """Join parts that fit; each of them stands for itself, so that what follows a long one is still shown."""
    more = "\n… more in `--json` and `--html`\n"
    room, shown, is_cut = limit - len(more), [], False
    for part in parts:
        if len(part) + 1 > room:
            is_cut = True
            continue
        room -= len(part) + 1
        shown.append(part)
    return "\n".join(shown).rstrip() + "\n" + (more if is_cut else "")


def _top(comparison: RunComparison) -> Iterator[str]:
    yield f"## {MARK[comparison.status]} {words.word(comparison)}: {prose(words.headline(comparison))}\n"
    yield _table(
        ("run", "name", "made"),
        [(letter, code(name), prose(facts)) for letter, name, facts in words.known_runs(comparison)],
        left=3,
    )


def _best(best: Best) -> Iterator[str]:
    yield f"\n### Best: {best.letter or 'cannot be told'}\n\n{prose(best.reason)}\n"
    rows = [
        (
            f"**{each.letter}**" if each.letter == best.letter else each.letter,
            words.candidate_rate(each),
            prose(numbers.cost(each.cost_usd)),
            ", ".join(each.beaten_by) or "-",
        )
        for each in best.candidates
    ]
    yield _table(("run", "passed", "cost", "beaten by"), rows, left=1)


def _pair(pair: PairComparison, *, is_named: bool) -> Iterator[str]:
    if is_named:
        yield f"\n### {MARK[pair.status]} {prose(words.pair_headline(pair))}\n"
    else:
        yield ""
    if pair.targets:
        yield _figures(pair)
    if pair.flips:
        yield "\n#### Flipped cases\n"
        yield from _listed([_flip(flip) for flip in pair.flips], SHOWN_FLIPS)
    if worse := words.worse_lines(pair):
        yield "\n#### Worse in\n"
        yield from _listed([f"- {prose(each)}" for each in worse], SHOWN_LINES)
    if pair.overheads:
        rows = [(prose(name), prose(before), prose(after)) for name, before, after in words.overhead_cells(pair)]
        yield "\n#### What logging adds to a call\n"
        yield _table(("target", pair.base.letter, pair.head.letter), rows, left=1)
    yield from _remarks(pair)


def _figures(pair: PairComparison) -> str:
    metrics = words.columns(pair)
    cache = [words.CACHE] if words.has_cache(pair) else []
    header = ("target", "passed", *(words.NAMES[metric] for metric in metrics), *cache, "median ms")
    moved = [target for target in pair.targets if words.is_moved(pair, target)]
    rows = []
    for target in (*moved, *(("total",) if len(pair.targets) > 1 or not moved else ())):
        quality = next(each for each in pair.quality if each.target == target)
        rows.append(
            (
                code(target) if target != "total" else "**total**",
                prose(f"{words.passed(quality)} {words.quality_detail(quality)}"),
                *(prose(words.cells(pair.figure(metric, target))) for metric in metrics),
                *([words.cache(pair, target)] if cache else []),
                words.waited(pair, target),
            )
        )
    unmoved = len(pair.targets) - len(moved)
    note = f"\n\n{numbers.amount(unmoved, 'target')} without a difference.\n" if unmoved else ""
    return _table(header, rows, left=1) + note


def _flip(flip: Flip) -> str:
    why = f": {prose(shortened(flip.why, WHY_CHARS))}" if flip.why else ""
    return f"- {FLIP_MARK[flip.kind]} {flip.kind} {code(flip.case_id)}, {words.flip_text(flip)}{why}"


def _remarks(pair: PairComparison) -> Iterator[str]:
    lost = [f"- ❌ {prose(each.target)}: {prose(text)}" for each in pair.overheads for text in each.new_differences]
    if lost:
        yield "\n#### Logging changes what a target does\n"
        yield from _listed(lost, SHOWN_LINES)
    if pair.doubts:
        yield "\n#### What cannot be told\n"
        yield from _listed([f"- {prose(each)}" for each in pair.doubts], SHOWN_LINES)
    notes = [f"could see: {pair.detectable}", f"waiting: {words.LATENCY_REMARK}", *pair.notes]
    notes += [f"only {pair.head.letter} has {name}" for name in pair.only_head]
    yield "\n#### Notes\n"
    yield from _listed([f"- {prose(each)}" for each in notes], SHOWN_LINES)


def _listed(lines: Sequence[str], most: int) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"- … and {len(lines) - most:,} more"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> str:
    """Return a table; the first ``left`` columns are aligned to the left, the others are numbers."""
    rule = [":--" if place < left else "--:" for place, _ in enumerate(header)]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in [header, rule, *rows]
    )
