"""A lap: from one moment of a caller to another, with what all threads of its process did in between.

Threads that work at the same time are kept waiting at the same time, and wake to ask for the interpreter's lock: their
delays (``run_delay``) add up to more than the machine took. So no more is taken off than what neither work nor sleep
explains.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.benchmark.overhead.run_delay import NS, OwnRunDelay, run_delay_ns
from e2i_eval.benchmark.overhead.sleeps import Sleeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Lap", "LapTimer", "Moment", "adjusted_s"]

TASKS = Path("/proc/self/task")


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
    """Return what the caller felt between two laps.

    Its own run-queue delay is taken off. So is that of the threads that work for it, a graph's parallel nodes, which
    cannot be told from threads that do not: therefore at most the time for which no thread ran or slept.

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


class LapTimer:
    """Measures what a caller waits who is alone, with the work of all threads of the process, on Linux."""

    def __init__(self) -> None:
        """Find out how to read a thread's delay.

        Raises:
            OSError: the system does not tell run-queue delay.
        """
        self._delay = OwnRunDelay()
        self._ended: list[tuple[int, float]] = []
        self._sleeps = Sleeps()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Take note of sleeps, and of what threads that end were kept waiting: their counters end with them.

        Threads with a ``run`` of their own do not say.
        """
        run, ended, delay = threading.Thread.run, self._ended, self._delay

        def run_and_tell(self: threading.Thread) -> None:
            try:
                run(self)
            finally:
                ended.append((threading.get_native_id(), delay.read_ns() * NS))

        threading.Thread.run = run_and_tell  # type: ignore[method-assign]  # there is no hook for a thread's end
        try:
            with self._sleeps.watching():
                yield
        finally:
            threading.Thread.run = run  # type: ignore[method-assign]  # as above

    def moment(self) -> Moment:
        """Return this moment of this thread."""
        return Moment(
            wall_s=time.perf_counter(),
            ran_s=time.thread_time(),
            delayed_s=self._delay.read_ns() * NS,
            worked_s=time.process_time(),
        )

    @contextlib.contextmanager
    def measured(self) -> Iterator[Callable[[], float]]:
        """Measure a block, inside of ``watching``; the function gives the seconds once it has ended."""
        taken: list[float] = []
        others_s = dict(_others())
        before = Lap(moment=self.moment(), others_s=others_s, ended=len(self._ended))
        try:
            yield lambda: taken[0]
        finally:
            moment = self.moment()
            after = Lap(moment=moment, others_s=dict(_others()), ended=len(self._ended))
            ended_s = dict(self._ended[before.ended : after.ended])
            slept_s = self._sleeps.slept_s(since_s=before.moment.wall_s)
            taken.append(adjusted_s(before, after, ended_s, slept_s))


def _others() -> Iterator[tuple[int, float]]:
    own = threading.get_native_id()
    for name in os.listdir(TASKS):  # noqa: PTH208  names are enough, and there are many
        if int(name) != own:
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
                yield int(name), run_delay_ns((TASKS / name / "schedstat").read_bytes()) * NS
