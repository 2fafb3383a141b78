"""Sampling: which of many traces become candidates, so that each kind of behaviour is among them."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.dataset.harvest.kind import Kind

__all__ = ["SampledTrace", "sampled", "unique"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledTrace:
    """What is kept of a trace while others are read: 500 of them fit into a few hundred kilobytes.

    Attributes:
        trace_id: the trace.
        target: name of its target.
        digest: equal for the same inputs and behaviour.
        kind: kind of its behaviour.
        has_cassette: it can be replayed.
    """

    trace_id: str
    target: str
    digest: str
    kind: Kind
    has_cassette: bool


def unique(rows: Iterable[SampledTrace]) -> list[SampledTrace]:
    """Return one row of each digest, one that can be replayed where there is one; otherwise the first."""
    best: dict[str, SampledTrace] = {}
    for row in rows:
        held = best.get(row.digest)
        if held is None or (row.has_cassette and not held.has_cassette):
            best[row.digest] = row
    return list(best.values())


def sampled(rows: Iterable[SampledTrace], size: int | None, seed: int) -> list[SampledTrace]:
    """Return ``size`` rows, dealt in turns to the kinds of behaviour, the rarest first; all of them for None.

    In each turn each kind gives one row, so that every kind is there before any is there twice, and a kind of a
    thousand traces says no more than one of ten. With fewer places than kinds the rarest are kept: what happens all
    the time is what the goldens know already. Within a kind the choice is random, the same for the same seed.
    """
    kinds: dict[Kind, list[SampledTrace]] = defaultdict(list)
    for row in sorted(rows, key=lambda each: each.trace_id):
        kinds[row.kind].append(row)
    order = random.Random(seed)  # noqa: S311  a sample, no secret
    for kind in sorted(kinds):
        order.shuffle(kinds[kind])
    queues = [kinds[kind] for kind in sorted(kinds, key=lambda each: (len(kinds[each]), each))]
    dealt = [queue[turn] for turn in range(max(map(len, queues), default=0)) for queue in queues if turn < len(queue)]
    return dealt if size is None else dealt[:size]
