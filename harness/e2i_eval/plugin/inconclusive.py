"""An item that neither passes nor fails: there is too little to decide by, and that is never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _pytest.outcomes import Skipped

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXIT_INCONCLUSIVE", "INCONCLUSIVE", "Inconclusive", "InconclusiveOutcome", "exit_code", "mark"]

EXIT_INCONCLUSIVE = 6
"""Nothing failed, but something could not be decided."""

INCONCLUSIVE = "e2i_eval_inconclusive"
"""Attribute of a test report that carries the reason, also from worker to controller."""


class Inconclusive(Skipped):
    """Raise this in an item's ``runtest`` (or in a test) to end it as inconclusive.

    pytest shows it as a category of its own, JUnit as skipped with the reason, and the session ends with exit code 6
    unless something failed or ``--e2i-inconclusive`` says otherwise. Whoever raises it does nothing else.

    Args:
        reason: why it could not be decided, one sentence.
        explanation: what a person needs to see, a line each.
    """

    def __init__(self, reason: str, explanation: tuple[str, ...] = ()) -> None:
        super().__init__(f"inconclusive: {reason}")
        self.reason = reason
        self.explanation = explanation


class InconclusiveOutcome:
    """Gives inconclusive items their category and the session its exit code.

    Attributes:
        count: how many there were, over all processes.
    """

    def __init__(self, means: str | None) -> None:
        """Take what ``--e2i-inconclusive`` says: ``pass``, ``fail``, or None for an exit code of its own."""
        self._means = means
        self.count = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.TestReport
    ) -> tuple[str, str, tuple[str, Mapping[str, bool]]] | None:
        """Show it as what it is, neither passed nor skipped."""
        if report.skipped and hasattr(report, INCONCLUSIVE):
            return "inconclusive", "?", ("INCONCLUSIVE", {"yellow": True})
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count it, whichever process it comes from."""
        self.count += hasattr(report, INCONCLUSIVE)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let the exit code say that something is undecided, when it would say that all is well."""
        is_controller = not hasattr(session.config, "workerinput")
        if is_controller and self.count and self._means is None and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = EXIT_INCONCLUSIVE

    @property
    def sentence(self) -> str:
        """What the summary says of it; empty when everything was decided."""
        if not self.count:
            return ""
        what = f"{self.count} of the judgements could not be decided"
        if self._means == "pass":
            return f"{what}; --e2i-inconclusive=pass lets that pass"
        if self._means == "fail":
            return f"{what}; --e2i-inconclusive=fail makes that a failure"
        return (
            f"{what}: exit code {EXIT_INCONCLUSIVE} unless something failed (--e2i-inconclusive=pass|fail changes it)"
        )


def exit_code(means: str | None) -> int:
    """Return the exit code of a session in which nothing failed and something could not be decided."""
    ok, failed = int(pytest.ExitCode.OK), int(pytest.ExitCode.TESTS_FAILED)
    return {"pass": ok, "fail": failed}.get(means or "", EXIT_INCONCLUSIVE)


def mark(report: pytest.TestReport, reason: str, explanation: tuple[str, ...], *, means: str | None) -> None:
    """Make a report one of an inconclusive item; with ``means`` ``fail`` it is a failed one."""
    setattr(report, INCONCLUSIVE, reason)
    text = "\n".join([f"inconclusive: {reason}", *(f"  {line}" for line in explanation)])
    if means == "fail":
        report.outcome = "failed"
        report.longrepr = text
    else:
        report.outcome = "skipped"
        path, line, _ = report.location
        report.longrepr = (path, (line or 0) + 1, f"inconclusive: {reason}")
