"""A side of a comparison: one stored run, case by case."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_eval.gate.baseline import cases_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from e2i_eval.runner.report import CaseResult, Report
    from e2i_eval.stats.repeats import CaseVerdict
    from e2i_eval.stats.repeats.case_verdict import CaseVerdictStatus

__all__ = ["LIVE", "ComparedCase", "Side", "side_of"]

LIVE = "live"
TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCase:
    """One case of one run, its repetitions taken together.

    Attributes:
        target: its target.
        status: the judgement.
        pass_rate: share of its repetitions that passed, 0 to 1.
        measured: measurements by name, means over repetitions; what is not known of each of them is absent.
        is_held: it is in quarantine, so it is shown and not judged.
        why: the first thing that is wrong or could not be judged; empty when it passed.
        latencies_ms: what callers waited, one a repetition.
    """

    target: str
    status: CaseVerdictStatus
    pass_rate: float
    measured: Mapping[str, float]
    is_held: bool = False
    why: str = ""
    latencies_ms: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One run.

    Attributes:
        letter: what it is called on the page: ``A``, ``B``, ...
        name: what the person called it.
        report: as stored.
        cases: by id; two tests that evaluate one golden case have an id each.
    """

    letter: str
    name: str
    report: Report
    cases: Mapping[str, ComparedCase] = field(default_factory=dict)

    @property
    def mode(self) -> str:
        """Who answered for Claude: ``mock``, ``replay``, ``live``, or empty when the run does not say."""
        return str(self.report.session.get("claude") or "")

    @property
    def commit(self) -> str:
        """The project's commit; empty outside a repository."""
        return str((self.report.session.get("git") or {}).get("commit", ""))

    def median_ms(self, names: Iterable[str]) -> float | None:
        """Return the median of what callers of these cases waited; None when nothing was timed."""
        waited = [value for name in names for value in self.cases[name].latencies_ms]
        return statistics.median(waited) if waited else None


def side_of(letter: str, name: str, report: Report) -> Side:
    """Return a run as a side of a comparison."""
    results: dict[str, list[CaseResult]] = {}
    for result in report.cases:
        results.setdefault(result.case_id, []).append(result)
    verdicts = report.case_verdicts()
    single = {each for each, count in Counter(verdict.case_id for verdict in verdicts).items() if count == 1}
    decided = {verdict.case_id: verdict for verdict in verdicts if verdict.case_id in single}
    cases: dict[str, ComparedCase] = {}
    for case_name, case in cases_of(report.cases).items():
        own = _own(case_name, results)
        cases[case_name] = ComparedCase(
            target=case.target,
            status=_status(case_name, case.status, decided),
            pass_rate=case.pass_rate,
            measured=case.measured,
            is_held=any(each.quarantine for each in own),
            why=_why(own) if case.status != "pass" else "",
            latencies_ms=tuple(each.measurements["latency_ms"] for each in own if "latency_ms" in each.measurements),
        )
    return Side(letter=letter, name=name, report=report, cases=cases)


def targets_of(names: Iterable[str], side: Side) -> dict[str, tuple[str, ...]]:
    """Return the names of cases by target, targets in alphabetical order."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(side.cases[name].target, []).append(name)
    return {target: tuple(sorted(found[target])) for target in sorted(found)}


def _own(name: str, results: Mapping[str, Sequence[CaseResult]]) -> Sequence[CaseResult]:
    """Return the results behind an entry: its name is a case's, or that with the id of one of the case's tests."""
    if name in results:
        of_file = [each for each in results[name] if each.nodeid.endswith(f"::{name}")]
        return of_file or results[name]
    case_id = next(each for each in sorted(results, key=len, reverse=True) if name.startswith(f"{each} "))
    return [each for each in results[case_id] if f"[{each.nodeid}]" in name] or results[case_id]


def _status(name: str, worst: CaseVerdictStatus, decided: Mapping[str, CaseVerdict]) -> CaseVerdictStatus:
    """Return what the repetitions were judged to come to; at their worst where no verdict is the case's alone."""
    return decided[name].status if name in decided else worst


def _why(results: Iterable[CaseResult]) -> str:
    found = [
        (status, f"{verdict.check}: {verdict.reason}".rstrip(": "))
        for result in results
        for status in ("fail", "error")
        for verdict in result.verdicts
        if verdict.status == status
    ]
    return next((text for status in ("fail", "error") for each, text in found if each == status), "")
