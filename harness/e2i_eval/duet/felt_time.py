"""Felt time: what a caller waits, without the time for which the machine had no core for the work.

Linux counts for each thread how long it ran and how long it could have run and was not given a core: the first and
second field of ``/proc/<pid>/task/<tid>/schedstat``, in nanoseconds (Linux, Documentation/scheduler/sched-stats).
Wall time minus that run-queue delay sees computing and sleeping alike, and hardly sees other programs.

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
from typing import TYPE_CHECKING, NamedTuple, Protocol

from e2i_eval.stats.cover import covered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["FeltTime", "Lap", "RunDelay", "Spent", "WorkTime", "felt_s", "system_felt_time"]

OWN = Path("/proc/thread-self/schedstat")
TASKS = Path("/proc/self/task")
NS = 1e-9


class Spent(NamedTuple):
    """What a thread has done with its time.

    Attributes:
        ran_s: for which it ran.
        delayed_s: for which it could have run and did not.
    """

    ran_s: float
    delayed_s: float

    def since(self, before: Spent) -> Spent:
        """Return what was spent after ``before``."""
        return Spent(max(0.0, self.ran_s - before.ran_s), max(0.0, self.delayed_s - before.delayed_s))


NOTHING = Spent(0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One moment, as the thread that calls sees it; only differences mean something.

    Attributes:
        wall_s: monotonic time.
        own: what this thread has spent.
        others: the same of each other thread of the process that lives, by its id.
        ended: how many threads had ended, to know those that ended since.
    """

    wall_s: float
    own: Spent
    others: Mapping[int, Spent]
    ended: int


class FeltTime(Protocol):
    """Measures what the calling thread waits."""

    @property
    def says(self) -> str:
        """What is measured, one sentence for a reader of the figures."""

    def thread_s(self) -> float:
        """Seconds with an arbitrary zero, felt by this thread alone; cheap."""

    def measured(self) -> contextlib.AbstractContextManager[Callable[[], float]]:
        """Measure a block, with the work of all threads; the function gives the seconds once it has ended."""


def felt_s(before: Lap, after: Lap, ended: Mapping[int, Spent], slept_s: float = 0.0) -> float:
    """Return what the caller felt between two laps.

    Its own run-queue delay is taken off. So is that of the threads that work for it, a graph's parallel nodes, which
    cannot be told from threads that do not: therefore at most the time for which the caller was waiting and no thread
    ran or slept.

    Args:
        before: the earlier lap.
        after: the later one, of the same thread.
        ended: what each thread that ended in between has spent, over its whole life.
        slept_s: for how long at least one thread slept.
    """
    wall_s = after.wall_s - before.wall_s
    own = after.own.since(before.own)
    others = [spent.since(before.others.get(thread, NOTHING)) for thread, spent in {**after.others, **ended}.items()]
    waited_s = wall_s - own.delayed_s - own.ran_s
    unexplained_s = max(0.0, waited_s - sum(each.ran_s for each in others) - slept_s)
    return max(0.0, wall_s - own.delayed_s - min(sum(each.delayed_s for each in others), unexplained_s))


class RunDelay:
    """Wall time minus run-queue delay, on Linux."""

    says = "time is wall time minus run-queue delay (schedstat)"

    def __init__(self) -> None:
        """Begin to take note of threads that end, whose counters end with them, and of sleeps."""
        self._ended: list[tuple[int, Spent]] = []
        self._sleeps: list[tuple[float, float]] = []
        _tell_ended_threads(self._ended)
        _tell_sleeps(self._sleeps)

    def thread_s(self) -> float:
        """Wall time minus this thread's delay."""
        return time.perf_counter() - _spent(OWN).delayed_s

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
            ended = dict(self._ended[before.ended : after.ended])
            taken.append(felt_s(before, after, ended, _slept_s(self._sleeps, since_s=before.wall_s)))

    def _lap(self) -> Lap:
        others = dict(_others())
        own = _spent(OWN)
        return Lap(wall_s=time.perf_counter(), own=own, others=others, ended=len(self._ended))


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

    def thread_s(self) -> float:
        """CPU time of this thread."""
        return time.thread_time()

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
        _spent(OWN)
    except (OSError, ValueError, IndexError):
        return WorkTime()
    return RunDelay()


def _spent(file: Path) -> Spent:
    ran, delayed = file.read_bytes().split()[:2]
    return Spent(int(ran) * NS, int(delayed) * NS)


def _others() -> Iterator[tuple[int, Spent]]:
    own = threading.get_native_id()
    for name in os.listdir(TASKS):  # noqa: PTH208  names are enough, and there are many
        if int(name) != own:
            with contextlib.suppress(OSError, ValueError):  # it has just ended
                yield int(name), _spent(TASKS / name / "schedstat")


def _slept_s(sleeps: Iterable[tuple[float, float]], *, since_s: float) -> float:
    """Return for how long at least one thread slept, of sleeps that have ended."""
    return covered((max(start_s, since_s), end_s) for start_s, end_s in sleeps if end_s > since_s)


def _tell_ended_threads(ended: list[tuple[int, Spent]]) -> None:
    """Have each thread say at its end what it has spent; those with a ``run`` of their own do not."""
    run = threading.Thread.run

    def run_and_tell(self: threading.Thread) -> None:
        try:
            run(self)
        finally:
            with contextlib.suppress(OSError, ValueError):
                ended.append((threading.get_native_id(), _spent(OWN)))

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
