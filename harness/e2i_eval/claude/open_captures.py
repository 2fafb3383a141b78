"""The deck: the tapes that are open, and which of them a request belongs to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.claude.capture import Tape
    from e2i_eval.claude.recording import Call

__all__ = ["Deck", "last_call"]

# Two context variables, because the SDK offers no argument that reaches the transport, and contexts
# follow asyncio tasks, LangGraph's threads and `asyncio.to_thread` by themselves.
_TAPE: ContextVar[Tape | None] = ContextVar("e2i_eval_tape", default=None)

last_call: ContextVar[tuple[Tape, Call, bytes] | None] = ContextVar("e2i_eval_last_call", default=None)
"""The call this context made last and its body: the SDK retries in the context of the first attempt."""


class Deck:
    """The open tapes of one wire."""

    def __init__(self) -> None:
        self._open: list[Tape] = []
        self._lock = threading.Lock()

    @property
    def tapes(self) -> tuple[Tape, ...]:
        """The open tapes, oldest first."""
        with self._lock:
            return tuple(self._open)

    def current(self) -> Tape | None:
        """Return the tape of this context, else the only one that is open, else None.

        A bare ``threading.Thread`` starts with an empty context (before Python 3.14), so its requests are
        attributed as long as one case runs at a time.
        """
        tape = _TAPE.get()
        tapes = self.tapes
        if tape is not None and any(tape is candidate for candidate in tapes):
            return tape
        return tapes[0] if len(tapes) == 1 else None

    @contextmanager
    def playing(self, tape: Tape) -> Iterator[Tape]:
        """Keep ``tape`` open for the block, in this context and those started from it."""
        before = _TAPE.get()
        with self._lock:
            self._open.append(tape)
        _TAPE.set(tape)
        try:
            yield tape
        finally:
            # Set, not reset by token: a fixture may be torn down in another context than it was set up in.
            _TAPE.set(before)
            with self._lock:
                self._open.remove(tape)
            tape.close()
