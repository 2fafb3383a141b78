"""Lets failures of quarantined cases through, and says so each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from e2i_eval.gate.rules.quarantine import Quarantine, QuarantinedCase
    from e2i_eval.runner.report import Report

__all__ = ["apply_quarantine", "quarantine_notes"]


def apply_quarantine(quarantine: Quarantine, case_id: str, report: pytest.TestReport) -> None:
    """Turn the failure of a quarantined case into pytest's ``xfailed``, and its success into ``xpassed``.

    After its last day only a line is added to the failure.
    """
    found = quarantine.find(case_id)
    if found is None or hasattr(report, "wasxfail"):
        return
    if report.failed and quarantine.state(found.case_id) == "expired":
        report.longrepr = f"{report.longreprtext}\n\n{found.expired_text}"
    elif report.failed:
        report.outcome = "skipped"
        report.wasxfail = found.text
    elif report.passed and report.when == "call" and quarantine.state(found.case_id) == "active":
        report.wasxfail = f"{found.text}; it passes: remove the entry in {found.where}"


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
