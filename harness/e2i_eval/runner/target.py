"""A target that was built from its entry point and can be called like any other."""

from __future__ import annotations

import dataclasses
import inspect
import math
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.coverage.reading import is_graph
from e2i_eval.core.entry_point import RAISED_BY_TARGETS, load_entry_point
from e2i_eval.core.errors import UsageError
from e2i_eval.core.plain import plain
from e2i_eval.core.run import Run, RunError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from e2i_eval.core.clock import Clock
    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.runner.config.settings import TargetSettings

__all__ = [
    "RAISED_BY_TARGETS",
    "BuiltTarget",
    "build_plain",
    "build_target",
    "is_async_only",
    "refuse_wrong_graph",
    "resolve",
]

WANTED = "a compiled LangGraph graph, a Runnable, or a callable(inputs) -> output"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTarget:
    """A target ready to be called.

    Attributes:
        name: its name in the configuration.
        function: from inputs to output, or to an awaitable of it.
        flush: sends what the target's logging still holds; None when it has no such function.
        runnable: the graph or Runnable that ``function`` calls; None when the target is a plain callable.
        graph: the compiled graph that is called somewhere inside; None when the configuration names none.
    """

    name: str
    function: Callable[[JsonObject], object]
    flush: Callable[[], object] | None
    runnable: Any = None
    graph: Any = None

    def call(
        self, inputs: JsonObject, *, clock: Clock, runner: asyncio.Runner, config: JsonObject | None = None
    ) -> Run:
        """Call the target once; whatever it raises becomes the run's error.

        ``runner`` serves every asynchronous call of a session, so that a client kept
        by the target between calls stays on the event loop it was made on.
        ``config`` goes to a graph or Runnable with its inputs, as LangChain's RunnableConfig; a plain callable, or one
        that was put before the graph, has no place for it.
        """
        output: object = None
        error: RunError | None = None
        started_at_s, start_s = clock.time_s(), clock.elapsed_s()
        try:
            output = self._direct(dict(inputs), config) if config else self.function(dict(inputs))
            if inspect.isawaitable(output):
                output = runner.run(_awaited(output))
        except RAISED_BY_TARGETS as raised:  # whatever a target raises is evidence, not our error
            error = _run_error(raised)
        duration_s = clock.elapsed_s() - start_s
        if error is None:
            output, error = _plain_output(output)
        return Run(output=None if error else output, error=error, started_at_s=started_at_s, duration_s=duration_s)

    def _direct(self, inputs: JsonObject, config: JsonObject) -> object:
        function: Callable[..., object] = self.function
        is_its_own = self.runnable is not None and getattr(function, "__self__", None) is self.runnable
        return function(inputs, config) if is_its_own else function(inputs)

    def send(self, *, runner: asyncio.Runner) -> None:
        """Have what the target's logging still holds sent.

        Raises:
            RAISED_BY_TARGETS: as ``flush`` raised it.
        """
        if self.flush is not None and inspect.isawaitable(sending := self.flush()):
            runner.run(_awaited(sending))


def build_target(settings: TargetSettings) -> BuiltTarget:
    """Switch the target's logging on, build it from its entry point, and make it callable.

    Raises:
        UsageError: something named in the configuration does not import, does not exist, breaks, or is no target.
    """
    if settings.logging:
        switch_on = resolve(settings, "logging")
        if not callable(switch_on):
            what = f"logging = {settings.logging!r} of target {settings.name!r} is no function"
            raise UsageError(what, where=settings.place("logging"))
        _guarded(settings, "logging", switch_on)
    flush = resolve(settings, "flush") if settings.flush else None
    if flush is not None and not callable(flush):
        what = f"flush = {settings.flush!r} of target {settings.name!r} is no function"
        raise UsageError(what, where=settings.place("flush"))
    function, runnable = _function(settings, resolve(settings, "entry"), "entry")
    graph = _graph(settings) if settings.graph else None
    return BuiltTarget(name=settings.name, function=function, flush=flush, runnable=runnable, graph=graph)


def refuse_wrong_graph(settings: TargetSettings) -> None:
    """Refuse a ``graph`` that leads nowhere, without calling what makes it.

    Raises:
        UsageError: it does not import, does not exist, or can be no graph.
    """
    if settings.graph and not (is_graph(found := resolve(settings, "graph")) or _is_factory(found)):
        raise _no_graph(settings, found)


