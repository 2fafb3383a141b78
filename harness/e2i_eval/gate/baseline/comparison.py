"""A run compared with a baseline, case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.gate.baseline.behaviour_changes import behaviour_changes
from e2i_eval.gate.baseline.diff import EXACT, BaselineChange, BaselineDiff, CaseDiff
from e2i_eval.gate.baseline.observation import cases_of, same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.gate.baseline.accepted import Baseline, BaselineCase
    from e2i_eval.runner.report import Report

__all__ = ["compare"]

LIVE = "live"
VARYING = ("live", "record")
"""Modes in which Claude does not say the same every time."""
MODE_BOUND = tuple(name for name in EXACT if name != "logging_completeness")
"""What depends on who answers for Claude."""

NOT_COMPARED = frozenset({"cpus"})
"""Facts of the environment nothing exact depends on."""


def compare(baseline: Baseline, report: Report) -> BaselineDiff:
    """Return what ``report`` does differently from ``baseline``.

    In mock and replay mode every difference is definite. Two live runs are compared by verdicts alone, their numbers
    are for whoever judges them with intervals. Of runs in different modes, what Claude answers decides is
    incomparable, and so is cost between price tables that disagree.
    """
    after = cases_of(report.cases)
    incomparable = {**_by_mode(baseline, report), **_by_prices(baseline, report, after)}
    is_exact = baseline.claude == report.session.get("claude") and baseline.claude not in VARYING
    both = sorted(baseline.cases.keys() & after.keys())
    return BaselineDiff(
        baseline=baseline.name,
        cases=tuple(
            _case_diff(name, baseline.cases[name], after[name], incomparable, is_exact=is_exact) for name in both
        ),
        missing=tuple(sorted(baseline.cases.keys() - after.keys())),
        added=tuple(sorted(after.keys() - baseline.cases.keys())),
        incomparable=incomparable,
        notes=tuple(_notes(baseline, report)),
    )


def _case_diff(
    name: str, before: BaselineCase, after: BaselineCase, incomparable: Mapping[str, str], *, is_exact: bool
) -> CaseDiff:
    changes = [*_status(before, after)]
    if is_exact:
        changes += _stability(after)
        changes += _measurements(before, after, incomparable)
        changes += behaviour_changes(before.behaviour, after.behaviour)
    return CaseDiff(
        case_id=name,
        target=after.target,
        before={**before.measured, "pass_rate": before.pass_rate},
        after={**after.measured, "pass_rate": after.pass_rate},
        changes=tuple(changes),
    )


def _status(before: BaselineCase, after: BaselineCase) -> Iterator[BaselineChange]:
    if before.status != after.status:
        yield BaselineChange(kind="status", metric="status", before=before.status, after=after.status)
    if not same(before.pass_rate, after.pass_rate):
        yield BaselineChange(kind="status", metric="pass_rate", before=before.pass_rate, after=after.pass_rate)


def _stability(after: BaselineCase) -> Iterator[BaselineChange]:
    for name in after.unstable:
        yield BaselineChange(kind="stability", metric=name, before="the same in every repetition", after="not the same")


def _measurements(
    before: BaselineCase, after: BaselineCase, incomparable: Mapping[str, str]
) -> Iterator[BaselineChange]:
    for name in EXACT:
        accepted, measured = before.measured.get(name), after.measured.get(name)
        if name not in incomparable and not same(accepted, measured):
            yield BaselineChange(kind="measurement", metric=name, before=accepted, after=measured)


def _by_mode(baseline: Baseline, report: Report) -> dict[str, str]:
    mode = report.session.get("claude")
    if mode == baseline.claude:
        return {}
    why = f"the baseline was made with Claude {baseline.claude or 'unknown'}, this run with Claude {mode or 'unknown'}"
    return dict.fromkeys((*MODE_BOUND, "behaviour"), why)


def _by_prices(baseline: Baseline, report: Report, after: Mapping[str, BaselineCase]) -> dict[str, str]:
    prices = str(report.session.get("prices", ""))
    if prices == baseline.prices:
        return {}
    shared = baseline.cases.keys() & after.keys()
    costs = ((baseline.cases[name].measured.get("cost_usd"), after[name].measured.get("cost_usd")) for name in shared)
    if all(same(*pair) for pair in costs):
        return {}
    known = prices or "an unknown day"
    return {"cost_usd": f"the baseline has prices of {baseline.prices or 'an unknown day'}, this run those of {known}"}


def _notes(baseline: Baseline, report: Report) -> Iterator[str]:
    if baseline.claude == report.session.get("claude") == LIVE:
        yield "both runs are live: verdicts are compared, and what varies by chance (tokens, calls, prompts) is not"
    there, here = baseline.environment, report.environment
    for key in sorted((there.keys() | here.keys()) - NOT_COMPARED):
        if there.get(key) != here.get(key):
            name = key.removeprefix("version.")
            yield f"{name} is {here.get(key) or 'absent'} here and was {there.get(key) or 'absent'} in the baseline"
