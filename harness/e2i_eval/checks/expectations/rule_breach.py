"""A breach: how one value fails the rule set for it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.compare.comparison import EXACT, is_number
from e2i_eval.checks.compare.text import shown, text_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.case import ValueRule
    from e2i_eval.core.json_value import JsonValue

__all__ = ["Breach", "breaches", "text_breaches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One part of a rule that does not hold.

    Attributes:
        part: name of the part, a key of the case file.
        message: what is wrong, without the value itself.
        expected: what the part asks for.
    """

    part: str
    message: str
    expected: str


def breaches(rule: ValueRule, value: JsonValue) -> tuple[Breach, ...]:
    """Return which parts of ``rule`` a JSON ``value`` fails; empty when all hold."""
    return tuple(_breaches(rule, value, value if is_number(value) else None, EXACT.same))


def text_breaches(rule: ValueRule, text: str) -> tuple[Breach, ...]:
    """Return which parts of ``rule`` a logged ``text`` fails.

    MLflow keeps parameters and tags as text: ``equals: 0.2`` accepts ``0.2`` and ``0.20``, ``equals: true`` accepts
    ``True`` and ``true``, ``equals: null`` accepts ``None`` and ``null``; a text must be equal letter by letter.
    """
    return tuple(_breaches(rule, text, _number_in(text), _same_as_text))


def _breaches(
    rule: ValueRule, value: JsonValue, number: float | None, same: Callable[[JsonValue, JsonValue], bool]
) -> Iterator[Breach]:
    if rule.has_equals and not same(rule.equals, value):
        message = text_difference(rule.equals, value) or "is another value"
        yield Breach(part="equals", message=message, expected=shown(rule.equals))
    if rule.min is not None or rule.max is not None:
        yield from _out_of_bounds(rule, number)
    if rule.contains is not None and not _contains(value, rule.contains):
        yield Breach(part="contains", message="does not contain what it must", expected=f"… {shown(rule.contains)} …")
    if rule.matches is not None and not (isinstance(value, str) and re.search(rule.matches, value)):
        message = "does not match" if isinstance(value, str) else "is not a text, so nothing matches"
        yield Breach(part="matches", message=message, expected=f"/{rule.matches}/")
    if rule.one_of and not any(same(allowed, value) for allowed in rule.one_of):
        allowed = ", ".join(map(shown, rule.one_of))
        yield Breach(part="one_of", message="is not one of the allowed values", expected=f"one of {allowed}")


def _out_of_bounds(rule: ValueRule, number: float | None) -> Iterator[Breach]:
    if number is None:
        yield Breach(part="min" if rule.min is not None else "max", message="is not a number", expected=_bounds(rule))
    elif isinstance(number, float) and not math.isfinite(number):
        part = "min" if rule.min is not None else "max"
        yield Breach(part=part, message="is not a finite number", expected=_bounds(rule))
    elif rule.min is not None and number < rule.min:
        yield Breach(part="min", message="is too small", expected=_bounds(rule))
    elif rule.max is not None and number > rule.max:
        yield Breach(part="max", message="is too large", expected=_bounds(rule))


def _bounds(rule: ValueRule) -> str:
    if rule.min is None:
        return f"at most {rule.max:.15g}"
    return f"at least {rule.min:.15g}" if rule.max is None else f"{rule.min:.15g} to {rule.max:.15g}"


def _contains(value: JsonValue, wanted: JsonValue) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list | dict) and any(EXACT.same(wanted, element) for element in value)


def _number_in(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _same_as_text(expected: JsonValue, text: JsonValue) -> bool:
    if expected is None:
        return text in {"None", "null"}
    if isinstance(expected, bool):
        return str(text).lower() == str(expected).lower()
    if is_number(expected):
        number = _number_in(str(text))
        return number is not None and EXACT.same(expected, number)
    return bool(expected == text)
