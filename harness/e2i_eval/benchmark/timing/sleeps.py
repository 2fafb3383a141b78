"""The sleeps of a process: when each ``time.sleep`` began and ended, in whatever thread."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from e2i_eval.core.intervals import covered

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Sleeps"]


class Sleeps:
    """Takes note of sleeps."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Have each sleep say when it began and ended; what imported ``sleep`` by itself before does not."""
        sleep = time.sleep

        def sleep_and_tell(duration_s: float, /) -> None:
            start_s = time.perf_counter()
            try:
                sleep(duration_s)
            finally:
                self._spans.append((start_s, time.perf_counter()))

        time.sleep = sleep_and_tell  # type: ignore[assignment]  # there is no hook for a sleep
        try:
            yield
        finally:
            time.sleep = sleep

    def slept_s(self, *, since_s: float) -> float:
        """Return for how long at least one thread slept, of sleeps that have ended; those before are forgotten.

        Args:
            since_s: a reading of ``time.perf_counter``.
        """
        spans = [(max(start_s, since_s), end_s) for start_s, end_s in self._spans if end_s > since_s]
        self._spans.clear()
        return covered(spans)
