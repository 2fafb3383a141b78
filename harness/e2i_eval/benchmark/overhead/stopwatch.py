"""The stopwatch: how long a caller waits, without the time for which the machine had no core for it."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Protocol

from e2i_eval.benchmark.overhead.lap import LapTimer
from e2i_eval.benchmark.overhead.run_delay import NS, OwnRunDelay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["RunDelayStopwatch", "Stopwatch", "WallStopwatch", "system_stopwatch"]

TRIES = 8


class Stopwatch(Protocol):
    """Tells the time that the calling thread has felt; two readings belong together when one thread took them."""

    @property
    def says(self) -> str:
        """What it measures, one sentence for a reader of the figures."""

    def read_s(self) -> float:
        """Seconds with an arbitrary zero."""

    def alone(self) -> AbstractContextManager[Callable[[], float]]:
        """Measure a block of a caller who is alone, whatever threads work for it; the function gives the seconds."""


class RunDelayStopwatch:
    """Wall time minus the time in which this thread could have run and was not given a core.

    Other programs on the machine move wall time by more than logging does; waiting for a lock, for the network or for
    the interpreter is no run-queue delay and stays in.
    """

    says = "time is wall time minus run-queue delay (schedstat), also of threads that a caller alone waits for"

    def __init__(self) -> None:
        """Find out how to read it.

        Raises:
            OSError: the system does not tell run-queue delay.
        """
        self._delay = OwnRunDelay()
        self._laps = LapTimer()

    def read_s(self) -> float:
        """Seconds felt by this thread; read again when a delay fell between the two readings."""
        before_ns = self._delay.read_ns()
        for _ in range(TRIES):
            wall_s = time.perf_counter()
            after_ns = self._delay.read_ns()
            if after_ns == before_ns:
                break
            before_ns = after_ns
        return wall_s - before_ns * NS

    @contextlib.contextmanager
    def alone(self) -> Iterator[Callable[[], float]]:
        """Measure a block; the delay of threads the caller waits for is taken off as well (``lap``)."""
        with self._laps.watching(), self._laps.measured() as adjusted_s:
            yield adjusted_s


class WallStopwatch:
    """Wall time, where the system does not tell a thread's run-queue delay.

    CPU time would be steadier and is not used: it cannot see a caller who waits until a trace has been sent.
    """

    says = "time is wall time: this system does not tell run-queue delay, so other programs widen the interval"

    def read_s(self) -> float:
        """Seconds on the wall."""
        return time.perf_counter()

    @contextlib.contextmanager
    def alone(self) -> Iterator[Callable[[], float]]:
        """Measure a block."""
        taken: list[float] = []
        start_s = time.perf_counter()
        try:
            yield lambda: taken[0]
        finally:
            taken.append(time.perf_counter() - start_s)


def system_stopwatch() -> Stopwatch:
    """Return the best stopwatch of this system."""
    if not sys.platform.startswith("linux"):
        return WallStopwatch()
    try:
        return RunDelayStopwatch()
    except (OSError, AttributeError, ValueError, IndexError):
        return WallStopwatch()