def build_plain(settings: TargetSettings) -> BuiltTarget:
    """Build the target from its seam without logging, ``plain``; nothing is switched on.

    Raises:
        UsageError: what ``plain`` names does not import, does not exist, breaks, or is no target.
    """
    function, runnable = _function(settings, resolve(settings, "plain"), "plain")
    return BuiltTarget(name=settings.name, function=function, flush=None, runnable=runnable)


def resolve(settings: TargetSettings, key: str) -> Any:  # noqa: ANN401  an entry point may be anything
    """Import what the target's ``key`` names.

    Raises:
        UsageError: the module or the attribute does not exist, or importing it raises.
    """
    value = getattr(settings, key)
    subject = f"{key} = {value!r} of target {settings.name!r}"
    return load_entry_point(value, subject=subject, where=settings.place(key))


def _function(settings: TargetSettings, entry: Any, key: str) -> tuple[Callable[[JsonObject], object], Any]:  # noqa: ANN401
    """Return how to call what ``key`` names, and the Runnable behind it, if any."""
    if not _is_runnable(entry) and callable(entry) and not _takes_inputs(entry):
        entry = _guarded(settings, key, entry)
    if _is_runnable(entry):
        call: Callable[[JsonObject], object] = entry.ainvoke if is_async_only(entry) else entry.invoke
        return call, entry
    if callable(entry):
        function: Callable[[JsonObject], object] = entry
        return function, None
    given = f"{_described(entry)}, which cannot be called{_uncompiled(entry)}"
    what = f"{key} = {getattr(settings, key)!r} of target {settings.name!r} gives {given}"
    raise UsageError(what, where=settings.place(key), fix=f"let it give {WANTED}")


def _graph(settings: TargetSettings) -> Any:  # noqa: ANN401  LangGraph is not imported here
    found = resolve(settings, "graph")
    if not is_graph(found) and _is_factory(found):
        found = _guarded(settings, "graph", found)
    if not is_graph(found):
        raise _no_graph(settings, found)
    return found


def _is_factory(value: object) -> bool:
    return callable(value) and not _is_runnable(value) and not _takes_inputs(value)


def _no_graph(settings: TargetSettings, found: object) -> UsageError:
    given = f"{_described(found)}, no compiled LangGraph graph{_uncompiled(found)}"
    what = f"graph = {settings.graph!r} of target {settings.name!r} gives {given}"
    return UsageError(what, where=settings.place("graph"), fix="name a compiled graph, or a function() that makes one")


def _described(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _uncompiled(value: object) -> str:
    return "; call .compile() on it" if hasattr(value, "compile") and hasattr(value, "add_node") else ""


def _guarded(settings: TargetSettings, key: str, function: Callable[[], object]) -> Any:  # noqa: ANN401
    try:
        return function()
    except RAISED_BY_TARGETS as error:
        value = getattr(settings, key)
        what = f"{key} = {value!r} of target {settings.name!r} raised {type(error).__name__}: {error}"
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(what, where=settings.place(key), fix=f"look at {last.filename}:{last.lineno}") from error


def _is_runnable(value: object) -> bool:
    return callable(getattr(value, "invoke", None)) and not isinstance(value, type)


def _takes_inputs(function: Callable[..., object]) -> bool:
    """Tell a callable(inputs) from a factory: only the former cannot be called without an argument."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(
        each.default is each.empty and each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
        for each in parameters
    )


def is_async_only(runnable: object) -> bool:
    """Tell whether some node of a LangGraph graph can only be awaited, also behind ``with_config``."""
    nodes = getattr(getattr(runnable, "bound", runnable), "nodes", None)
    if not isinstance(nodes, Mapping):
        return False
    bounds = (getattr(node, "bound", None) for node in nodes.values())
    return any(getattr(each, "func", math) is None and getattr(each, "afunc", None) is not None for each in bounds)


async def _awaited(awaitable: Any) -> object:  # noqa: ANN401  asyncio.Runner takes coroutines only
    return await awaitable


def _plain_output(output: object) -> tuple[JsonValue, RunError | None]:
    try:
        return plain(output), None
    except Exception as error:  # noqa: BLE001  an output refers to itself, or one of its own conversions raises
        raised = _run_error(error)
        return None, dataclasses.replace(raised, message=f"its output has no form as plain data: {raised.message}")


def _run_error(error: BaseException) -> RunError:
    bases = tuple(each.__name__ for each in type(error).__mro__[1:] if each is not object)
    return RunError(
        type=type(error).__name__,
        bases=bases,
        message=str(error),
        traceback="".join(traceback.format_exception(error)),
    )
