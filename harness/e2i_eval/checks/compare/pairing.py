"""A pairing: which item of one list stands for which of another."""

from __future__ import annotations

from collections import deque
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["paired"]


def paired(left: int, right: int, fits: Callable[[int, int], bool]) -> list[int | None]:
    """Return for each of ``left`` items the one of ``right`` it is paired with, None where none is left.

    As many as possible are paired. Taking the first that fits would not do: with a tolerance, 1.0 fits both 1.0 and
    1.1, and 1.2 fits 1.1 alone. Source: augmenting paths, Kuhn's method for bipartite matching, breadth first.
    """
    fit = cache(fits)
    partner: list[int | None] = [None] * left
    owner: dict[int, int] = {}
    for item in range(left):
        _pair(item, partner, owner, lambda i: _candidates(i, right, fit))
    return partner


def _candidates(item: int, right: int, fit: Callable[[int, int], bool]) -> Iterator[int]:
    """Yield what fits ``item``; its own place first, which is all that is tried when nothing has moved."""
    places = (item, *range(item), *range(item + 1, right)) if item < right else range(right)
    return (at for at in places if fit(item, at))


def _pair(
    item: int, partner: list[int | None], owner: dict[int, int], candidates: Callable[[int], Iterator[int]]
) -> None:
    """Find a partner for ``item``, moving those already paired where that makes room."""
    asked_by: dict[int, int] = {}
    queue = deque([item])
    while queue:
        asking = queue.popleft()
        for at in candidates(asking):
            if at in asked_by:
                continue
            asked_by[at] = asking
            if at not in owner:
                _reassign(at, item, asked_by, partner, owner)
                return
            queue.append(owner[at])


def _reassign(free: int, item: int, asked_by: dict[int, int], partner: list[int | None], owner: dict[int, int]) -> None:
    at: int | None = free
    while at is not None:
        asking = asked_by[at]
        before = partner[asking]
        partner[asking], owner[at] = at, asking
        at = None if asking == item else before
