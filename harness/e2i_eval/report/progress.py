"""How far a session is, in a few words."""

from __future__ import annotations

from e2i_eval.report.numbers import count

__all__ = ["progress_line"]

FEWEST_DONE = 3
FEWEST_S = 2.0
"""Before either, the past says too little of what is left."""


def progress_line(done: int, total: int, *, failed: int, elapsed_s: float) -> str:
    """Return counts and, once it can be estimated, the time left.

    Args:
        done: tests that have ended.
        total: all tests.
        failed: of those that have ended.
        elapsed_s: since the first one began.
    """
    parts = [f"{count(done)}/{count(total)}"]
    if failed:
        parts.append(f"{count(failed)} failed")
    if done >= FEWEST_DONE and elapsed_s >= FEWEST_S and total > done:
        minutes, seconds = divmod(round(elapsed_s / done * (total - done)), 60)
        parts.append(f"about {minutes}:{seconds:02d} left")
    return " · ".join(parts)
