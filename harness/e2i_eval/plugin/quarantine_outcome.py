"""Lets failures of quarantined cases through, and says so each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.plugin.case_item import CaseFailed, CaseItem
from e2i_eval.plugin.family_item import FamilyItem

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from e2i_eval.gate.rules.quarantine import Quarantine, QuarantinedCase
    from e2i_eval.runner.report import Report

__all__ = ["QuarantineOutcome", "quarantine_notes"]


class QuarantineOutcome:
    """Turns the failure of a quarantined case into pytest's ``xfailed``, and its success into ``xpassed``."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Rewrite the outcome of a quarantined case; after its last day only add a line to the failure."""
        report = yield
        found = self._quarantine.find(_case_id(item, call))
        if found is None or hasattr(report, "wasxfail"):
            return report
        if report.failed and self._quarantine.state(found.case_id) == "expired":
            report.longrepr = f"{report.longreprtext}\n\n{found.expired_text}"
        elif report.failed:
            report.outcome = "skipped"
            report.wasxfail = found.text
        elif report.passed and report.when == "call" and self._quarantine.state(found.case_id) == "active":
            report.wasxfail = f"{found.text}; it passes: remove the entry in {found.where}"
        return report


def quarantine_notes(quarantine: Quarantine, report: Report) -> Iterator[str]:
    """Yield what became of each quarantined case, a sentence each."""
    statuses: dict[str, set[str]] = {}
    for verdict in report.case_verdicts():
        statuses.setdefault(verdict.case_id, set()).add(verdict.status)
    for case in quarantine.cases:
        found = statuses.get(case.case_id, set())
        yield _note(case, found, is_active=quarantine.state(case.case_id) == "active")


def _note(case: QuarantinedCase, statuses: set[str], *, is_active: bool) -> str:
    if not statuses:
        return f"{case.case_id} is quarantined and did not run"
    if statuses == {"pass"}:
        return f"{case.case_id} passes although it is quarantined: remove the entry in {case.where}"
    return f"{case.case_id} does not pass and does not block: {case.text}" if is_active else case.expired_text


def _case_id(item: pytest.Item, call: pytest.CallInfo[None]) -> str:
    """Return the case that an outcome is about; empty when it is about none."""
    if isinstance(item, CaseItem):
        return item.case.id
    if isinstance(item, FamilyItem):
        return item.declared.id
    error = call.excinfo.value if call.excinfo else None
    return error.result.case_id if isinstance(error, CaseFailed) else ""
