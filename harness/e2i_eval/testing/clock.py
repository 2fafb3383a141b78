"""A clock that moves only when a test moves it."""

from __future__ import annotations

__all__ = ["ManualClock"]


class ManualClock:
    """Time as a test wants it; ``sleep`` moves it without waiting."""

    def __init__(self, *, start_s: float = 1_700_000_000.0) -> None:
        self._start_s = start_s
        self._elapsed_s = 0.0

    def time_s(self) -> float:
        """Seconds since the epoch."""
        return self._start_s + self._elapsed_s

    def elapsed_s(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_s

    def sleep(self, duration_s: float) -> None:
        """Move the clock on."""
        self._elapsed_s += duration_s
