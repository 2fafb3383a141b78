"""Time as something that is passed in."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tells time and waits."""

    def time_s(self) -> float:
        """Seconds since the epoch, as trace stores record it."""

    def elapsed_s(self) -> float:
        """Seconds of a monotonic clock with an arbitrary zero, for durations."""

    def sleep(self, duration_s: float) -> None:
        """Wait ``duration_s`` seconds."""


class SystemClock:
    """The machine's clock."""

    def time_s(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def elapsed_s(self) -> float:
        """Seconds of ``time.perf_counter``."""
        return time.perf_counter()

    def sleep(self, duration_s: float) -> None:
        """Wait ``duration_s`` seconds."""
        time.sleep(duration_s)
