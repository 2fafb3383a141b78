"""From a report to what each case did, repetitions taken together."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from e2i_eval.gate.baseline.accepted import Acceptance, Baseline, BaselineCase
from e2i_eval.gate.baseline.diff import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["baseline_of", "cases_of", "same"]

REL_TOLERANCE = 1e-9
"""Sums of the same numbers in another order may differ in their last digits."""


def baseline_of(report: Report, *, name: str, reason: str, at: str) -> Baseline:
    """Return the baseline that ``report`` would be.

    Args:
        report: the run.
        name: the baseline's name.
        reason: why it is accepted.
        at: when, as ISO 8601 in UTC.
    """
    session, git = report.session, report.session.get("git", {})
    return Baseline(
        name=name,
        acceptance=Acceptance(
            at=at,
            reason=reason,
            session=str(session.get("id", "")),
            run_id=str(session.get("run_id", "")),
            commit=str(git.get("commit", "")),
            is_dirty=git.get("dirty") == "true",
        ),
        claude=str(session.get("claude", "")),
        prices=str(session.get("prices", "")),
        environment={str(key): str(value) for key, value in report.environment.items()},
        cases=cases_of(report.cases),
    )


def cases_of(results: Iterable[CaseResult]) -> dict[str, BaselineCase]:
    """Return what each case did, by id in alphabetical order.

    Results of one case id that are no repetitions of each other (several tests evaluate the same golden case) are
    entries of their own: the case file's own keeps the id, the others carry the test's id.
    """
    by_id: dict[str, list[CaseResult]] = defaultdict(list)
    for result in results:
        by_id[result.case_id].append(result)
    named = {name: group for same in by_id.values() for name, group in _entries(same)}
    return {name: _case(named[name]) for name in sorted(named)}


def _entries(same: list[CaseResult]) -> Iterator[tuple[str, list[CaseResult]]]:
    case_id = same[0].case_id
    if _are_repetitions(same):
        yield case_id, same
        return
    by_item: dict[str, list[CaseResult]] = defaultdict(list)
    for result in same:
        by_item[result.nodeid].append(result)
    for nodeid, group in sorted(by_item.items()):
        name = case_id if nodeid.endswith(f"::{case_id}") else f"{case_id} [{nodeid}]"
        if _are_repetitions(group):
            yield name, group
        else:
            yield from ((f"{name} #{at}", [result]) for at, result in enumerate(group, 1))


def _are_repetitions(results: Sequence[CaseResult]) -> bool:
    return len({result.repeat for result in results}) == len(results)


def _case(results: list[CaseResult]) -> BaselineCase:
    results = sorted(results, key=lambda result: result.repeat)
    statuses = [result.status for result in results]
    measured = [_exact(result.measurements) for result in results]
    unstable = [name for name in EXACT if not _is_one(each.get(name) for each in measured)]
    if any(result.behaviour != results[0].behaviour for result in results):
        unstable.append("behaviour")
    return BaselineCase(
        target=results[0].target,
        status="fail" if "fail" in statuses else "error" if "error" in statuses else "pass",
        pass_rate=statuses.count("pass") / len(statuses),
        repeats=len(results),
        measured={
            name: math.fsum(each[name] for each in measured) / len(measured)
            for name in EXACT
            if all(name in each for each in measured)
        },
        behaviour=results[0].behaviour,
        unstable=tuple(unstable),
    )


def _exact(measurements: Mapping[str, float]) -> dict[str, float]:
    known = {name: measurements[name] for name in EXACT if name in measurements}
    return {name: value for name, value in known.items() if math.isfinite(value)}


def _is_one(values: Iterable[float | None]) -> bool:
    first, *rest = values
    return all(same(first, each) for each in rest)


def same(one: float | None, other: float | None) -> bool:
    """Tell whether two measurements are the same; what is unknown is the same as nothing but the unknown."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=REL_TOLERANCE, abs_tol=0.0)
