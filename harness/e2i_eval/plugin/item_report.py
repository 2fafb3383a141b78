"""The report of one pytest item: all that an item's outcome says beside what pytest says itself, in one place.

Case results travel with it. Within a process they stay what they are; only to xdist's controller do they go as JSON.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.errors import E2iError
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.verdict import Verdict
from e2i_eval.plugin.ab_item import AbItem
from e2i_eval.plugin.case_item import RESULTS, BrokenCaseItem, CaseFailed, CaseInconclusive, CaseItem
from e2i_eval.plugin.family_item import FamilyItem
from e2i_eval.plugin.inconclusive import Inconclusive, mark
from e2i_eval.plugin.overhead_item import OVERHEADS, OverheadItem
from e2i_eval.plugin.quarantine_outcome import apply_quarantine
from e2i_eval.report.properties import case_properties
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Any

    from e2i_eval.gate.rules.quarantine import Quarantine
    from e2i_eval.plugin.ab_tests import AbTests
    from e2i_eval.plugin.golden_lifecycle import GoldenLifecycle
    from e2i_eval.plugin.overheads import Overheads
    from e2i_eval.plugin.state import SessionState

__all__ = ["ItemReports", "results_of"]

REPORTED = "e2i_eval_results"
"""Attribute of a test report that carries the item's case results."""

FAILURES = pytest.StashKey[list[Verdict]]()
"""Why an item failed, one verdict a phase that did."""

DID_NOT_RUN = {"claude_calls": 0.0, "cost_usd": 0.0}
"""What is known of a case that never reached Claude."""


def results_of(report: pytest.TestReport) -> Sequence[CaseResult]:
    """Return the case results that came with a report; they come with the last of an item."""
    results: Sequence[CaseResult] = getattr(report, REPORTED, ())
    return results


class ItemReports:
    """Makes the report of each item: results, JUnit properties, measurements, and what excuses a failure."""

    def __init__(
        self,
        state: SessionState,
        quarantine: Quarantine,
        *,
        overheads: Overheads,
        ab_tests: AbTests,
        golden: GoldenLifecycle | None,
    ) -> None:
        self._state = state
        self._quarantine = quarantine
        self._overheads = overheads
        self._ab_tests = ab_tests
        self._golden = golden

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach what the item found; our own errors are shown without a traceback."""
        if call.when == "teardown":  # the last report: that one is written to JUnit's file
            item.user_properties += self._properties(item)
        report = yield
        error = call.excinfo.value if call.excinfo else None
        if report.failed and error is not None and not _is_in_results(error):
            item.stash.setdefault(FAILURES, []).append(_failure(error))
            if isinstance(error, E2iError):
                report.longrepr = str(error)
        if call.when == "teardown":
            setattr(report, REPORTED, [*_case_results(item)])
        if isinstance(item, OverheadItem) or OVERHEADS in item.stash:
            self._overheads.attach(item, call, report)
        if isinstance(item, AbItem) and error is not None:
            self._ab_tests.take_note(item.name, error)
        if isinstance(error, Inconclusive):
            mark(report, error.reason, error.explanation, means=self._state.settings.inconclusive)
        if self._quarantine.cases:
            apply_quarantine(self._quarantine, _case_id(item, error), report)
        if self._golden is not None:
            self._golden.attach(item, call, report)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self, report: object) -> Generator[None, dict[str, Any] | None, object]:
        """Make JSON of the case results, for a process that they are sent to."""
        data = yield
        if data is not None and REPORTED in data and isinstance(report, pytest.TestReport):
            data[REPORTED] = [to_json(result) for result in results_of(report)]
        return data

    @pytest.hookimpl(wrapper=True)
    def pytest_report_from_serializable(self) -> Generator[None, object, object]:
        """Make case results of the JSON that another process sent."""
        report = yield
        if isinstance(report, pytest.TestReport) and hasattr(report, REPORTED):
            setattr(report, REPORTED, [from_json(CaseResult, data) for data in getattr(report, REPORTED)])
        return report

    def _properties(self, item: pytest.Item) -> list[tuple[str, object]]:
        """Return what pytest puts into its report and JUnit's file, over xdist too."""
        uri = self._state.settings.tracking_uri  # a temporary server is gone when somebody reads the file
        runs_url = self._state.worker.tracking.url("").removesuffix("/traces") if uri else ""
        return case_properties(_case_results(item), runs_url=runs_url)


def _is_in_results(error: BaseException) -> bool:
    """Tell whether the item's case results say themselves what ``error`` says."""
    return isinstance(error, (CaseFailed, CaseInconclusive))


def _failure(error: BaseException) -> Verdict:
    """Return the verdict on an item that ``error`` ended: not judged when it is ours, wrong when a test says so."""
    if isinstance(error, E2iError):
        return Verdict(check="test", status="error", reason=str(error))
    first = (str(error).strip().splitlines() or [""])[0]
    return Verdict(check="test", status="fail", reason=f"{type(error).__name__}: {first}")


def _case_results(item: pytest.Item) -> Sequence[CaseResult]:
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


def _case_id(item: pytest.Item, error: BaseException | None) -> str:
    """Return the case that an outcome is about; empty when it is about none."""
    if isinstance(item, CaseItem):
        return item.case.id
    if isinstance(item, FamilyItem):
        return item.declared.id
    return error.result.case_id if isinstance(error, CaseFailed) else ""
