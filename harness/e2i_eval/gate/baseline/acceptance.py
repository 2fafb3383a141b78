"""Whether a run may become the baseline."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from e2i_eval.core.json_codec import from_json
from e2i_eval.core.selection import Selection
from e2i_eval.gate.runs import cases_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from e2i_eval.runner.report import CaseStatus, Report

__all__ = ["refusals"]

SHOWN = 3
OUTCOMES: Mapping[CaseStatus, str] = {"fail": "failed", "error": "could not be judged"}


def refusals(
    report: Report, *, targets: Collection[str], files: Mapping[str, str], allow_failures: bool
) -> Iterator[str]:
    """Yield why ``report`` may not become the baseline, a sentence each; nothing when it may.

    Args:
        report: the run.
        targets: all targets of the project.
        files: the path of each case file, by case id.
        allow_failures: cases that failed or could not be judged are accepted as they are.
    """
    yield from _parts(report)
    yield from (f"the session had a problem: {problem}" for problem in report.problems)
    ran = {result.case_id: result for result in report.cases}
    if absent := sorted(set(targets) - {result.target for result in report.cases}):
        yield f"no case of {_some(absent)} was run"
    if absent := [case_id for case_id in sorted(files) if case_id not in ran]:
        yield f"{_count(absent, 'case file')} without a result: {_some(absent)}"
    from_files = (case_id for case_id, result in ran.items() if result.nodeid.endswith(f"::{case_id}"))
    if gone := sorted(case_id for case_id in from_files if case_id not in files):
        yield f"{_count(gone, 'result')} without a case file: {_some(gone)}"
    if not allow_failures:
        yield from _failures(report)
    if report.session.get("claude") not in {"live", "record"}:
        yield from _unstable(report)


def _parts(report: Report) -> Iterator[str]:
    selection = report.session.get("selection")
    if selection is None:
        yield "the report does not say whether the run was complete"
    else:
        yield from from_json(Selection, selection).gaps()


def _failures(report: Report) -> Iterator[str]:
    counts = Counter(result.status for result in report.cases)
    for status, what in OUTCOMES.items():
        cases = sorted({result.case_id for result in report.cases if result.status == status})
        if counts[status]:
            yield f"{_count(cases, 'case')} {what}: {_some(cases)} (--allow-failures accepts them as they are)"


def _unstable(report: Report) -> Iterator[str]:
    """Say what differs between repetitions: such a baseline would raise a false alarm at every other run."""
    for name, case in cases_of(report.cases).items():
        if case.unstable:
            yield f"{name} is not the same in all {case.repeats} repetitions: {', '.join(case.unstable)}"


def _count(items: Collection[str], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _some(names: Collection[str]) -> str:
    shown = ", ".join(list(names)[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
