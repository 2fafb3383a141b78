"""Kinds of calls by which the variants are compared: the case, Claude refusing, and inputs that are missing."""

from __future__ import annotations

import contextvars
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from e2i_eval.benchmark.overhead.outcome import STREAM_MODES, Outcome, observed
from e2i_eval.benchmark.overhead.transparency import Transparency, compared
from e2i_eval.benchmark.overhead.variant import is_asynchronous
from e2i_eval.core.case import ScriptedAnswer, ScriptedError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from e2i_eval.benchmark.overhead.variant import Variant
    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.ports import Claude

__all__ = ["transparency_of"]

REFUSAL = ScriptedAnswer(error=ScriptedError(status=401, message="refused to compare errors"), times=1_000)


def transparency_of(
    case: Case, plain: Variant, logged: Variant, *, claude: Claude, runner: asyncio.Runner
) -> Transparency:
    """Compare what the two variants give: output, stream and errors, each in three situations."""
    ways = (False, True) if plain.target.runnable is not None else (False,)
    found = [
        compared(
            f"{situation}, {'stream' if is_stream else 'invoke'}",
            partial(_outcome, plain, each, is_stream, claude, runner),
            partial(_outcome, logged, each, is_stream, claude, runner),
        )
        for situation, each in _situations(case)
        for is_stream in ways
    ]
    return Transparency(
        differences=tuple(each for look in found for each in look.differences),
        not_compared=tuple(each for look in found for each in look.not_compared),
    )


def _situations(case: Case) -> Iterator[tuple[str, Case]]:
    yield "the case", case
    yield "Claude refuses", replace(case, script=(REFUSAL,))
    yield "no inputs", replace(case, inputs={})


def _outcome(variant: Variant, case: Case, is_stream: bool, claude: Claude, runner: asyncio.Runner) -> Outcome:  # noqa: FBT001  passed on
    call = _streaming(variant, runner) if is_stream else _invoking(variant, runner)
    with claude.capture(case), variant.quiet():
        return observed(call, case.inputs, is_stream=is_stream)


def _invoking(variant: Variant, runner: asyncio.Runner) -> Callable[[JsonObject], object]:
    if not is_asynchronous(variant.target):
        return variant.target.function

    async def awaited(inputs: JsonObject) -> object:
        output: Any = variant.target.function(inputs)
        return await output

    return lambda inputs: runner.run(awaited(inputs), context=contextvars.copy_context())


def _streaming(variant: Variant, runner: asyncio.Runner) -> Callable[[JsonObject], object]:
    runnable = variant.target.runnable
    is_graph = hasattr(getattr(runnable, "bound", runnable), "stream_mode")
    modes: dict[str, Any] = {"stream_mode": STREAM_MODES} if is_graph else {}
    if not is_asynchronous(variant.target):
        return lambda inputs: runnable.stream(inputs, **modes)

    async def streamed(inputs: JsonObject) -> list[object]:
        return [chunk async for chunk in runnable.astream(inputs, **modes)]

    return lambda inputs: runner.run(streamed(inputs), context=contextvars.copy_context())
