"""The fault injector: where a fault is put between a target, its logging and the server, and taken away again."""

from __future__ import annotations

import contextlib
import inspect
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from e2i_eval.benchmark.timing.stopwatch import system_stopwatch
from e2i_eval.faults.sent_span import rewritten
from e2i_eval.runner.target import build_target
from e2i_eval.tracking.traffic import Handling, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.faults import ControlRun, Fault
    from e2i_eval.runner.config.settings import TargetSettings
    from e2i_eval.runner.target import BuiltTarget

__all__ = ["Border", "FaultInjector"]

MS = 1000.0


class Border(Protocol):
    """What the logging of all targets passes on its way to the server."""

    def intercepting(self, decide: Callable[[HttpRequest], Handling] | None) -> AbstractContextManager[None]:
        """Let ``decide`` say what becomes of each request."""


class FaultInjector:
    """Builds targets that can be broken, and breaks one thing at a time.

    Attributes:
        adjusted_ms: how long the caller of the last call waited, without the time for which the machine had no core;
            None where that is not known: nothing was called, or what was called returned before it was done.
    """

    def __init__(self, border: Border) -> None:
        self.adjusted_ms: float | None = None
        self._border = border
        self._stopwatch = system_stopwatch()
        self._breakage: _Breakage | None = None

    def build(self, settings: TargetSettings) -> BuiltTarget:
        """Build a target that is called through whatever is broken at the moment.

        Raises:
            UsageError: as ``build_target`` raises it.
        """
        built = build_target(settings)

        def call(inputs: JsonObject) -> object:
            breakage = self._breakage
            function = breakage.function(built.function) if breakage else built.function
            self.adjusted_ms = None
            begun_s = self._stopwatch.read_s()
            output = function(inputs)
            if not inspect.isawaitable(output):
                self.adjusted_ms = (self._stopwatch.read_s() - begun_s) * MS
            return output

        return replace(built, function=call)

    @contextlib.contextmanager
    def broken(self, fault: Fault, control_run: ControlRun) -> Iterator[Counter]:
        """Put ``fault`` in force, and count how often it changes something."""
        breakage = _Breakage(fault, control_run)
        patched = fault.model(control_run, breakage.counter.add) if fault.model else contextlib.nullcontext()
        self._breakage = breakage
        try:
            with patched, self._border.intercepting(breakage.handling):
                yield breakage.counter
        finally:
            self._breakage = None


class Counter:
    """Counts in several threads."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        """Count one more."""
        with self._lock:
            self.count += 1


class _Breakage:
    def __init__(self, fault: Fault, control_run: ControlRun) -> None:
        self._fault = fault
        self._control_run = control_run
        self.counter = Counter()

    def function(self, function: Callable[[JsonObject], object]) -> Callable[[JsonObject], object]:
        """Return what is called in place of the target."""
        if self._fault.call is None:
            return function
        return self._fault.call(function, self._control_run, self.counter.add)

    def handling(self, message: HttpRequest) -> Handling:
        """Decide about one request of the target's logging."""
        changed = self._with_other_spans(message)
        decided = self._fault.request(changed, self._control_run) if self._fault.request else None
        handling = Handling(send=(changed,)) if decided is None else decided
        if handling != Handling(send=(message,)):
            self.counter.add()
        return handling

    def _with_other_spans(self, message: HttpRequest) -> HttpRequest:
        edit = self._fault.spans
        if edit is None or not message.has_spans:
            return message
        return replace(message, body=rewritten(message.body, lambda spans: edit(spans, self._control_run)))
