"""Adjusted time: what a caller waits, without the time for which the machine had no core for the work.

Wall time minus run-queue delay (``overhead.run_delay``) sees computing and sleeping alike, and hardly sees other
programs.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Protocol

from e2i_eval.benchmark.overhead.lap import LapTimer, Moment
from e2i_eval.benchmark.overhead.sleeps import Sleeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["AdjustedTime", "RunDelay", "WorkTime", "own_s", "system_felt_time"]

IDLE_SHARE = 0.1
"""Others that work for less than this share of a wait are not what was waited for."""


class AdjustedTime(Protocol):
    """Measures what the calling thread waits."""

    @property
    def says(self) -> str:
        """What is measured, one sentence for a reader of the figures."""

    def moment(self) -> Moment:
        """Return this moment of this thread; cheap."""

    def measured(self) -> contextlib.AbstractContextManager[Callable[[], float]]:
        """Measure a block, with the work of all threads; the function gives the seconds once it has ended."""


def own_s(before: Moment, after: Moment) -> float:
    """Return what one thread felt of its own doing between two moments.

    What it waited counts when the others were idle meanwhile. While they work, waiting for anything cannot be told
    from waiting for the interpreter's lock, which is their doing.
    """
    ran_s = after.ran_s - before.ran_s
    waited_s = after.wall_s - before.wall_s - ran_s - (after.delayed_s - before.delayed_s)
    others_s = after.worked_s - before.worked_s - ran_s
    return max(0.0, ran_s + (waited_s if others_s <= IDLE_SHARE * waited_s else 0.0))


class RunDelay(LapTimer):
    """Wall time minus run-queue delay, on Linux."""

    says = "time is wall time minus run-queue delay (schedstat)"

    def __init__(self) -> None:
        """Begin to watch, until the process ends.

        Raises:
            OSError: the system does not tell run-queue delay.
        """
        super().__init__()
        self._until_the_end = contextlib.ExitStack()  # kept: what is entered and forgotten is left at once
        self._until_the_end.enter_context(self.watching())


class WorkTime:
    """CPU time of the process plus the sleeps it asked for, where the system does not tell run-queue delay.

    It cannot see waiting of any other kind: for a lock, for a socket, on an event loop.
    """

    says = (
        "time is CPU time plus declared sleeps, as this system does not tell run-queue delay: other waits are not seen"
    )

    def __init__(self) -> None:
        """Begin to take note of sleeps, until the process ends."""
        self._sleeps = Sleeps()
        self._until_the_end = contextlib.ExitStack()  # as above
        self._until_the_end.enter_context(self._sleeps.watching())

    def moment(self) -> Moment:
        """Return this moment of this thread; its delay is not known, so waiting is not told from it."""
        ran_s = time.thread_time()
        return Moment(wall_s=ran_s, ran_s=ran_s, delayed_s=0.0, worked_s=time.process_time())

    @contextlib.contextmanager
    def measured(self) -> Iterator[Callable[[], float]]:
        """Measure a block."""
        taken: list[float] = []
        start_s, worked_s = time.perf_counter(), -time.process_time()
        try:
            yield lambda: taken[0]
        finally:
            worked_s += time.process_time()
            taken.append(worked_s + self._sleeps.slept_s(since_s=start_s))


def system_felt_time() -> AdjustedTime:
    """Return the best that this system has."""
    try:
        return RunDelay()
    except (OSError, AttributeError, ValueError, IndexError):
        return WorkTime()
