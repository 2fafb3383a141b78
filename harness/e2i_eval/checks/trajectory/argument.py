"""Arguments: whether those of a tool call are what a step asks for, and where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.compare.comparison import EXACT, ComparisonRules, is_number
from e2i_eval.checks.compare.data_path import NOTHING, value_at
from e2i_eval.checks.compare.diff_path import diff_path, dotted_path
from e2i_eval.checks.compare.difference import differences
from e2i_eval.checks.compare.text import shown
from e2i_eval.checks.expectations.output import difference_message
from e2i_eval.checks.expectations.rule_breach import Breach, breaches
from e2i_eval.core.case import Tolerance
from e2i_eval.core.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.checks.compare.diff_path import DataPath
    from e2i_eval.core.case import ArgumentRule, StepRule
    from e2i_eval.core.json_value import JsonValue

__all__ = ["argument_findings", "arguments_agree"]

WHOLE = "."


def arguments_agree(step: StepRule, given: JsonValue) -> bool:
    """Tell whether a call with the arguments ``given`` is the one that ``step`` asks for."""
    if any(_breaches(rule, value_at(given, path)) for path, rule in step.match.items()):
        return False
    return step.input is None or _comparison(step, given).same(step.input, _without_free(step, given))


def argument_findings(step: StepRule, given: JsonValue, where: Callable[[str], str]) -> Iterator[Finding]:
    """Yield what is wrong with the arguments of a call, in the order of the step; nothing when they agree.

    Args:
        step: what was expected.
        given: the call's arguments.
        where: from a key below the step to its ``file:line``.
    """
    if step.input is not None:
        for difference in differences(step.input, _without_free(step, given), _comparison(step, given)):
            key = ".".join(part for part in ("input", dotted_path(difference.path)) if part)
            yield Finding(
                message=difference_message(difference, Tolerance()),
                field=key,
                expected=None if difference.kind == "unexpected" else shown(difference.expected),
                actual=None if difference.kind == "missing" else shown(difference.actual),
                where=where(key),
            )
    for path, rule in step.match.items():
        value = value_at(given, path)
        for breach in _breaches(rule, value):
            yield Finding(
                message=breach.message,
                field="input" if path == WHOLE else f"input.{path}",
                expected=breach.expected,
                actual=None if value is NOTHING else shown(value),
                where=where(f"match.{path}"),
            )


def _breaches(rule: ArgumentRule, value: JsonValue) -> tuple[Breach, ...]:
    if rule.kind in {"ignore", "subset"}:  # of a subset, what is named is compared with the input
        return ()
    if value is NOTHING:
        return (Breach(part="", message="is missing", expected="a value"),)
    return tuple(_rule_breaches(rule, value)) if rule.kind == "rule" else ()


def _rule_breaches(rule: ArgumentRule, value: JsonValue) -> Iterator[Breach]:
    yield from breaches(rule.value, value)
    if rule.near is not None:
        near = ComparisonRules(tolerance=rule.tolerance)
        if not is_number(value) or not near.same_numbers(rule.near, value):
            how = f"rel {rule.tolerance.rel:g}, abs {rule.tolerance.abs:g}"
            yield Breach(part="near", message="is not close enough", expected=f"{rule.near:.15g} ({how})")
    if rule.length is not None:
        if not isinstance(value, str | list | dict):
            yield Breach(part="length", message="has no length", expected="a text, a list or a mapping")
            return
        for breach in breaches(rule.length, len(value)):
            yield Breach(part="length", message=f"has length {len(value)}", expected=f"length {breach.expected}")


def _comparison(step: StepRule, given: JsonValue) -> ComparisonRules:
    """Return the comparison of the input, which leaves out what ``match`` judges."""
    judged = (path for path, rule in step.match.items() if rule.kind != "subset")
    return ComparisonRules(ignore=frozenset(diff_path(_keys(path, step.input, given)) for path in judged))


def _keys(path: str, *data: JsonValue) -> DataPath:
    """Return the keys of a dotted path; a number is an index where one of ``data`` has a list."""
    keys: list[str | int] = []
    holders = data
    for part in () if path == WHOLE else path.split("."):
        is_index = part.isdecimal() and any(isinstance(holder, list) for holder in holders)
        keys.append(int(part) if is_index else part)
        holders = tuple(child for holder in holders if (child := value_at(holder, part)) is not NOTHING)
    return tuple(keys)


def _without_free(step: StepRule, given: JsonValue) -> JsonValue:
    """Return the arguments without those that a ``subset`` leaves free."""
    for path, rule in step.match.items():
        if rule.kind == "subset":
            given = _pruned_at(_keys(path, step.input, given), step.input, given)
    return given


def _pruned_at(keys: DataPath, expected: JsonValue, given: JsonValue) -> JsonValue:
    if not keys:
        return _pruned(expected, given)
    key, *rest = keys
    if isinstance(given, list) and isinstance(expected, list) and isinstance(key, int):
        if key >= min(len(given), len(expected)):
            return given
        return [*given[:key], _pruned_at(tuple(rest), expected[key], given[key]), *given[key + 1 :]]
    if not isinstance(given, dict) or not isinstance(expected, dict) or key not in given or key not in expected:
        return given
    return {**given, key: _pruned_at(tuple(rest), expected[key], given[key])}


def _pruned(expected: JsonValue, given: JsonValue) -> JsonValue:
    """Return ``given`` with those keys of its mappings that ``expected`` has."""
    if not isinstance(expected, dict) or not isinstance(given, dict):
        return given
    return {key: _pruned(expected[key], value) for key, value in given.items() if key in expected}


def is_part_of(part: JsonValue, whole: JsonValue) -> bool:
    """Tell whether ``whole`` has all of ``part``; it may have further keys."""
    return EXACT.same(part, _pruned(part, whole))
