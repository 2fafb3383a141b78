"""Absolute limits, what logging costs, and what the A/B latency test found: rules that need no baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_eval.gate.rules.decisions import RERUN_WHOLE, decision, number, scope_lines, shortened
from e2i_eval.gate.rules.undecided_cases import undecided, undecided_decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.decision import Decision, DecisionStatus
    from e2i_eval.core.latency_shift import LatencyShift
    from e2i_eval.core.overhead_result import OverheadResult
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rule import Rule
    from e2i_eval.gate.rules.rulebook import AppliedRule
    from e2i_eval.runner.report import CaseResult

__all__ = ["decide_latency", "decide_limit", "decide_overhead", "pass_counts", "unseen_decision"]

CONCURRENT = "overhead_concurrent_ms"
FAILURE_LEVEL = 0.005
"""Significance level, one-sided: a session has a dozen of these intervals, and none may fail it by chance."""

RANK = {"pass": 0, "inconclusive": 1, "fail": 2}


def decide_limit(applied: AppliedRule, gate_input: GateInput) -> Decision:
    """Judge a limit on a target's amount (the sum over its cases), share (the mean) or pass rate in an exact mode."""
    if gap := unseen_decision(applied, gate_input):
        return gap
    rule, metric = applied.rule, applied.rule.metric
    results = gate_input.results(applied.target)
    scope = scope_lines(gate_input, applied.target)
    if metric.kind == "rate":
        passed, total = pass_counts(gate_input, applied.target)
        open_cases = undecided(gate_input, applied.target)
        if open_cases and not rule.holds(passed / total) and rule.holds((passed + len(open_cases)) / total):
            return undecided_decision(applied, open_cases)
        failed = shortened(
            f"{each.case_id} does not pass{_because(results[each.case_id])}"
            for each in gate_input.verdicts(applied.target)
            if each.status != "pass"
        )
        return _limited(applied, passed / total, f"{passed} of {total} cases pass", (*failed, *scope))
    if metric.check:
        results = {case_id: runs for case_id, runs in results.items() if _is_asked_for(runs, metric.check)}
    unknown = [case_id for case_id, runs in results.items() if not _is_measured(runs, metric.name)]
    if unknown:
        reason = f"{metric.name} of {unknown[0]} could not be measured"
        lines = shortened(f"{case_id}: {metric.name} could not be measured" for case_id in unknown)
        return decision(applied, "fail", reason, explanation=(*lines, *scope), fix="see why in the case's verdicts")
    values = {case_id: _mean(runs, metric.name) for case_id, runs in results.items()}
    known = {case_id: value for case_id, value in values.items() if value is not None}
    if not known:
        reason = f"no case of {applied.target} has {metric.name}, so nothing was judged"
        return decision(applied, "inconclusive", reason, explanation=scope, fix="remove the rule, or add a case")
    total_value = math.fsum(known.values()) / (1 if metric.kind == "amount" else len(known))
    word = "in all" if metric.kind == "amount" else "on average"
    lines = shortened(_by_size(rule, known))
    return _limited(applied, total_value, f"{number(total_value, metric.unit)} {word}", (*lines, *scope))


def decide_overhead(applied: AppliedRule, gate_input: GateInput) -> Decision:
    """Judge what logging costs by the upper end of its interval, for every way of calling that was measured.

    ``overhead_ms`` demands that one caller at a time is surely within the limit. Many callers at once wait for each
    other on few cores far longer than logging takes, so of them it demands only that they are not surely beyond;
    ``overhead_concurrent_ms`` demands that they are surely within.
    """
    rule, target = applied.rule, applied.target
    measured = [each for each in gate_input.report.overheads if each.target == target and _is_covered(rule, each)]
    if not measured:
        reason = f"what logging of {target} costs was not measured in this session"
        return decision(applied, "inconclusive", reason, fix="add --e2i-overhead=all")
    lenient = rule.metric.name != CONCURRENT and any(not each.is_concurrent for each in measured)
    judged = [(_overhead_status(rule, each, lenient=lenient and each.is_concurrent), each) for each in measured]
    status, worst = max(judged, key=lambda pair: (RANK[pair[0]], not pair[1].is_concurrent, pair[1].overhead_ms.high))
    cost = worst.overhead_ms
    place = {"pass": "within", "fail": "beyond", "inconclusive": "not surely within"}[status]
    reason = (
        f"{number(cost.value, 'ms')} a call ({number(cost.low)} to {number(cost.high)} at "
        f"{cost.confidence:.0%}, {worst.callers}) is {place} {rule.sign}{number(rule.value, 'ms')}"
    )
    if worst.differences:
        reason = f"logging changes what the caller gets ({worst.callers}): {worst.differences[0]}"
    lines = [line for _, each in judged for line in _overhead_lines(each)]
    fix = {"inconclusive": "measure more pairs, or on a quieter machine", "fail": "find what waits with a profiler"}
    return decision(
        applied, status, reason, measured=cost.high, estimate=cost, explanation=lines, fix=fix.get(status, "")
    )


def _is_covered(rule: Rule, result: OverheadResult) -> bool:
    return result.is_concurrent or rule.metric.name != CONCURRENT


