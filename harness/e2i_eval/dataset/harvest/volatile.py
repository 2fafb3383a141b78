"""Volatile values: what in a stored output no other run of the same agent can repeat, and how that is seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.trace import Trace

__all__ = ["Uncompared", "day_in", "uncompared"]

ID = re.compile(
    r"\b(?:req|msg|toolu)_[A-Za-z0-9]{8,}|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    re.IGNORECASE,
)
INSTANT = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?")
MARGIN = timedelta(minutes=1)
"""Clocks of two machines differ, and a text may leave the seconds out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncompared:
    """A value of the output that is not compared.

    Attributes:
        path: DeepDiff's path.
        why: the reason, for a person.
    """

    path: str
    why: str


def uncompared(output: JsonValue, trace: Trace, placeholder: re.Pattern[str] | None) -> tuple[Uncompared, ...]:
    """Return the values of ``output`` that another run cannot give again.

    Args:
        output: what the target returned.
        trace: shows when it ran: an instant of that time was read from the clock.
        placeholder: what the logging puts in place of text it must not keep; None when it keeps all.
    """
    begun = datetime.fromtimestamp(trace.started_at_s, UTC)
    ended = begun + timedelta(seconds=trace.duration_s or 0.0)

    def why(text: str) -> str:
        if placeholder is not None and placeholder.search(text):
            return "the logging kept a placeholder"
        if ID.search(text):
            return "it holds an id that is made anew in every run"
        if any(begun - MARGIN <= at <= ended + MARGIN for at in _instants(text)):
            return "the agent reads the clock"
        return ""

    return tuple(Uncompared(path=path, why=reason) for path, text in _texts(output) if (reason := why(text)))


def day_in(request: JsonObject, inputs: JsonObject, trace: Trace) -> str:
    """Return the day of the trace when the prompt holds it and the inputs do not; empty when it does not."""
    day = datetime.fromtimestamp(trace.started_at_s, UTC).date().isoformat()
    asked = any(re.search(rf"{day}(?![T ]\d\d:)", text) for _, text in _texts(request))
    return day if asked and not any(day in text for _, text in _texts(inputs)) else ""


def _instants(text: str) -> Iterator[datetime]:
    for found in INSTANT.finditer(text):
        try:
            yield datetime.fromisoformat(found[0]).replace(tzinfo=UTC)
        except ValueError:
            continue


def _texts(value: JsonValue, path: str = "root") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, f"{path}[{str(name)!r}]")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}[{index}]")
