"""A lap: from one moment of a caller to another, with what all threads of its process did in between. Pure.

Threads that work at the same time are kept waiting at the same time, and wake to ask for the interpreter's lock: their
delays (``run_delay``) add up to more than the machine took. So no more is taken off than what neither work nor sleep
explains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Lap", "Moment", "adjusted_s", "own_s"]

IDLE_SHARE = 0.1
"""Others that work for less than this share of a wait are not what was waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment, as the thread that asks sees it; only differences mean something.

    Attributes:
        wall_s: monotonic time.
        ran_s: for which this thread ran.
        delayed_s: for which this thread could have run and did not.
        worked_s: for which the threads of the process ran, all together.
    """

    wall_s: float
    ran_s: float
    delayed_s: float
    worked_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """A moment, with what is known of the other threads of the process.

    Attributes:
        moment: of this thread.
        others_s: delay of each other thread that lives, by its id.
        ended: how many threads had ended, to know those that ended since.
    """

    moment: Moment
    others_s: Mapping[int, float]
    ended: int


def adjusted_s(before: Lap, after: Lap, ended_s: Mapping[int, float], slept_s: float = 0.0) -> float:
    """Return the seconds that a caller waited between two laps, without the time for which there was no core.

    Its own run-queue delay is taken off. So is that of the threads that work for it, a graph's parallel nodes, which
    cannot be distinguished from threads that do not: therefore at most the time for which no thread ran or slept.

    Args:
        before: the earlier lap.
        after: the later one, of the same thread.
        ended_s: delay of each thread that ended in between, over its whole life.
        slept_s: for how long at least one thread slept.
    """
    start, end = before.moment, after.moment
    shown_s = (end.wall_s - start.wall_s) - (end.delayed_s - start.delayed_s)
    unexplained_s = max(0.0, shown_s - (end.worked_s - start.worked_s) - slept_s)
    last_s = {**after.others_s, **ended_s}
    others_s = sum(max(0.0, delay_s - before.others_s.get(thread, 0.0)) for thread, delay_s in last_s.items())
    return max(0.0, shown_s - min(others_s, unexplained_s))


def own_s(before: Moment, after: Moment) -> float:
    """Return the seconds that one thread spent on its own work between two moments.

    What it waited counts when the others were idle meanwhile. While they work, waiting for anything cannot be
    distinguished from waiting for the interpreter's lock, which is their doing.
    """
    ran_s = after.ran_s - before.ran_s
    waited_s = after.wall_s - before.wall_s - ran_s - (after.delayed_s - before.delayed_s)
    others_s = after.worked_s - before.worked_s - ran_s
    return max(0.0, ran_s + (waited_s if others_s <= IDLE_SHARE * waited_s else 0.0))
