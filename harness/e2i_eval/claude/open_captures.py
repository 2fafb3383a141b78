"""The open captures: the captures that are open, and which of them a request belongs to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.claude.capture import Capture
    from e2i_eval.claude.recording import Call

__all__ = ["OpenCaptures", "last_call"]

# Two context variables, because the SDK offers no argument that reaches the transport, and contexts
# follow asyncio tasks, LangGraph's threads and `asyncio.to_thread` by themselves.
_CAPTURE: ContextVar[Capture | None] = ContextVar("e2i_eval_tape", default=None)

last_call: ContextVar[tuple[Capture, Call, bytes] | None] = ContextVar("e2i_eval_last_call", default=None)
"""The call this context made last and its body: the SDK retries in the context of the first attempt."""


class OpenCaptures:
    """The open captures of one wire."""

    def __init__(self) -> None:
        self._open: list[Capture] = []
        self._lock = threading.Lock()

    @property
    def captures(self) -> tuple[Capture, ...]:
        """The open captures, oldest first."""
        with self._lock:
            return tuple(self._open)

    def current(self) -> Capture | None:
        """Return the capture of this context, else the only one that is open, else None.

        A bare ``threading.Thread`` starts with an empty context (before Python 3.14), so its requests are
        attributed as long as one case runs at a time.
        """
        capture = _CAPTURE.get()
        captures = self.captures
        if capture is not None and any(capture is candidate for candidate in captures):
            return capture
        return captures[0] if len(captures) == 1 else None

    @contextmanager
    def playing(self, capture: Capture) -> Iterator[Capture]:
        """Keep ``capture`` open for the block, in this context and those started from it."""
        before = _CAPTURE.get()
        with self._lock:
            self._open.append(capture)
        _CAPTURE.set(capture)
        try:
            yield capture
        finally:
            # Set, not reset by token: a fixture may be torn down in another context than it was set up in.
            _CAPTURE.set(before)
            with self._lock:
                self._open.remove(capture)
            capture.close()
