"""Callback time: how long the caller waits for observers of LangChain and LangGraph while its call runs.

Whatever logs through callbacks, ``mlflow.langchain.autolog`` as well as a hand-made handler, is called by two functions
of ``langchain_core``. Logging of another kind (a decorator, a patched client) cannot be separated from the code it is
in, and counts as the agent's.
"""

from __future__ import annotations

import functools
import sys
import threading
from typing import TYPE_CHECKING, Any

from e2i_eval.benchmark.timing.lap import own_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.benchmark.timing.lap import Moment

__all__ = ["CallbackTime"]

MODULES = ("langchain_core.callbacks.manager", "langgraph.callbacks")
FUNCTION, COROUTINE = "handle_event", "ahandle_event"


class CallbackTime:
    """Adds up what is spent in callbacks, in all threads."""

    def __init__(self, moment: Callable[[], Moment]) -> None:
        """Take the clock: ``moment`` returns the present moment of the thread that asks."""
        self._moment = moment
        self._lock = threading.Lock()
        self._spent_s = 0.0

    def watch(self) -> None:
        """Watch the functions that call callbacks, where they are loaded; may be called again."""
        for name in MODULES:
            module = sys.modules.get(name)
            for attribute, watched in ((FUNCTION, self._function), (COROUTINE, self._coroutine)):
                original = getattr(module, attribute, None)
                if original is not None and not hasattr(original, "__wrapped__"):
                    setattr(module, attribute, watched(original))

    def take(self) -> float:
        """Return the seconds since this was last called."""
        with self._lock:
            spent_s, self._spent_s = self._spent_s, 0.0
        return spent_s

    def _function(self, original: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401  handed on
            start = self._moment()
            try:
                return original(*args, **kwargs)
            finally:
                self._add(own_s(start, self._moment()))

        return watched

    def _coroutine(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        async def watched(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401  handed on
            start = self._moment()
            try:
                return await original(*args, **kwargs)
            finally:
                self._add(own_s(start, self._moment()))

        return watched

    def _add(self, spent_s: float) -> None:
        with self._lock:
            self._spent_s += spent_s
