"""The outcome of one pytest item as case results: what a test finds wrong is in the report, however it found it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import E2iError
from e2i_eval.core.verdict import Verdict
from e2i_eval.plugin.case_item import RESULTS, BrokenCaseItem, CaseFailed, CaseItem
from e2i_eval.plugin.family_item import FamilyItem
from e2i_eval.plugin.repeated_case import CaseInconclusive
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FAILURES", "case_results", "failure", "is_told"]

FAILURES = pytest.StashKey[list[Verdict]]()
"""Why an item failed, one verdict a phase that did."""

DID_NOT_RUN = {"claude_calls": 0.0, "cost_usd": 0.0}
"""What is known of a case that never reached Claude."""


def is_told(error: BaseException) -> bool:
    """Tell whether the item's case results say themselves what ``error`` says."""
    return isinstance(error, (CaseFailed, CaseInconclusive))


def failure(error: BaseException) -> Verdict:
    """Return the verdict on an item that ``error`` ended: not judged when it is ours, wrong when a test says so."""
    if isinstance(error, E2iError):
        return Verdict(check="test", status="error", reason=str(error))
    first = (str(error).strip().splitlines() or [""])[0]
    return Verdict(check="test", status="fail", reason=f"{type(error).__name__}: {first}")


def case_results(item: pytest.Item) -> Sequence[CaseResult]:
    """Return the item's case results; one that failed for another reason than its cases has that among them."""
    results = item.stash.get(RESULTS, [])
    failures = item.stash.get(FAILURES, [])
    if not failures:
        return results
    if results:
        return [*results[:-1], replace(results[-1], verdicts=(*results[-1].verdicts, *failures))]
    return [_without_case(item, name, tuple(failures)) for name in _names(item)]


def _names(item: pytest.Item) -> tuple[str, ...]:
    """Return the case an item stands for; nothing for a test that is no evaluation."""
    if isinstance(item, (CaseItem, BrokenCaseItem)):
        return (item.name,)
    if isinstance(item, FamilyItem):
        return (item.declared.id,)
    marker = item.get_closest_marker("e2i")
    return () if marker is None else (f"{marker.args[0] if marker.args else 'tests'}/{item.name}",)


def _without_case(item: pytest.Item, name: str, failures: tuple[Verdict, ...]) -> CaseResult:
    file, line, _ = item.location
    return CaseResult(
        case_id=name,
        target=name.partition("/")[0],
        nodeid=item.nodeid,
        where=f"{file}:{(line or 0) + 1}",
        verdicts=failures,
        measurements=DID_NOT_RUN,
    )
