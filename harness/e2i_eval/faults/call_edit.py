"""Changing what is logged of calls: attributes, outputs, counts, whatever library wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.faults.sent_span import OUTPUTS, Spans, calls
from e2i_eval.faults.values import each_mapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonValue

__all__ = ["INPUT_KEYS", "OUTPUT_KEYS", "STOP_KEYS", "TOTAL_KEYS", "counted", "in_calls", "in_outputs", "without_keys"]

INPUT_KEYS = ("input_tokens", "prompt_tokens")
OUTPUT_KEYS = ("output_tokens", "completion_tokens")
TOTAL_KEYS = ("total_tokens",)
STOP_KEYS = ("stop_reason", "finish_reason")


def in_calls(spans: Spans, change: Callable[[JsonValue], JsonValue]) -> None:
    """Change the attributes of every call."""
    for span in calls(spans):
        span.attributes = change(span.attributes)


def in_outputs(spans: Spans, change: Callable[[JsonValue], JsonValue]) -> None:
    """Change the output of every call that has one."""
    for span in calls(spans):
        if OUTPUTS in span.attributes:
            span.attributes[OUTPUTS] = change(span.attributes[OUTPUTS])


def counted(spans: Spans, keys: tuple[str, ...], count: Callable[[int, dict[str, JsonValue]], int]) -> Spans:
    """Change counts under ``keys`` in every mapping that holds token counts."""

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if not any(key in each for key in (*INPUT_KEYS, *OUTPUT_KEYS)):
            return each
        return {
            key: count(value, each) if key in keys and isinstance(value, int) else value for key, value in each.items()
        }

    in_calls(spans, lambda value: each_mapping(value, change))
    return spans


def without_keys(each: dict[str, JsonValue], keys: tuple[str, ...]) -> dict[str, JsonValue]:
    """Return a mapping without some of its keys."""
    return {key: value for key, value in each.items() if key not in keys}
