"""A comparison: when two pieces of JSON data are the same.

DeepDiff explains a difference (``difference.py``), it does not decide that there is one.
Decided by it, a bool in a list would pass for the number it equals, lists compared without their order would fail for
``[1, 2]`` against ``[2.0, 1.0]``, and pairs within the tolerance would not be found when they are far down a list.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.compare.diff_path import DataPath, diff_path, parse_diff_path
from e2i_eval.checks.compare.pairing import paired
from e2i_eval.core.case import Tolerance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.json_value import JsonValue

__all__ = ["EXACT", "ComparisonRules", "is_number"]

NO_TOLERANCE = Tolerance()

ABSENT: Any = object()
"""What stands in for an item that one side does not have."""


def is_number(value: JsonValue) -> bool:
    """Tell whether ``value`` is a number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRules:
    """When two pieces of JSON data are the same.

    ``1`` and ``1.0`` are the same, ``1`` and ``true`` are not, NaN is the same as NaN alone.

    Attributes:
        tolerance: how far two numbers may be apart.
        ignore_order: the order of lists does not count, how often an item occurs does.
        ignore: DeepDiff paths that do not count, as ``diff_path`` writes them.
        ignore_regex: patterns over such paths.
    """

    tolerance: Tolerance = NO_TOLERANCE
    ignore_order: bool = False
    ignore: frozenset[str] = frozenset()
    ignore_regex: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(
        cls, *, tolerance: Tolerance, ignore_order: bool, ignore: Iterable[str], ignore_regex: Iterable[str]
    ) -> ComparisonRules:
        """Return a comparison with paths and patterns as case files write them.

        Raises:
            ValueError: a path is no DeepDiff path.
        """
        return cls(
            tolerance=tolerance,
            ignore_order=ignore_order,
            ignore=frozenset(diff_path(parse_diff_path(path)) for path in ignore),
            ignore_regex=tuple(re.compile(pattern) for pattern in ignore_regex),
        )

    def ignores(self, path: DataPath) -> bool:
        """Tell whether what is at ``path`` does not count."""
        if not self.ignore and not self.ignore_regex:
            return False
        text = diff_path(path)
        return text in self.ignore or any(pattern.search(text) for pattern in self.ignore_regex)

    def same(self, expected: JsonValue, actual: JsonValue, path: DataPath = ()) -> bool:
        """Tell whether ``actual``, found at ``path``, is what was expected there."""
        if self.ignores(path):
            return True
        if expected is ABSENT or actual is ABSENT:
            return False
        if isinstance(expected, dict) and isinstance(actual, dict):
            return self._same_mappings(expected, actual, path)
        if isinstance(expected, list) and isinstance(actual, list):
            return self._same_lists(expected, actual, path)
        if is_number(expected) and is_number(actual):
            return self.same_numbers(expected, actual)
        return type(expected) is type(actual) and bool(expected == actual)

    def same_numbers(self, expected: float, actual: float) -> bool:
        """Tell whether two numbers are within the tolerance, by the formula of ``Tolerance``; symmetrical."""
        if expected == actual or (expected != expected and actual != actual):  # noqa: PLR0124  only NaN differs from itself
            return True
        try:
            return math.isclose(expected, actual, rel_tol=self.tolerance.rel, abs_tol=self.tolerance.abs) and (
                self.tolerance != NO_TOLERANCE  # as floats, whole numbers above 2**53 would be close with no tolerance
            )
        except OverflowError:  # a whole number beyond the floats
            return False

    def _same_mappings(self, expected: dict[str, JsonValue], actual: dict[str, JsonValue], path: DataPath) -> bool:
        keys = dict.fromkeys((*expected, *actual))
        return all(self.same(expected.get(key, ABSENT), actual.get(key, ABSENT), (*path, key)) for key in keys)

    def _same_lists(self, expected: list[JsonValue], actual: list[JsonValue], path: DataPath) -> bool:
        if self.ignore_order:
            return len(expected) == len(actual) and None not in self._pairs(expected, actual, path)
        return all(
            self.same(_item(expected, index), _item(actual, index), (*path, index))
            for index in range(max(len(expected), len(actual)))
        )

    def _pairs(self, expected: list[JsonValue], actual: list[JsonValue], path: DataPath) -> list[int | None]:
        return paired(len(expected), len(actual), lambda i, j: self.same(expected[i], actual[j], (*path, i)))

    def arranged(self, expected: JsonValue, actual: JsonValue, path: DataPath = ()) -> JsonValue:
        """Return ``actual`` as it is best shown beside ``expected``.

        What is the same is replaced by what was expected, and lists whose order does not count follow its order.
        """
        if self.same(expected, actual, path):
            return actual if expected is ABSENT else expected
        if isinstance(expected, dict) and isinstance(actual, dict):
            return {key: self.arranged(expected.get(key, ABSENT), value, (*path, key)) for key, value in actual.items()}
        if isinstance(expected, list) and isinstance(actual, list):
            ordered = self._reordered(expected, actual, path) if self.ignore_order else actual
            return [self.arranged(_item(expected, at), value, (*path, at)) for at, value in enumerate(ordered)]
        return actual

    def _reordered(self, expected: list[JsonValue], actual: list[JsonValue], path: DataPath) -> list[JsonValue]:
        pairs = self._pairs(expected, actual, path)
        spare = iter(sorted(set(range(len(actual))) - {at for at in pairs if at is not None}))
        order = [at if at is not None else next(spare, None) for at in pairs]
        return [actual[at] for at in (*order, *spare) if at is not None]


def _item(items: list[JsonValue], index: int) -> JsonValue:
    return items[index] if index < len(items) else ABSENT


EXACT = ComparisonRules()
"""Without tolerance; everything counts."""
