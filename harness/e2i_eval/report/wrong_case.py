"""A wrong case: one that did not pass over all its repetitions, with the run that shows best why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.stats.repeats import CaseVerdict
    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["WrongCase", "wrong_cases"]

URGENCY = {"fail": 0, "error": 1, "inconclusive": 2, "pass": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongCase:
    """A case that did not pass.

    Attributes:
        verdict: what its repetitions come to.
        run: the worst of them; of several equally bad ones the first.
    """

    verdict: CaseVerdict
    run: CaseResult

    @property
    def is_quarantined(self) -> bool:
        """Whether it does not block."""
        return bool(self.run.quarantine)

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """Check and sentence of whatever is wrong, most important first."""
        held = (("quarantine", f"does not block: {self.run.quarantine}"),) if self.is_quarantined else ()
        said = [(each.check, each.reason) for each in self.run.verdicts if each.status == self.run.status != "pass"]
        return (*held, *((("repetitions", self.verdict.reason),) if self.verdict.reason else ()), *said)


def wrong_cases(report: Report) -> list[WrongCase]:
    """Return the cases of ``report`` that did not pass: failed, not judged, open, and last those in quarantine."""
    runs: dict[tuple[str, str], list[CaseResult]] = {}
    for case in report.cases:
        runs.setdefault((case.nodeid, case.case_id), []).append(case)
    wrong = [
        WrongCase(verdict=verdict, run=min(runs[verdict.key], key=lambda run: URGENCY[run.status]))
        for verdict in report.case_verdicts()
        if verdict.status != "pass"
    ]
    return sorted(wrong, key=lambda each: (each.is_quarantined, URGENCY[each.verdict.status]))
