"""An outcome: all that the caller of one call gets to see, as plain data that can be compared."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from e2i_eval.core.plain import plain
from e2i_eval.runner.target import RAISED_BY_TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["STREAM_MODES", "Outcome", "observed", "without_ids"]

STREAM_MODES = ["values", "updates", "messages", "custom"]
"""Those of LangGraph that a program relies on; ``debug`` and ``tasks`` hold times of day."""

VOLATILE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")
"""Ids that are drawn anew for each call: UUIDs of runs, tasks and messages, with and without hyphens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one call gave its caller.

    Attributes:
        output: what it returned, as plain data; for a stream None.
        type: the class of what it returned; empty when it raised.
        chunks: what it streamed, in order; empty for a plain call.
        error: class name and message of what it raised; empty when it returned.
        inputs: the caller's own inputs after the call: they are the caller's, and nobody else may change them.
    """

    output: JsonValue = None
    type: str = ""
    chunks: tuple[JsonValue, ...] = ()
    error: tuple[str, ...] = ()
    inputs: JsonObject = field(default_factory=dict)

    def data(self) -> JsonObject:
        """Return all of it as one value, ids that are drawn anew replaced by their order of appearance."""
        return cast(
            "JsonObject",
            without_ids(
                {
                    "output": self.output,
                    "type": self.type,
                    "chunks": list(self.chunks),
                    "error": list(self.error),
                    "inputs": self.inputs,
                }
            ),
        )


def observed(call: Callable[[JsonObject], object], inputs: JsonObject, *, is_stream: bool) -> Outcome:
    """Make a call and keep what it gave.

    Args:
        call: takes the inputs; gives an output, or with ``is_stream`` an iterable of chunks.
        inputs: handed over as a copy.
        is_stream: read the chunks one by one, those before an error too.
    """
    given = copy.deepcopy(inputs)
    chunks: list[JsonValue] = []
    output: Any = None
    try:
        output = call(given)
        if is_stream:
            _read(output, chunks)
    except RAISED_BY_TARGETS as error:  # what it raises is part of what the caller gets
        said = (type(error).__name__, str(error))
        return Outcome(chunks=tuple(chunks), error=said, inputs=cast("JsonObject", plain(given)))
    kept = cast("JsonObject", plain(given))
    if is_stream:
        return Outcome(chunks=tuple(chunks), inputs=kept)
    named = f"{type(output).__module__}.{type(output).__qualname__}"
    return Outcome(output=plain(output), type=named, inputs=kept)


def without_ids(value: JsonValue) -> JsonValue:
    """Return ``value`` with every volatile id replaced by its number, so that equal ids stay equal."""
    numbers: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"<id {len(numbers) + 1}>")

    def walked(each: JsonValue) -> JsonValue:
        if isinstance(each, str):
            return VOLATILE_ID.sub(numbered, each)
        if isinstance(each, dict):
            return {VOLATILE_ID.sub(numbered, key): walked(held) for key, held in each.items()}
        return [walked(held) for held in each] if isinstance(each, list) else each

    return walked(value)


def _read(stream: Iterable[object], chunks: list[JsonValue]) -> None:
    for chunk in stream:
        chunks.append(plain(chunk))  # noqa: PERF401  those before an error are kept
