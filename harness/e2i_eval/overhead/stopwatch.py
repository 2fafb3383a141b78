"""The stopwatch: how long a caller waits, without the time for which the machine had no core for it."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import Protocol

__all__ = ["RunDelayStopwatch", "Stopwatch", "WallStopwatch", "system_stopwatch"]

SCHEDSTAT = b"/proc/thread-self/schedstat"
RUN_DELAY_FIELD = 1
NS = 1e-9
ENOUGH_BYTES = 96
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

    The second field of ``schedstat`` counts that delay in nanoseconds (Linux, Documentation/scheduler/sched-stats).
    Other programs on the machine move wall time by more than logging does; waiting for a lock, for the network or for
    the interpreter is no run-queue delay and stays in.
    """

    says = "time is wall time minus the calling thread's run-queue delay (/proc/thread-self/schedstat)"

    def __init__(self) -> None:
        """Take the C library's functions.

        Raises:
            OSError: the system does not tell run-queue delay.
        """
        # PyDLL keeps the interpreter's lock: ``open`` of Python passes it to another thread, and with several callers
        # the readings were then off by the tens of milliseconds until it came back
        self._libc = ctypes.PyDLL(None)
        self._delay_ns()

    def read_s(self) -> float:
        """Seconds felt by this thread; read again when a delay fell between the two readings."""
        before_ns = self._delay_ns()
        for _ in range(TRIES):
            wall_s = time.perf_counter()
            after_ns = self._delay_ns()
            if after_ns == before_ns:
                break
            before_ns = after_ns
        return wall_s - before_ns * NS

    def _delay_ns(self) -> int:
        file = self._libc.open(SCHEDSTAT, os.O_RDONLY)
        if file < 0:
            msg = "there is no schedstat"
            raise OSError(msg)
        text = ctypes.create_string_buffer(ENOUGH_BYTES)
        self._libc.read(file, text, ENOUGH_BYTES - 1)
        self._libc.close(file)
        return int(text.value.split()[RUN_DELAY_FIELD])


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
