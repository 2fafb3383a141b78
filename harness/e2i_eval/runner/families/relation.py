"""A relation: how the answer to a changed input must relate to the answer before.

Metamorphic testing (Chen, Cheung and Yiu, "Metamorphic testing: a new approach for generating next test cases", 1998)
needs no known answer: two answers that belong together show an error that neither shows alone, such as a canned one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from e2i_eval.checks.compare.comparison import ComparisonRules, is_number
from e2i_eval.checks.compare.data_path import NOTHING, value_at
from e2i_eval.checks.compare.diff_path import dotted_path
from e2i_eval.checks.compare.difference import differences
from e2i_eval.checks.compare.text import shown
from e2i_eval.core.case import Tolerance
from e2i_eval.core.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.core.json_value import JsonValue

__all__ = ["Must", "Relation"]

Must = Literal["same", "change", "increase", "decrease"]
"""``same``: equal within the tolerance. The others: by more than the tolerance."""

SHOWN_DIFFERENCES = 5
NO_TOLERANCE = Tolerance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """How the values at some paths must relate to those before the change.

    Attributes:
        paths: dotted paths of the output; ``.`` is the whole of it.
        must: the relation.
        tolerance: for every number.
        ignore: DeepDiff paths that do not count, below each of ``paths``.
        ignore_regex: patterns over such paths.
    """

    paths: tuple[str, ...]
    must: Must
    tolerance: Tolerance = NO_TOLERANCE
    ignore: tuple[str, ...] = ()
    ignore_regex: tuple[str, ...] = ()

    def breaches(self, before: JsonValue, after: JsonValue, *, where: str) -> tuple[Finding, ...]:
        """Return what contradicts the relation, each finding with both answers."""
        return tuple(self._breaches(before, after, where))

    def _breaches(self, before: JsonValue, after: JsonValue, where: str) -> Iterator[Finding]:
        for path in self.paths:
            old, new = value_at(before, path), value_at(after, path)
            message = self._message(old, new)
            if message:
                yield Finding(
                    message=message,
                    field=f"output.{path}" if path != "." else "output",
                    expected=f"{self._wanted()}, before the change: {_text(old)}",
                    actual=f"{_text(new)} after it",
                    where=where,
                )

    def _message(self, old: JsonValue, new: JsonValue) -> str:
        """Return what is wrong between two values; empty when nothing is."""
        for value, which in ((old, "before the change"), (new, "after it")):
            if value is NOTHING:
                return f"the output has no such value {which}"
        if old is None and new is None:
            return "is null both times, so nothing was compared"
        if self.must == "same":
            return _listed(_messages(old, new, self._comparison()))
        if self.must == "change":
            return "" if not self._comparison().same(old, new) else "did not change, as an answer does that is canned"
        return self._direction(old, new)

    def _direction(self, old: JsonValue, new: JsonValue) -> str:
        if not is_number(old) or not is_number(new):
            return "is not a number both times"
        if self._comparison().same(old, new):
            return "did not change"
        is_right = new > old if self.must == "increase" else new < old
        return "" if is_right else "moved the wrong way"

    def _comparison(self) -> ComparisonRules:
        return ComparisonRules.of(
            tolerance=self.tolerance, ignore_order=False, ignore=self.ignore, ignore_regex=self.ignore_regex
        )

    def _wanted(self) -> str:
        wanted = {"same": "the same", "change": "another", "increase": "more", "decrease": "less"}[self.must]
        rel, absolute = self.tolerance.rel, self.tolerance.abs
        return f"{wanted} (tolerance: rel {rel:g}, abs {absolute:g})" if rel or absolute else wanted


def _messages(old: JsonValue, new: JsonValue, comparison: ComparisonRules) -> Iterator[str]:
    for difference in differences(old, new, comparison):
        key = dotted_path(difference.path)
        yield f"{key + ': ' if key else ''}{shown(difference.expected)} became {shown(difference.actual)}"


def _listed(messages: Iterable[str]) -> str:
    lines = list(messages)
    hidden = len(lines) - SHOWN_DIFFERENCES
    return "\n".join(lines[:SHOWN_DIFFERENCES] + ([f"and {hidden} more differences"] if hidden > 0 else []))


def _text(value: JsonValue) -> str:
    return "nothing" if value is NOTHING else shown(value)
