"""A case session: a case that is running, to those of its requests that come from another process."""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

from e2i_eval.claude.open_captures import last_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude.capture import Capture
    from e2i_eval.claude.recording import Call

__all__ = ["CaseSession"]

Result = TypeVar("Result")


class CaseSession:
    """Answers requests in the context in which the case runs, whichever thread they are served by.

    Made while the case's capture is open in the current context.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self._context = copy_context()
        self._calls: list[tuple[bytes, Call]] = []
        self._lock = threading.Lock()

    def ask(self, send: Callable[[], Result], *, body: bytes, attempt: int) -> Result:
        """Send a request as if the case itself did; return what ``send`` returns.

        Args:
            send: takes the request to whoever answers.
            body: of the request; the same in every attempt of a call.
            attempt: n for the n-th retry of a call, as the client says.
        """
        context = self._context.copy()  # a context can be entered by one thread at a time
        context.run(last_call.set, self._retried(body, attempt))
        try:
            return context.run(send)
        finally:  # before the client hears anything, and may try again
            self._keep(context.get(last_call), body)

    def _retried(self, body: bytes, attempt: int) -> tuple[Capture, Call, bytes] | None:
        """Return the last call of this body that was attempted so often: several may be under way at once."""
        if not attempt:
            return None
        with self._lock:
            calls = [call for known, call in self._calls if known == body]
        fitting = [call for call in calls if call.attempts == attempt] or calls
        return (self.capture, fitting[-1], body) if fitting else None

    def _keep(self, last: tuple[Capture, Call, bytes] | None, body: bytes) -> None:
        if last is None:
            return
        with self._lock:
            if all(call is not last[1] for _, call in self._calls):
                self._calls.append((body, last[1]))
