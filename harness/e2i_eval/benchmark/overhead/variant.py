"""A variant: the target with or without logging, and the calls made to it."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import inspect
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from e2i_eval.benchmark.overhead.attribution import CALL_KEY, MarkedCall
from e2i_eval.benchmark.timing.stopwatch import elapsed
from e2i_eval.runner.target import RAISED_BY_TARGETS, is_async_only

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e2i_eval.benchmark.overhead.callers import Callers
    from e2i_eval.benchmark.overhead.pairing import VariantName
    from e2i_eval.benchmark.timing.stopwatch import Stopwatch
    from e2i_eval.core.case import Case
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.ports import Claude, OpenCapture
    from e2i_eval.runner.target import BuiltTarget

__all__ = ["Calls", "Logger", "Variant", "is_asynchronous"]

MS = 1_000.0

Stopped: TypeAlias = "Callable[[], AbstractContextManager[Callable[[], float]]]"
"""Measures a block; what it yields gives the seconds once the block has ended."""


class Logger(Protocol):
    """The process's logging to the tracking server, so far as it can be controlled."""

    def silenced(self) -> AbstractContextManager[None]:
        """Switch off what is logged by MLflow in the block and everything started from it."""

    def marked(self, tags: Mapping[str, str]) -> AbstractContextManager[None]:
        """Put ``tags`` on the traces that MLflow begins in the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the two things compared.

    Attributes:
        name: with logging or without.
        target: what is called.
        logger: is silenced in the variant without logging.
    """

    name: VariantName
    target: BuiltTarget
    logger: Logger

    def quiet(self) -> AbstractContextManager[None]:
        """Return the state of logging that belongs to this variant."""
        return self.logger.silenced() if self.name == "plain" else nullcontext()


class Calls:
    """Makes the calls of one measurement, each with a marker of its own, and remembers them.

    Attributes:
        made: every call so far.
        notes: what went wrong between them and Claude, one sentence each.
    """

    def __init__(
        self, case: Case, *, claude: Claude, stopwatch: Stopwatch, logger: Logger, runner: asyncio.Runner
    ) -> None:
        self.made: list[MarkedCall] = []
        self.notes: list[str] = []
        self._case = case
        self._claude = claude
        self._stopwatch = stopwatch
        self._logger = logger
        self._runner = runner
        self._numbers = itertools.count()

    def block(self, variant: Variant, callers: Callers, each: int) -> float:
        """Let ``callers`` make ``each`` calls, and return what one of them waited a call, in milliseconds, the mean.

        Garbage is collected before, so that neither variant pays for the other's.
        """
        gc.collect()
        with variant.quiet():
            if callers.kind == "threads":
                waited = self._by_threads(variant, callers.count, each)
            elif callers.kind == "tasks" or is_asynchronous(variant.target):
                waited = self._runner.run(
                    self._by_tasks(variant, callers.count, each), context=contextvars.copy_context()
                )
            else:
                waited = [self._once(variant, self._stopwatch.alone) for _ in range(each)]
        return fmean(waited)

    def _by_threads(self, variant: Variant, count: int, each: int) -> list[float]:
        together = threading.Barrier(count)

        def work() -> list[float]:
            together.wait()
            return [self._once(variant, self._among) for _ in range(each)]

        with ThreadPoolExecutor(count) as pool:
            under_way = [pool.submit(contextvars.copy_context().run, work) for _ in range(count)]
            return [waited for future in under_way for waited in future.result()]

    async def _by_tasks(self, variant: Variant, count: int, each: int) -> list[float]:
        stopped = self._among if count > 1 else self._stopwatch.alone

        async def work() -> list[float]:
            return [await self._once_awaited(variant, stopped) for _ in range(each)]

        return [waited for caller in await asyncio.gather(*(work() for _ in range(count))) for waited in caller]

    def _once(self, variant: Variant, stopped: Stopped) -> float:
        marker = self._marker(variant)
        with self._capture(marker) as capture, self._logger.marked({CALL_KEY: marker}):
            inputs = copy.deepcopy(self._case.inputs)
            with stopped() as waited_s, suppress(*RAISED_BY_TARGETS):  # what it raises is compared, in calls of its own
                _invoke(variant.target, inputs, marker)
        self._keep(marker, variant, capture)
        return waited_s() * MS

    async def _once_awaited(self, variant: Variant, stopped: Stopped) -> float:
        marker = self._marker(variant)
        with self._capture(marker) as capture, self._logger.marked({CALL_KEY: marker}):
            inputs = copy.deepcopy(self._case.inputs)
            with stopped() as waited_s, suppress(*RAISED_BY_TARGETS):
                await _ainvoke(variant.target, inputs, marker)
        self._keep(marker, variant, capture)
        return waited_s() * MS

    def _among(self) -> AbstractContextManager[Callable[[], float]]:
        """Measure a block of one caller among others, whose threads cannot be distinguished from its own."""
        return elapsed(self._stopwatch.read_s)

    def _marker(self, variant: Variant) -> str:
        return f"{variant.name}-{next(self._numbers)}"

    def _capture(self, marker: str) -> AbstractContextManager[OpenCapture]:
        """Open a capture whose answers have ids of their own: they are derived from the case's id."""
        return self._claude.capture(replace(self._case, id=f"{self._case.id}~{marker}"))

    def _keep(self, marker: str, variant: Variant, capture: OpenCapture) -> None:
        ids = frozenset(found for exchange in capture.exchanges if (found := _message_id(exchange)))
        self.made.append(MarkedCall(marker=marker, variant=variant.name, message_ids=ids))
        self.notes += [note.message for note in capture.notes]


def is_asynchronous(target: BuiltTarget) -> bool:
    """Tell whether a target can only be awaited."""
    if target.runnable is not None:
        return is_async_only(target.runnable)
    return inspect.iscoroutinefunction(target.function)


def _invoke(target: BuiltTarget, inputs: Any, marker: str) -> object:  # noqa: ANN401  any JSON
    if target.runnable is None:
        return target.function(inputs)
    return target.runnable.invoke(inputs, config={"metadata": {CALL_KEY: marker}})


async def _ainvoke(target: BuiltTarget, inputs: Any, marker: str) -> object:  # noqa: ANN401
    if target.runnable is None:
        output = target.function(inputs)
        return await output if inspect.isawaitable(output) else output
    return await target.runnable.ainvoke(inputs, config={"metadata": {CALL_KEY: marker}})


def _message_id(exchange: Exchange) -> str:
    return str((exchange.response or {}).get("id", "")) if exchange.error is None else ""
