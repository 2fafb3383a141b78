"""A difference: one place where the output is not what was expected, found by DeepDiff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from e2i_eval.checks.compare.comparison import ComparisonRules, is_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.compare.diff_path import DataPath
    from e2i_eval.core.json_value import JsonValue

__all__ = ["Difference", "differences"]

Kind = Literal["changed", "missing", "unexpected"]

KINDS: dict[str, Kind] = {
    "values_changed": "changed",
    "type_changes": "changed",
    "dictionary_item_removed": "missing",
    "iterable_item_removed": "missing",
    "dictionary_item_added": "unexpected",
    "iterable_item_added": "unexpected",
}
"""DeepDiff's reports on plain JSON data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place that differs.

    Attributes:
        path: from the root; list indices are those of the expected list, of the actual one for what is unexpected.
        kind: what is wrong there.
        expected: None for what is unexpected.
        actual: None for what is missing.
    """

    path: DataPath
    kind: Kind
    expected: JsonValue
    actual: JsonValue


def differences(expected: JsonValue, actual: JsonValue, comparison: ComparisonRules) -> tuple[Difference, ...]:
    """Return where ``actual`` is not ``expected``, in order of path; empty exactly when they are the same."""
    if comparison.same(expected, actual):
        return ()
    arranged = comparison.arranged(expected, actual)
    found = sorted(_explained(expected, arranged, comparison), key=_place)
    return tuple(found) or (Difference(path=(), kind="changed", expected=expected, actual=actual),)


def _place(difference: Difference) -> list[tuple[bool, int, str]]:
    return [(isinstance(key, str), key if isinstance(key, int) else 0, str(key)) for key in difference.path]


def _explained(expected: JsonValue, actual: JsonValue, comparison: ComparisonRules) -> Iterator[Difference]:
    from deepdiff import DeepDiff  # noqa: PLC0415  pulls in pandas, 1.4 s of CPU, and only a difference needs it

    tree = DeepDiff(
        expected,
        actual,
        view="tree",
        custom_operators=[_Numbers(comparison)],
        exclude_paths=set(comparison.ignore) or None,
        exclude_regex_paths=list(comparison.ignore_regex) or None,
        ignore_private_variables=False,  # keys such as __meta count
        threshold_to_diff_deeper=0,  # name the keys that differ also when most do
        zip_ordered_iterables=_has_equal_lengths(expected, actual),  # else it aligns, and 1 passes for true
    )
    for report, kind in KINDS.items():
        for level in tree.get(report, ()):
            path = tuple(level.path(output_format="list"))
            yield Difference(
                path=path,
                kind=kind,
                expected=None if kind == "unexpected" else level.t1,
                actual=None if kind == "missing" else level.t2,
            )


def _has_equal_lengths(expected: JsonValue, actual: JsonValue) -> bool:
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(_has_equal_lengths(expected[key], actual[key]) for key in expected.keys() & actual.keys())
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(_has_equal_lengths, expected, actual))
    return True


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A DeepDiff operator: numbers are compared by our tolerance, whatever their types."""

    comparison: ComparisonRules

    def match(self, level: Any) -> bool:  # noqa: ANN401  DeepDiff's own level, which has no public type
        return is_number(level.t1) and is_number(level.t2)

    def give_up_diffing(self, level: Any, diff_instance: Any) -> bool:  # noqa: ANN401, ARG002  DeepDiff's protocol
        return self.comparison.same_numbers(level.t1, level.t2)
