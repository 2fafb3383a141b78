"""Consistency: what no single key of a case file shows, judged before any key is validated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.dataset.case_file.judge_form import judge_contradictions
from e2i_eval.dataset.case_file.schema import known_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["Contradiction", "contradictions"]

BLOCK_KEYS = ("text", "thinking", "redacted_thinking", "tool_use")
OUTPUT_KEYS = ("ignore", "ignore_regex", "ignore_order", "tolerance")
RULE_KEYS = ("values", "metrics", "params", "tags")

Contradiction = tuple[str, str, str]
"""Dotted path of the key, what is wrong, what to type."""


def contradictions(data: JsonObject) -> Iterator[Contradiction]:
    """Yield what is inconsistent in the raw ``data`` of a case file; parts of a wrong type are passed over."""
    entries = data.get("claude")
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            yield from _in_entry(entry, f"claude.{index}")
    expect = data.get("expect")
    if isinstance(expect, dict):
        yield from _in_expectation(expect)


def _in_entry(entry: JsonObject, path: str) -> Iterator[Contradiction]:
    blocks = [key for key in BLOCK_KEYS if key in entry]
    answers = [*blocks, *(["content"] if "content" in entry else [])]
    if not answers and "error" not in entry and "fault" not in entry and not _has_unknown(entry, path):
        yield path, f"{path} says nothing", "give it text, thinking, tool_use, content, error or fault"
    if "content" in entry and blocks:
        yield f"{path}.content", f"{path} has both 'content' and '{blocks[0]}'", f"move '{blocks[0]}' into 'content'"
    if "error" in entry:
        for key in (*answers, "fault", "stop_reason", "usage"):
            if key in entry:
                what = f"{path} has both 'error' and '{key}', but an HTTP error has no {key}"
                yield f"{path}.{key}", what, "make two entries of it, the error first"
    if "usage" in entry:
        yield from _in_usage(entry["usage"], f"{path}.usage")


def _has_unknown(mapping: JsonObject, path: str) -> bool:
    """Tell whether a misspelled key, which is a mistake of its own, may be the one that is missing."""
    return not set(mapping) <= set(known_keys(path.split(".")))


def _in_usage(usage: JsonValue, path: str) -> Iterator[Contradiction]:
    parts = usage.get("cache_creation") if isinstance(usage, dict) else None
    if not isinstance(parts, dict) or not all(isinstance(count, int) for count in parts.values()):
        return
    total = usage.get("cache_creation_input_tokens", sum(parts.values()))
    if total != sum(parts.values()):
        key = f"{path}.cache_creation_input_tokens"
        yield key, f"{key} is {total}, but cache_creation sums to {sum(parts.values())}", "leave the total out"


def _in_expectation(expect: JsonObject) -> Iterator[Contradiction]:
    if "output" not in expect and not _has_unknown(expect, "expect"):
        for key in OUTPUT_KEYS:
            if key in expect:
                yield f"expect.{key}", f"expect.{key} has no effect without expect.output", f"remove '{key}'"
    if "error" in expect:
        for key in ("output", "values", "judges"):
            if key in expect:
                what = f"expect has both 'error' and '{key}', but a target that raises has no output"
                yield f"expect.{key}", what, f"remove '{key}' or 'error'"
    yield from judge_contradictions(expect.get("judges"), "expect.judges")
    for group in RULE_KEYS:
        rules = expect.get(group)
        for name, rule in rules.items() if isinstance(rules, dict) else ():
            yield from _in_rule(rule, f"expect.{group}.{name}")


def _in_rule(rule: JsonValue, path: str) -> Iterator[Contradiction]:
    if rule == {}:
        yield path, f"{path} is a rule that demands nothing", "give it equals, min, max, contains, matches or one_of"
    if isinstance(rule, dict):
        low, high = rule.get("min"), rule.get("max")
        if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
            yield f"{path}.min", f"{path} can never hold: min {low} is above max {high}", "swap min and max"
