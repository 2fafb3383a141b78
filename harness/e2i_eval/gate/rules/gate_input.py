"""The gate input: everything the gate decides from."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_eval.core.decision import ALL_TARGETS
from e2i_eval.gate.rules.gate_scope import GateScope
from e2i_eval.gate.runs import EXACT_MODES

if TYPE_CHECKING:
    from collections.abc import Collection

    from e2i_eval.core.stats.repeats import CaseVerdict
    from e2i_eval.gate.baseline import BaselineDiff, CaseDiff
    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["GateInput"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInput:
    """What a session measured, what was accepted, and what was to run.

    Attributes:
        report: the session so far.
        diff: the session against the baseline; None when there is none.
        no_baseline: why there is none, one sentence; empty when there is one.
        scope: what was to run.
        quarantined: ids of cases that must not block; the gate leaves them out on both sides.
    """

    report: Report
    diff: BaselineDiff | None = None
    no_baseline: str = ""
    scope: GateScope = field(default_factory=GateScope)
    quarantined: Collection[str] = ()

    @property
    def is_exact(self) -> bool:
        """Whether every difference is definite."""
        return self.report.session.get("claude") in EXACT_MODES

    def results(self, target: str) -> dict[str, list[CaseResult]]:
        """Return the target's results by case id, repetitions together, quarantined cases left out."""
        found: dict[str, list[CaseResult]] = collections.defaultdict(list)
        for case in self.report.cases:
            if target in {case.target, ALL_TARGETS} and case.case_id not in self.quarantined:
                found[case.case_id].append(case)
        return dict(found)

    def verdicts(self, target: str) -> tuple[CaseVerdict, ...]:
        """Return one verdict a case of the target, quarantined cases left out."""
        every = self.report.case_verdicts()
        return tuple(
            each for each in every if target in {each.target, ALL_TARGETS} and each.case_id not in self.quarantined
        )

    def pairs(self, target: str) -> tuple[CaseDiff, ...]:
        """Return the target's cases that are in the baseline and in this session."""
        return tuple(case for case in self._of(target) if not self._is_left_out(case.case_id))

    def _of(self, target: str) -> tuple[CaseDiff, ...]:
        if self.diff is None:
            return ()
        return self.diff.cases if target == ALL_TARGETS else self.diff.of_target(target)

    def gaps(self, target: str) -> tuple[str, ...]:
        """Name what should have been compared with the baseline and cannot, a sentence each."""
        if self.diff is None:
            return (self.no_baseline,)
        missing = [each for each in self._own(self.diff.missing, target) if not self._is_excused(each, target)]
        added = self._own(self.diff.added, target)
        return (
            *self.unseen(target),
            *(f"{each} is in the baseline and has no result here" for each in missing if not self._is_expected(each)),
            *(f"{each} has no entry in the baseline" for each in added),
        )

    def unseen(self, target: str) -> tuple[str, ...]:
        """Name the target's cases that were to run and have no result, a sentence each."""
        ran = {case.case_id for case in self.report.cases}
        lost = [each for each in self.scope.of(target) if each not in ran and not self._is_left_out(each)]
        return tuple(f"{each} was to run and has no result" for each in lost)

    def partial(self, target: str) -> str:
        """Say which part of the target this session leaves out; empty when it has all of it."""
        return self.scope.partial(target)

    def unselected(self, target: str) -> str:
        """Say why no case of the target was selected and none ran; empty when one was, or in a whole session."""
        return "" if self.scope.of(target) or self.results(target) else self.partial(target)

    def left_out(self, target: str) -> tuple[str, ...]:
        """Return the target's quarantined cases."""
        return tuple(sorted(self._own(tuple(self.quarantined), target, quarantined=True)))

    def _own(self, case_ids: tuple[str, ...], target: str, *, quarantined: bool = False) -> list[str]:
        own = [each for each in case_ids if target in {each.partition("/")[0], ALL_TARGETS}]
        return own if quarantined else [each for each in own if not self._is_left_out(each)]

    def _is_left_out(self, case_id: str) -> bool:
        """Tell whether a case is quarantined; a baseline adds the test's id where several tests evaluate one case."""
        return case_id in self.quarantined or case_id.partition(" ")[0] in self.quarantined

    def _is_expected(self, case_id: str) -> bool:
        return case_id in self.scope.expected

    def _is_excused(self, case_id: str, target: str) -> bool:
        return bool(self.partial(target)) and not self._is_expected(case_id)
