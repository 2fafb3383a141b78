"""The A/B latency test of one target as one pytest item: ``ab::causal_impact``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from e2i_eval.core.errors import UnknownError
from e2i_eval.plugin.explained_item import ExplainedFailure
from e2i_eval.plugin.inconclusive import Inconclusive
from e2i_eval.plugin.target_item import TargetItem
from e2i_eval.report.latency_test import shift_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.latency_shift import LatencyShift

__all__ = ["AbItem", "Slower", "ab_keywords"]


Shifts: TypeAlias = "tuple[tuple[LatencyShift, ...], tuple[str, ...]]"
"""What is found, and how it was measured, a sentence each."""


def ab_keywords(target: str) -> frozenset[str]:
    """Return the words by which ``-k`` finds a target's measurement and the rule on it; ``duet`` is a former name."""
    return frozenset({f"ab::{target}", "duet"})


class Slower(ExplainedFailure):
    """A target takes longer than it did in the base."""

    def __init__(self, target: str, lines: Iterable[str]) -> None:
        super().__init__([f"{target} has become slower", *(f"    {line}" for line in lines)])


class AbItem(TargetItem[Shifts]):
    """Head against base of one target; fails when a part of its time has grown."""

    kind: ClassVar[str] = "ab"

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  pytest's own arguments
        super().__init__(**kwargs)
        self.extra_keyword_matches |= ab_keywords(self.name)

    def runtest(self) -> None:
        """Measure and judge."""
        try:
            shifts, conditions = self._measure(self.name, self.nodeid)
        except UnknownError as error:  # it could not be measured, which says nothing for or against the target
            raise Inconclusive(error.what, tuple(filter(None, (error.where, error.fix)))) from error
        self.user_properties += [(f"duet.{each.part}.shift_ms", round(each.shift_ms.value, 3)) for each in shifts]
        self.user_properties.append(("duet.measured", "; ".join(conditions)))
        lines = (*shift_lines(shifts), *conditions)
        if any(each.status == "fail" for each in shifts):
            raise Slower(self.name, lines)
        undecided = [each for each in shifts if each.status == "inconclusive"]
        if undecided:
            reason = f"{undecided[0].part}: {undecided[0].reason}"
            raise Inconclusive(reason, lines)
