"""An alignment: which of the steps that were taken stands for which expected one, as many as possible."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from e2i_eval.checks.compare.arrangement import Happening, InTurn
from e2i_eval.checks.compare.pairing import paired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from e2i_eval.checks.compare.arrangement import AtOnce, Part

__all__ = ["AlignmentRow", "Fit", "align", "pair_up"]

Fit = Literal["full", "near", "none"]
"""``near``: the same node or tool, but other arguments."""

WEIGHTS: dict[Fit, int] = {"full": 1_000_000, "near": 1, "none": 0}
"""A full fit outweighs any number of near ones."""

MOST_BRANCHES = 9
"""At once; of up to these every order is tried, 2^9 sets of them. Beyond, the best next one is taken each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentRow:
    """One line of an alignment.

    Attributes:
        expected: number of the expected step, from 0; None for a step that nothing expects.
        taken: the step that was taken; None for one that is missing.
        fit: how well both agree; ``none`` when one of them is missing.
    """

    expected: int | None
    taken: Happening | None
    fit: Fit = "none"


class _Link(NamedTuple):
    """A step that was taken, what it stands for, and those before it."""

    before: _Link | None
    taken: Happening
    expected: int | None


class _Cell(NamedTuple):
    """The best way to get here."""

    score: int
    last: _Link | None


_Cells: TypeAlias = "tuple[_Cell, ...]"
"""One for each number of expected steps that may have been used up."""

_Weigh: TypeAlias = "Callable[[Happening, int], int]"


def align(part: Part, count: int, fit: Callable[[Happening, int], Fit]) -> tuple[AlignmentRow, ...]:
    """Return the alignment in order with the most full fits, and of these the one with the most near ones.

    It is exact for up to ``MOST_BRANCHES`` branches at once: a longest common subsequence (Wagner and Fischer 1974)
    over every order in which the branches may follow one another.

    Args:
        part: the steps that were taken.
        count: how many are expected.
        fit: how well a step stands for the expected one of this number.
    """
    scores: dict[tuple[int, int], int] = {}

    def weigh(taken: Happening, at: int) -> int:
        key = (id(taken), at)  # a happening holds JSON, which has no hash
        if key not in scores:
            scores[key] = WEIGHTS[fit(taken, at)]
        return scores[key]

    best = _after(part, (_Cell(0, None),) * (count + 1), weigh)[count]
    return tuple(_rows(_chain(best.last), count, fit))


def pair_up(taken: Sequence[Happening], count: int, fit: Callable[[Happening, int], Fit]) -> tuple[AlignmentRow, ...]:
    """Return the pairs in any order with the most full fits: a maximum bipartite matching, then near fits of the rest.

    To take the first that fits would not do: ``any`` argument fits what another step alone could have stood for.
    """
    graded = cache(lambda i, j: fit(taken[j], i))
    partner = paired(count, len(taken), lambda i, j: graded(i, j) == "full")
    open_steps = [i for i in range(count) if partner[i] is None]
    spare = sorted(set(range(len(taken))) - {at for at in partner if at is not None})
    near = paired(len(open_steps), len(spare), lambda i, j: graded(open_steps[i], spare[j]) == "near")
    for i, j in enumerate(near):
        if j is not None:
            partner[open_steps[i]] = spare[j]
    found = [
        AlignmentRow(expected=i, taken=None if at is None else taken[at], fit="none" if at is None else graded(i, at))
        for i, at in enumerate(partner)
    ]
    used = {at for at in partner if at is not None}
    return (*found, *(AlignmentRow(expected=None, taken=each) for at, each in enumerate(taken) if at not in used))


def _after(part: Part, cells: _Cells, weigh: _Weigh) -> _Cells:
    """Return the cells once ``part`` has happened."""
    if isinstance(part, Happening):
        return _after_one(part, cells, weigh)
    if isinstance(part, InTurn):
        for each in part.parts:
            cells = _after(each, cells, weigh)
        return cells
    return _after_all(part, cells, weigh)


def _after_one(taken: Happening, cells: _Cells, weigh: _Weigh) -> _Cells:
    after: list[_Cell] = []
    for used, cell in enumerate(cells):
        best = _Cell(cell.score, _Link(cell.last, taken, None))
        if used:
            weight = weigh(taken, used - 1)
            before = cells[used - 1]
            if weight and before.score + weight > best.score:
                best = _Cell(before.score + weight, _Link(before.last, taken, used - 1))
            if after[-1].score > best.score:
                best = after[-1]
        after.append(best)
    return tuple(after)


def _after_all(part: AtOnce, cells: _Cells, weigh: _Weigh) -> _Cells:
    branches = part.parts
    if len(branches) == 1:
        return _after(branches[0], cells, weigh)
    if len(branches) > MOST_BRANCHES:
        return _after_best_next(branches, cells, weigh)
    reached: dict[int, _Cells] = {0: cells}  # by the set of branches that have been added
    for chosen in range(1, 1 << len(branches)):
        last = (at for at in reversed(range(len(branches))) if chosen & 1 << at)
        ways = [_after(branches[at], reached[chosen & ~(1 << at)], weigh) for at in last]
        reached[chosen] = tuple(max(way, key=lambda cell: cell.score) for way in zip(*ways, strict=True))
    return reached[(1 << len(branches)) - 1]


def _after_best_next(branches: Sequence[Part], cells: _Cells, weigh: _Weigh) -> _Cells:
    waiting = list(branches)
    while waiting:
        ways = [_after(branch, cells, weigh) for branch in waiting]
        # of two that gain the same, the one that uses up fewer of the expected steps
        best = max(range(len(ways)), key=lambda at: [cell.score for cell in reversed(ways[at])])
        cells = ways[best]
        del waiting[best]
    return cells


def _chain(last: _Link | None) -> list[_Link]:
    links: list[_Link] = []
    while last is not None:
        links.append(last)
        last = last.before
    return links[::-1]


def _rows(links: Sequence[_Link], count: int, fit: Callable[[Happening, int], Fit]) -> Iterator[AlignmentRow]:
    """Yield a row for every step: what is missing comes before the next step that agrees."""
    at = 0
    for link in links:
        if link.expected is None:
            yield AlignmentRow(expected=None, taken=link.taken)
            continue
        yield from (AlignmentRow(expected=missing, taken=None) for missing in range(at, link.expected))
        yield AlignmentRow(expected=link.expected, taken=link.taken, fit=fit(link.taken, link.expected))
        at = link.expected + 1
    yield from (AlignmentRow(expected=missing, taken=None) for missing in range(at, count))
