"""The stopwatch: how long a caller waits, without the time for which the machine had no core for the work.

Wall time minus run-queue delay sees computing and sleeping alike, and hardly sees other programs, which move wall time
by more than logging does. Waiting for a lock, for the network or for the interpreter is no run-queue delay: it counts.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from e2i_eval.benchmark.timing.lap import Lap, Moment, adjusted_s
from e2i_eval.benchmark.timing.run_delay import NS, OwnRunDelay, run_delay_ns
from e2i_eval.benchmark.timing.sleeps import Sleeps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = [
    "LastingStopwatch",
    "RunDelayStopwatch",
    "Stopwatch",
    "WallStopwatch",
    "WorkStopwatch",
    "elapsed",
    "lasting_stopwatch",
    "system_stopwatch",
]

TASKS = Path("/proc/self/task")
TRIES = 8


class Stopwatch(Protocol):
    """Measures calls in a process that is not ours alone: nothing of it is changed between two measurements."""

    @property
    def says(self) -> str:
        """What it measures, one sentence for a reader of the figures."""

    def read_s(self) -> float:
        """Adjusted seconds of this thread, with an arbitrary zero; both readings must be of the same thread."""

    def alone(self) -> AbstractContextManager[Callable[[], float]]:
        """Measure a block of a caller who is alone, whatever threads work for it; the function gives the seconds."""


class LastingStopwatch(Protocol):
    """Measures calls in a process of its own, which it watches from the start until the process ends."""

    @property
    def says(self) -> str:
        """What it measures, one sentence for a reader of the figures."""

    def moment(self) -> Moment:
        """Return this moment of this thread; cheap."""

    def watching(self) -> AbstractContextManager[None]:
        """Take note, in all threads, of what ``measured`` needs."""

    def measured(self) -> AbstractContextManager[Callable[[], float]]:
        """Measure a block inside of ``watching``, with the work of all threads; the function gives the seconds."""


class RunDelayStopwatch:
    """Wall time minus the time in which threads could have run and were not given a core, on Linux."""

    says = "time is wall time minus run-queue delay (schedstat), also of threads that a caller alone waits for"

    def __init__(self) -> None:
        """Find out how to read a thread's delay.

        Raises:
            OSError: the system does not report run-queue delay.
        """
        self._delay = OwnRunDelay()
        self._ended: list[tuple[int, float]] = []
        self._sleeps = Sleeps()

    def read_s(self) -> float:
        """Adjusted seconds of this thread; read again when a delay fell between the two readings."""
        before_ns = self._delay.read_ns()
        for _ in range(TRIES):
            wall_s = time.perf_counter()
            after_ns = self._delay.read_ns()
            if after_ns == before_ns:
                break
            before_ns = after_ns
        return wall_s - before_ns * NS

    def moment(self) -> Moment:
        """Return this moment of this thread."""
        return Moment(
            wall_s=time.perf_counter(),
            ran_s=time.thread_time(),
            delayed_s=self._delay.read_ns() * NS,
            worked_s=time.process_time(),
        )

    @contextlib.contextmanager
    def alone(self) -> Iterator[Callable[[], float]]:
        """Measure a block; the delay of threads the caller waits for is taken off as well (``lap``)."""
        with self.watching(), self.measured() as adjusted:
            yield adjusted

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Take note of sleeps, and of what threads that end were kept waiting: their counters end with them.

        Threads with a ``run`` of their own do not report it.
        """
        run, ended, delay = threading.Thread.run, self._ended, self._delay

        def run_and_report(self: threading.Thread) -> None:
            try:
                run(self)
            finally:
                ended.append((threading.get_native_id(), delay.read_ns() * NS))

        threading.Thread.run = run_and_report  # type: ignore[method-assign]  # there is no hook for a thread's end
        try:
            with self._sleeps.watching():
                yield
        finally:
            threading.Thread.run = run  # type: ignore[method-assign]  # as above

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


class WallStopwatch:
    """Wall time, where the system does not report a thread's run-queue delay.

    CPU time would be steadier and is not used: it cannot see a caller who waits until a trace has been sent.
    """

    says = "time is wall time: this system does not report run-queue delay, so other programs widen the interval"

    def read_s(self) -> float:
        """Seconds on the wall."""
        return time.perf_counter()

    def alone(self) -> AbstractContextManager[Callable[[], float]]:
        """Measure a block."""
        return elapsed(self.read_s)


class WorkStopwatch:
    """CPU time of the process plus the sleeps it asked for, where the system does not report run-queue delay.

    It cannot see waiting of any other kind: for a lock, for a socket, on an event loop.
    """

    says = "time is CPU time plus declared sleeps, as run-queue delay is not reported here: other waits are not seen"

    def __init__(self) -> None:
        self._sleeps = Sleeps()

    def moment(self) -> Moment:
        """Return this moment of this thread; its delay is not known, so it counts as waiting."""
        ran_s = time.thread_time()
        return Moment(wall_s=ran_s, ran_s=ran_s, delayed_s=0.0, worked_s=time.process_time())

    def watching(self) -> AbstractContextManager[None]:
        """Take note of sleeps."""
        return self._sleeps.watching()

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


@contextlib.contextmanager
def elapsed(read_s: Callable[[], float]) -> Iterator[Callable[[], float]]:
    """Measure a block by a clock; the function gives the seconds once the block has ended."""
    taken: list[float] = []
    start_s = read_s()
    try:
        yield lambda: taken[0]
    finally:
        taken.append(read_s() - start_s)


def system_stopwatch() -> Stopwatch:
    """Return the best stopwatch of this system."""
    return _of_linux() or WallStopwatch()


def lasting_stopwatch() -> LastingStopwatch:
    """Return the best stopwatch of this system for a process that does nothing but measure."""
    return _of_linux() or WorkStopwatch()


def _of_linux() -> RunDelayStopwatch | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return RunDelayStopwatch()
    except (OSError, AttributeError, ValueError, IndexError):
        return None


def _others() -> Iterator[tuple[int, float]]:
    own = threading.get_native_id()
    for name in os.listdir(TASKS):  # noqa: PTH208  names are enough, and there are many
        if int(name) != own:
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
                yield int(name), run_delay_ns((TASKS / name / "schedstat").read_bytes()) * NS
