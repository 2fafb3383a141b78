"""The stopwatch: how long a caller waits, without the time for which the machine had no core for it."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from e2i_eval.overhead.run_delay import NS, OwnRunDelay

__all__ = ["RunDelayStopwatch", "Stopwatch", "WallStopwatch", "system_stopwatch"]

TRIES = 8


class Stopwatch(Protocol):
    """Tells the time that the calling thread has felt; two readings belong together when one thread took them."""

    @property
    def says(self) -> str:
        """What it measures, one sentence for a reader of the figures."""

    def read_s(self) -> float:
        """Seconds with an arbitrary zero."""


class RunDelayStopwatch:
    """Wall time minus the time in which this thread could have run and was not given a core.

    Other programs on the machine move wall time by more than logging does; waiting for a lock, for the network or for
    the interpreter is no run-queue delay and stays in.
    """

    says = "time is wall time minus the calling thread's run-queue delay (/proc/thread-self/schedstat)"

    def __init__(self) -> None:
        """Find out how to read it.

        Raises:
            OSError: the system does not tell run-queue delay.
        """
        self._delay = OwnRunDelay()

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


class WallStopwatch:
    """Wall time, where the system does not tell a thread's run-queue delay.

    CPU time would be steadier and is not used: it cannot see a caller who waits until a trace has been sent.
    """

    says = "time is wall time: this system does not tell run-queue delay, so other programs widen the interval"

    def read_s(self) -> float:
        """Seconds on the wall."""
        return time.perf_counter()


def system_stopwatch() -> Stopwatch:
    """Return the best stopwatch of this system."""
    if not sys.platform.startswith("linux"):
        return WallStopwatch()
    try:
        return RunDelayStopwatch()
    except (OSError, AttributeError, ValueError, IndexError):
        return WallStopwatch()
