"""Judging one demand on one logged value, or on all values whose names match."""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.scope import Unresolved, is_template
from e2i_eval.core.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.checks.contract.contract import Demand
    from e2i_eval.checks.contract.scope import ContractScope
    from e2i_eval.core.json_value import JsonValue

__all__ = ["Judged", "judge_named", "judge_value"]

Judged = Finding | None
"""What became of one demand: a finding, or None when it is met."""

COST = "wire.cost_usd"
"""Absent from the scope where no price is known, which is not the target's fault."""


def judge_named(
    kind: str, demands: Mapping[str, Demand], logged: Mapping[str, JsonValue], scope: ContractScope
) -> list[Judged]:
    """Judge ``demands`` by name on what was ``logged``; a glob must match at least one name, and all that match."""
    return [judged for name, demand in demands.items() for judged in _named(kind, name, demand, logged, scope)]


def _named(
    kind: str, name: str, demand: Demand, logged: Mapping[str, JsonValue], scope: ContractScope
) -> Iterator[Judged]:
    if not scope.holds(demand.when):
        return
    matching = [name] if name in logged else [each for each in logged if fnmatchcase(each, name)]
    if not matching and not _asks_for_nothing(demand, scope):
        yield Finding(
            message=f"{kind} {name} is not logged",
            field=f"{kind} {name}",
            expected=_wanted(demand, scope),
            actual=None,
            where=demand.where,
        )
    for each in matching:
        yield from judge_value(f"{kind} {each}", logged[each], demand, scope)


def judge_value(
    field: str, actual: JsonValue, demand: Demand, scope: ContractScope, *, span: str | None = None
) -> Iterator[Judged]:
    """Yield one outcome for ``actual`` under ``demand``; nothing where the demand says nothing of this case."""
    try:
        problem = _problem(actual, demand, scope)
    except Unresolved as error:
        path = str(error)
        if path == COST or (path.startswith("output") and "output" not in scope.values):
            return
        message = f"{field} cannot be judged: this case has no {path} (add a `when` to the contract)"
        yield Finding(message=message, field=field, expected=f"{{{path}}}", actual=_text(actual), where=demand.where)
        return
    if problem is None:
        yield None
        return
    sentence, expected = problem
    yield Finding(
        message=f"{field} {sentence}",
        field=field,
        expected=expected,
        actual=_text(actual),
        span=span,
        where=demand.where,
    )


def _problem(actual: JsonValue, demand: Demand, scope: ContractScope) -> tuple[str, str] | None:
    if isinstance(actual, float) and not math.isfinite(actual):
        return "is not a finite number", "a finite number"
    if demand.equals is not None:
        expected = scope.resolve(demand.equals)
        if not _is_equal(actual, expected, demand):
            return ("is logged and the value it reports is null" if expected is None else "has another value"), (
                _text(expected)
            )
    if demand.matches is not None and re.fullmatch(demand.matches, _text(actual)) is None:
        return "does not match", f"/{demand.matches}/"
    return _out_of_range(actual, demand, scope)


def _out_of_range(actual: JsonValue, demand: Demand, scope: ContractScope) -> tuple[str, str] | None:
    for bound, sign in ((demand.min, 1), (demand.max, -1)):
        if bound is None:
            continue
        limit, value = _number(scope.resolve(bound)), _number(actual)
        if limit is None or value is None:
            return "is not a number", f"a number {'>=' if sign > 0 else '<='} {bound}"
        if sign * (limit - value) > _tolerance(limit, value, demand):
            return ("is too small", f">= {limit:g}") if sign > 0 else ("is too large", f"<= {limit:g}")
    return None


def _is_equal(actual: JsonValue, expected: JsonValue, demand: Demand) -> bool:
    if isinstance(expected, tuple):
        return any(_is_equal(actual, each, demand) for each in expected)
    number, wanted = _number(actual), _number(expected)
    if number is not None and wanted is not None and not isinstance(expected, str):
        return abs(number - wanted) <= _tolerance(number, wanted, demand)
    if isinstance(actual, str) and isinstance(expected, bool):
        return actual.lower() == str(expected).lower()
    return bool(actual == expected) or (isinstance(actual, str) and actual == _text(expected))


def _tolerance(one: float, other: float, demand: Demand) -> float:
    return max(demand.abs, demand.rel * max(abs(one), abs(other)))


def _number(value: JsonValue) -> float | None:
    """Return ``value`` as a number, also from the text MLflow keeps params and tags as; bool counts as 0 or 1."""
    if not isinstance(value, (bool, int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _asks_for_nothing(demand: Demand, scope: ContractScope) -> bool:
    """Tell whether the value the demand speaks of is null or cannot exist, so that nothing had to be logged."""
    if not is_template(demand.equals):
        return False
    try:
        return scope.resolve(demand.equals) is None
    except Unresolved as error:
        return str(error) == COST or (str(error).startswith("output") and "output" not in scope.values)


def _wanted(demand: Demand, scope: ContractScope) -> str:
    if demand.matches is not None:
        return f"/{demand.matches}/"
    if demand.equals is None:
        return "a value"
    try:
        return _text(scope.resolve(demand.equals))
    except Unresolved:
        return _text(demand.equals)


def _text(value: JsonValue) -> str:
    if isinstance(value, tuple):
        return " or ".join(dict.fromkeys(map(str, value)))
    return str(value)
