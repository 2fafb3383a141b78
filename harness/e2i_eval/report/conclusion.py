"""The conclusion of a report: one word, one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.report.numbers import amount

if TYPE_CHECKING:
    from e2i_eval.core.decision import DecisionStatus
    from e2i_eval.runner.report import Report

__all__ = ["Conclusion", "conclude"]

WORDS: dict[DecisionStatus, str] = {"pass": "Passed", "fail": "Failed", "inconclusive": "Inconclusive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a report comes to.

    Attributes:
        status: ``fail`` when anything is wrong, could not be judged or was not evaluated at all;
            ``inconclusive`` when nothing failed and something could not be decided.
        headline: one line that says why.
    """

    status: DecisionStatus
    headline: str

    @property
    def word(self) -> str:
        """The status as a heading begins."""
        return WORDS[self.status]


def conclude(report: Report) -> Conclusion:
    """Return what ``report`` comes to; a report without a single case is a failure."""
    failed = _failures(report)
    if failed:
        return Conclusion(status="fail", headline=", ".join(failed))
    open_ = _inconclusive(report)
    if open_:
        return Conclusion(status="inconclusive", headline=f"nothing failed, {' and '.join(open_)} inconclusive")
    gate = f", {amount(len(report.decisions), 'gate rule')}" if report.decisions else ""
    held = len(report.case_verdicts()) - len(report.blocking_verdicts())
    let_through = f", {held:,} of them in quarantine" if held else ""
    return Conclusion(status="pass", headline=f"{amount(len(report.case_verdicts()), 'case')}{let_through}{gate}")


def _inconclusive(report: Report) -> list[str]:
    cases = sum(verdict.status == "inconclusive" for verdict in report.blocking_verdicts())
    rules = sum(decision.status == "inconclusive" for decision in report.decisions)
    parts = [f"{cases:,} of {amount(len(report.case_verdicts()), 'case')}"] if cases else []
    parts += [f"{rules:,} of {amount(len(report.decisions), 'gate rule')}"] if rules else []
    open_ = {shift.target for shift in report.latency if shift.status == "inconclusive"}
    return [*parts, f"the latency of {amount(len(open_), 'target')}"] if open_ else parts


def _failures(report: Report) -> list[str]:
    statuses = [verdict.status for verdict in report.blocking_verdicts()]
    cases = amount(len(report.case_verdicts()), "case")
    parts = [] if report.cases else ["no case was evaluated"]
    if count := statuses.count("fail"):
        parts.append(f"{count:,} of {cases} failed")
    if count := statuses.count("error"):
        parts.append(f"{count:,} of {cases} could not be judged")
    if count := sum(decision.status == "fail" for decision in report.decisions):
        parts.append(f"{count:,} of {amount(len(report.decisions), 'gate rule')} broken")
    if slower := {shift.target for shift in report.latency if shift.status == "fail"}:
        parts.append(f"{amount(len(slower), 'target')} slower")
    if report.problems:
        parts.append(f"{amount(len(report.problems), 'problem')} with the session")
    return parts