def decide_latency(applied: AppliedRule, gate_input: GateInput) -> Decision:
    """Return the A/B latency test's result of a target: that of its worst part."""
    target = applied.target
    shifts = [each for each in gate_input.report.latency if each.target == target]
    if not shifts:
        reason = f"{target} was not measured against another revision in this session"
        return decision(applied, "inconclusive", reason, fix="add --e2i-ab=REF, for example --e2i-ab=origin/main")
    worst = max(shifts, key=lambda each: (RANK[each.status], each.shift_ms.value))
    return decision(
        applied,
        worst.status,
        f"{worst.part}: {worst.reason}",
        baseline=worst.base_ms,
        measured=worst.head_ms,
        estimate=worst.shift_ms,
        explanation=tuple(map(_shift_line, shifts)),
        detectable=f"a shift of more than {number(worst.floor_ms, 'ms')}",
        fix="" if worst.status == "pass" else f"measure it alone: pytest --e2i-eval --e2i-target={target} --e2i-ab=REF",
    )


def unseen_decision(applied: AppliedRule, gate_input: GateInput) -> Decision | None:
    """Return the decision when a case that was to run has no result, or none ran; None when all is there."""
    target = applied.target
    unseen = gate_input.unseen(target)
    scope = scope_lines(gate_input, target)
    if unseen:
        return decision(applied, "fail", unseen[0], explanation=(*shortened(unseen), *scope), fix=RERUN_WHOLE)
    if why := gate_input.unselected(target):
        return decision(applied, "pass", f"no case of {target} was selected ({why}): nothing to judge")
    if not gate_input.results(target):
        reason = f"no case of {target} was judged"
        return decision(applied, "fail", reason, explanation=scope, fix=RERUN_WHOLE)
    return None


def pass_counts(gate_input: GateInput, target: str) -> tuple[int, int]:
    """Return how many cases pass, and how many there are; a case counts once, however often it ran."""
    statuses = [verdict.status for verdict in gate_input.verdicts(target)]
    return statuses.count("pass"), len(statuses)


def _limited(applied: AppliedRule, value: float, text: str, lines: Sequence[str]) -> Decision:
    rule = applied.rule
    holds = rule.holds(value)
    reason = f"{text}, {'within' if holds else 'beyond'} {rule.sign}{number(rule.value, rule.metric.unit)}"
    fix = "" if holds else f"fix it, or change the rule in {rule.where}"
    shown = () if holds else lines
    return decision(applied, "pass" if holds else "fail", reason, measured=value, explanation=shown, fix=fix)


def _is_asked_for(runs: Sequence[CaseResult], check: str) -> bool:
    return any(verdict.check == check for run in runs for verdict in run.verdicts)


def _is_measured(runs: Sequence[CaseResult], name: str) -> bool:
    return all(math.isfinite(run.measurements.get(name, math.nan)) or _has_none(run) for run in runs)


def _has_none(run: CaseResult) -> bool:
    """Tell whether there was nothing to measure: without a call there are no tokens, and no log of them to compare.

    A case that never ran has no calls either; it does not pass.
    """
    return run.status == "pass" and run.measurements.get("claude_calls") == 0


def _because(runs: Sequence[CaseResult]) -> str:
    """Return the checks that a case does not pass, each once."""
    checks = dict.fromkeys(each.check for run in runs for each in run.verdicts if each.status in {"fail", "error"})
    return f": {', '.join(checks)}" if checks else ""


def _mean(runs: Sequence[CaseResult], name: str) -> float | None:
    values = [run.measurements[name] for run in runs if name in run.measurements]
    return math.fsum(values) / len(values) if values else None


def _by_size(rule: Rule, values: dict[str, float]) -> list[str]:
    ordered = sorted(values.items(), key=lambda item: item[1], reverse=rule.metric.worse == "more")
    return [f"{case_id}: {number(value, rule.metric.unit)}" for case_id, value in ordered]


def _overhead_status(rule: Rule, result: OverheadResult, *, lenient: bool) -> DecisionStatus:
    cost = result.overhead_ms
    if result.differences or not (math.isfinite(cost.low) and math.isfinite(cost.high)):
        return "fail"
    if _is_surely_beyond(rule, result):
        return "fail"
    return "pass" if lenient or rule.holds(cost.high) else "inconclusive"


def _is_surely_beyond(rule: Rule, result: OverheadResult) -> bool:
    """Tell whether the lower end is beyond the limit, and the signed-rank test (Wilcoxon 1945) agrees.

    Of many intervals of 95 % some lie wholly beyond by chance, and a failure must not come by chance.
    """
    if rule.holds(result.overhead_ms.low):
        return False
    from e2i_eval.core.stats.shift import signed_rank  # noqa: PLC0415  NumPy is heavy

    differences = [logged - plain for plain, logged in result.pair_ms]
    return not differences or signed_rank(differences, margin=rule.value) < FAILURE_LEVEL


def _overhead_lines(result: OverheadResult) -> list[str]:
    cost = result.overhead_ms
    line = (
        f"{result.callers}: {number(cost.value, 'ms')} ({number(cost.low)} to {number(cost.high)}, {cost.method}, "
        f"{result.pairs} pairs, {result.case_id})"
    )
    return [line, *(f"  differs: {each}" for each in result.differences)]


def _shift_line(shift: LatencyShift) -> str:
    moved = shift.shift_ms
    return (
        f"{shift.part}: {number(shift.base_ms)} → {number(shift.head_ms, 'ms')}, shift {number(moved.value, 'ms')} "
        f"({number(moved.low)} to {number(moved.high)}, {shift.pairs} pairs): {shift.status}"
    )
