"""Compares a run with a baseline: where nothing is left to chance every difference is definite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.gate.baseline.behaviour_changes import behaviour_changes
from e2i_eval.gate.baseline.diff import BaselineChange, BaselineDiff, CaseDiff
from e2i_eval.gate.runs import EXACT, EXACT_MODES, paired, run_of
from e2i_eval.gate.runs.equality import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.gate.baseline.accepted import Baseline
    from e2i_eval.gate.runs import Run, RunCase, RunPair
    from e2i_eval.runner.report import Report

__all__ = ["compare"]

LIVE = "live"
MODE_BOUND = (*(name for name in EXACT if name != "logging_completeness"), "behaviour")
"""What depends on who answers for Claude."""

NOT_COMPARED = frozenset({"cpus"})
"""Facts of the environment nothing exact depends on."""


def compare(baseline: Baseline, report: Report) -> BaselineDiff:
    """Return what ``report`` does differently from ``baseline``.

    In mock and replay mode every difference is definite. Two live runs are compared by verdicts alone; their numbers
    are left to the rules that judge them with intervals. Of runs in different modes, all that depends on Claude's
    answers is incomparable, and so is cost between price tables that disagree.
    """
    pair: RunPair[Run] = paired(baseline, run_of(report))
    incomparable = dict(_incomparable(pair))
    is_exact = pair.is_one_mode and baseline.mode in EXACT_MODES
    return BaselineDiff(
        baseline=baseline.name,
        cases=tuple(_case_diff(name, pair, incomparable, is_exact=is_exact) for name in pair.shared),
        missing=pair.only_base,
        added=pair.only_head,
        incomparable=incomparable,
        notes=tuple(_notes(pair)),
    )


def _case_diff(name: str, pair: RunPair[Run], incomparable: Mapping[str, str], *, is_exact: bool) -> CaseDiff:
    before, after = pair.base.cases[name], pair.head.cases[name]
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


def _status(before: RunCase, after: RunCase) -> Iterator[BaselineChange]:
    if before.status != after.status:
        yield BaselineChange(kind="status", metric="status", before=before.status, after=after.status)
    if not same(before.pass_rate, after.pass_rate):
        yield BaselineChange(kind="status", metric="pass_rate", before=before.pass_rate, after=after.pass_rate)


def _stability(after: RunCase) -> Iterator[BaselineChange]:
    for name in after.unstable:
        yield BaselineChange(kind="stability", metric=name, before="the same in every repetition", after="not the same")


def _measurements(before: RunCase, after: RunCase, incomparable: Mapping[str, str]) -> Iterator[BaselineChange]:
    for name in EXACT:
        accepted, measured = before.measured.get(name), after.measured.get(name)
        if name not in incomparable and not same(accepted, measured):
            yield BaselineChange(kind="measurement", metric=name, before=accepted, after=measured)


def _incomparable(pair: RunPair[Run]) -> Iterator[tuple[str, str]]:
    """Yield each metric that cannot be compared, and why."""
    if not pair.is_one_mode:
        there, here = (run.mode or "unknown" for run in (pair.base, pair.head))
        why = f"the baseline was made with Claude {there}, this run with Claude {here}"
        yield from ((metric, why) for metric in MODE_BOUND)
    if not pair.has_one_price(pair.shared):
        there, here = (run.prices or "an unknown day" for run in (pair.base, pair.head))
        yield "cost_usd", f"the baseline has prices of {there}, this run those of {here}"


def _notes(pair: RunPair[Run]) -> Iterator[str]:
    if pair.base.mode == pair.head.mode == LIVE:
        yield "both runs are live: verdicts are compared, and what varies by chance (tokens, calls, prompts) is not"
    for key, there, here in pair.environment_changes():
        if key not in NOT_COMPARED:
            yield f"{key.removeprefix('version.')} is {here} here and was {there} in the baseline"
