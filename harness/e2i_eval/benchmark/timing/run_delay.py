"""Run-queue delay: the time for which a thread could have run and was not given a core.

Linux counts it in nanoseconds, the second field of ``/proc/<pid>/task/<tid>/schedstat`` (Linux,
Documentation/scheduler/sched-stats). The first, the time for which it ran, is brought up to date at a scheduler's tick
only; ``time.thread_time`` is exact.
"""

from __future__ import annotations

import ctypes
import os

__all__ = ["NS", "OwnRunDelay", "run_delay_ns"]

SCHEDSTAT = b"/proc/thread-self/schedstat"
RUN_DELAY_FIELD = 1
NS = 1e-9
ENOUGH_BYTES = 96


class OwnRunDelay:
    """Reads the delay of the thread that asks, without letting another thread go first."""

    def __init__(self) -> None:
        """Take the C library's functions.

        Raises:
            OSError: the system does not report run-queue delay.
        """
        # PyDLL keeps the interpreter's lock: ``open`` of Python passes it to another thread, and with several callers
        # the readings were then off by the tens of milliseconds until it came back
        self._libc = ctypes.PyDLL(None)
        self.read_ns()

    def read_ns(self) -> int:
        """Return the delay since the thread began, in nanoseconds."""
        file = self._libc.open(SCHEDSTAT, os.O_RDONLY)
        if file < 0:
            msg = "there is no schedstat"
            raise OSError(msg)
        text = ctypes.create_string_buffer(ENOUGH_BYTES)
        self._libc.read(file, text, ENOUGH_BYTES - 1)
        self._libc.close(file)
        return run_delay_ns(text.value)


def run_delay_ns(schedstat: bytes) -> int:
    """Return the delay in a ``schedstat`` file, in nanoseconds.

    Raises:
        ValueError: it is no number.
        IndexError: it has too few fields.
    """
    return int(schedstat.split()[RUN_DELAY_FIELD])
