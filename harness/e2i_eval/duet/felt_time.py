"""Felt time: what a caller waits, without the time for which the machine had no core for the work.

Linux counts for each thread how long it could have run and was not given a core (``run_delay``). Wall time minus that
run-queue delay sees computing and sleeping alike, and hardly sees other programs.

Threads that work at the same time are kept waiting at the same time, and wake to ask for the interpreter's lock: their
delays add up to more than the machine took. So no more is taken off than what neither work nor sleep explains.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from e2i_eval.overhead.run_delay import NS, OwnRunDelay, run_delay_ns
from e2i_eval.stats.cover import covered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["FeltTime", "Lap", "Moment", "RunDelay", "WorkTime", "felt_s", "own_s", "system_felt_time"]

TASKS = Path("/proc/self/task")
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


class FeltTime(Protocol):
    """Measures what the calling thread waits."""

    @property
    def says(self) -> str:
        """What is measured, one sentence for a reader of the figures."""

    def moment(self) -> Moment:
        """Return this moment of this thread; cheap."""

    def measured(self) -> contextlib.AbstractContextManager[Callable[[], float]]:
        """Measure a block, with the work of all threads; the function gives the seconds once it has ended."""


def felt_s(before: Lap, after: Lap, ended_s: Mapping[int, float], slept_s: float = 0.0) -> float:
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


def own_s(before: Moment, after: Moment) -> float:
    """Return what one thread felt of its own doing between two moments.

    What it waited counts when the others were idle meanwhile. While they work, waiting for anything cannot be told
    from waiting for the interpreter's lock, which is their doing.
    """
    ran_s = after.ran_s - before.ran_s
    waited_s = after.wall_s - before.wall_s - ran_s - (after.delayed_s - before.delayed_s)
    others_s = after.worked_s - before.worked_s - ran_s
    return max(0.0, ran_s + (waited_s if others_s <= IDLE_SHARE * waited_s else 0.0))


class RunDelay:
    """Wall time minus run-queue delay, on Linux."""

    says = "time is wall time minus run-queue delay (schedstat)"

    def __init__(self) -> None:
        """Begin to take note of threads that end, whose counters end with them, and of sleeps.

        Raises:
            OSError: the system does not tell run-queue delay.
        """
        self._delay = OwnRunDelay()
        self._ended: list[tuple[int, float]] = []
        self._sleeps: list[tuple[float, float]] = []
        _tell_ended_threads(self._ended, self._delay)
        _tell_sleeps(self._sleeps)

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
        """Measure a block."""
        taken: list[float] = []
        self._sleeps.clear()
        before = self._lap()
        try:
            yield lambda: taken[0]
        finally:
            after = self._lap()
            ended_s = dict(self._ended[before.ended : after.ended])
            taken.append(felt_s(before, after, ended_s, _slept_s(self._sleeps, since_s=before.moment.wall_s)))

    def _lap(self) -> Lap:
        others_s = dict(_others())
        return Lap(moment=self.moment(), others_s=others_s, ended=len(self._ended))


class WorkTime:
    """CPU time of the process plus the sleeps it asked for, where the system does not tell run-queue delay.

    It cannot see waiting of any other kind: for a lock, for a socket, on an event loop.
    """

    says = (
        "time is CPU time plus declared sleeps, as this system does not tell run-queue delay: other waits are not seen"
    )

    def __init__(self) -> None:
        """Begin to take note of sleeps."""
        self._sleeps: list[tuple[float, float]] = []
        _tell_sleeps(self._sleeps)

    def moment(self) -> Moment:
        """Return this moment of this thread; its delay is not known, so waiting is not told from it."""
        ran_s = time.thread_time()
        return Moment(wall_s=ran_s, ran_s=ran_s, delayed_s=0.0, worked_s=time.process_time())

    @contextlib.contextmanager
    def measured(self) -> Iterator[Callable[[], float]]:
        """Measure a block."""
        taken: list[float] = []
        self._sleeps.clear()
        start_s, worked_s = time.perf_counter(), -time.process_time()
        try:
            yield lambda: taken[0]
        finally:
            worked_s += time.process_time()
            taken.append(worked_s + _slept_s(self._sleeps, since_s=start_s))


def system_felt_time() -> FeltTime:
    """Return the best that this system has."""
    try:
        return RunDelay()
    except (OSError, AttributeError, ValueError, IndexError):
        return WorkTime()


def _others() -> Iterator[tuple[int, float]]:
    own = threading.get_native_id()
    for name in os.listdir(TASKS):  # noqa: PTH208  names are enough, and there are many
        if int(name) != own:
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
                yield int(name), run_delay_ns((TASKS / name / "schedstat").read_bytes()) * NS


def _slept_s(sleeps: Iterable[tuple[float, float]], *, since_s: float) -> float:
    """Return for how long at least one thread slept, of sleeps that have ended."""
    return covered((max(start_s, since_s), end_s) for start_s, end_s in sleeps if end_s > since_s)


def _tell_ended_threads(ended: list[tuple[int, float]], delay: OwnRunDelay) -> None:
    """Have each thread say at its end how long it was kept waiting; those with a ``run`` of their own do not."""
    run = threading.Thread.run

    def run_and_tell(self: threading.Thread) -> None:
        try:
            run(self)
        finally:
            ended.append((threading.get_native_id(), delay.read_ns() * NS))

    threading.Thread.run = run_and_tell  # type: ignore[method-assign]  # there is no hook for a thread's end


def _tell_sleeps(sleeps: list[tuple[float, float]]) -> None:
    """Have each ``time.sleep`` say when it began and ended."""
    sleep = time.sleep

    def sleep_and_tell(duration_s: float, /) -> None:
        start_s = time.perf_counter()
        try:
            sleep(duration_s)
        finally:
            sleeps.append((start_s, time.perf_counter()))

    time.sleep = sleep_and_tell  # type: ignore[assignment]  # there is no hook for a sleep
