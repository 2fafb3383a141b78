"""Felt time: what a caller waits, without the time for which the machine had no core for the work.

Linux counts for each thread how long it ran and how long it could have run and was not given a core: the first and
second field of ``/proc/<pid>/task/<tid>/schedstat``, in nanoseconds (Linux, Documentation/scheduler/sched-stats).
Wall time minus that run-queue delay sees computing and sleeping alike, and hardly sees other programs.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["FeltTime", "Lap", "RunDelay", "WorkTime", "felt_s", "system_felt_time"]

OWN = Path("/proc/thread-self/schedstat")
TASKS = Path("/proc/self/task")
NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One moment, as the thread that calls sees it; only differences mean something.

    Attributes:
        wall_s: monotonic time.
        ran_s: for which this thread ran.
        delayed_s: for which this thread could have run and did not.
        others_s: the same of each other thread of the process that lives, by its id.
        ended: how many threads had ended, to know those that ended since.
    """

    wall_s: float
    ran_s: float
    delayed_s: float
    others_s: Mapping[int, float]
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


def felt_s(before: Lap, after: Lap, ended: Mapping[int, float]) -> float:
    """Return what the caller felt between two laps.

    Its own run-queue delay is taken off. So is that of the threads that work for it, a graph's parallel nodes, which
    cannot be told from threads that do not: therefore at most the time for which the caller neither ran nor was
    runnable, that is, was waiting for something.

    Args:
        before: the earlier lap.
        after: the later one, of the same thread.
        ended: delay of each thread that ended in between, over its whole life.
    """
    wall_s = after.wall_s - before.wall_s
    own_s = after.delayed_s - before.delayed_s
    waiting_s = max(0.0, wall_s - own_s - (after.ran_s - before.ran_s))
    last_s = {**after.others_s, **ended}
    others_s = sum(max(0.0, delay_s - before.others_s.get(thread, 0.0)) for thread, delay_s in last_s.items())
    return max(0.0, wall_s - own_s - min(others_s, waiting_s))


class RunDelay:
    """Wall time minus run-queue delay, on Linux."""

    says = "time is wall time minus run-queue delay (schedstat)"

    def __init__(self) -> None:
        """Begin to take note of threads that end: their counters end with them."""
        self._ended: list[tuple[int, float]] = []
        _tell_ended_threads(self._ended)

    def thread_s(self) -> float:
        """Wall time minus this thread's delay."""
        _, delayed_s = _schedstat(OWN)
        return time.perf_counter() - delayed_s

    @contextlib.contextmanager
    def measured(self) -> Iterator[Callable[[], float]]:
        """Measure a block."""
        taken: list[float] = []
        before = self._lap()
        try:
            yield lambda: taken[0]
        finally:
            after = self._lap()
            taken.append(felt_s(before, after, dict(self._ended[before.ended : after.ended])))

    def _lap(self) -> Lap:
        others_s = dict(_others())
        ran_s, delayed_s = _schedstat(OWN)
        return Lap(
            wall_s=time.perf_counter(), ran_s=ran_s, delayed_s=delayed_s, others_s=others_s, ended=len(self._ended)
        )


class WorkTime:
    """CPU time of the process plus the sleeps it asked for, where the system does not tell run-queue delay.

    It cannot see waiting of any other kind: for a lock, for a socket, on an event loop.
    """

    says = (
        "time is CPU time plus declared sleeps, as this system does not tell run-queue delay: other waits are not seen"
    )

    def __init__(self) -> None:
        """Begin to count what is slept."""
        self._slept_s = 0.0
        _tell_sleeps(self._add)

    def thread_s(self) -> float:
        """CPU time of this thread."""
        return time.thread_time()

    @contextlib.contextmanager
    def measured(self) -> Iterator[Callable[[], float]]:
        """Measure a block."""
        taken: list[float] = []
        before_s = self._work_s()
        try:
            yield lambda: taken[0]
        finally:
            taken.append(self._work_s() - before_s)

    def _work_s(self) -> float:
        return time.process_time() + self._slept_s

    def _add(self, slept_s: float) -> None:
        self._slept_s += slept_s


def system_felt_time() -> FeltTime:
    """Return the best that this system has."""
    try:
        _schedstat(OWN)
    except (OSError, ValueError, IndexError):
        return WorkTime()
    return RunDelay()


def _schedstat(file: Path) -> tuple[float, float]:
    ran, delayed = file.read_bytes().split()[:2]
    return int(ran) * NS, int(delayed) * NS


def _others() -> Iterator[tuple[int, float]]:
    own = threading.get_native_id()
    for name in os.listdir(TASKS):  # noqa: PTH208  names are enough, and there are many
        if int(name) != own:
            with contextlib.suppress(OSError, ValueError):  # it has just ended
                yield int(name), _schedstat(TASKS / name / "schedstat")[1]


def _tell_ended_threads(ended: list[tuple[int, float]]) -> None:
    """Have each thread say at its end how long it was kept waiting; those with a ``run`` of their own do not."""
    run = threading.Thread.run

    def run_and_tell(self: threading.Thread) -> None:
        try:
            run(self)
        finally:
            with contextlib.suppress(OSError, ValueError):
                ended.append((threading.get_native_id(), _schedstat(OWN)[1]))

    threading.Thread.run = run_and_tell  # type: ignore[method-assign]  # there is no hook for a thread's end


def _tell_sleeps(add: Callable[[float], None]) -> None:
    sleep = time.sleep

    def sleep_and_tell(duration_s: float, /) -> None:
        add(max(0.0, float(duration_s)))
        sleep(duration_s)

    time.sleep = sleep_and_tell  # type: ignore[assignment]  # there is no hook for a sleep
