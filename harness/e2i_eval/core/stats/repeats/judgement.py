"""The judgement of a case over its repetitions, and whether it needs another one."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.core.stats.power import POWER
from e2i_eval.core.stats.repeats.case_verdict import CaseVerdict
from e2i_eval.core.stats.repeats.determinism import REPEATS
from e2i_eval.core.stats.sequential import operating
from e2i_eval.core.verdict import JUDGE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.estimate import Estimate
    from e2i_eval.core.stats.repeats.case_verdict import CaseVerdictStatus
    from e2i_eval.core.stats.repeats.reducer import Reducer
    from e2i_eval.core.stats.repeats.repeat_plan import RepeatPlan
    from e2i_eval.core.stats.repeats.repetition import Repetition
    from e2i_eval.core.stats.repeats.stopping import RepeatRule
    from e2i_eval.core.stats.sequential import Conclusion

__all__ = ["at_worst", "is_decided", "sum_up"]

MAY_VARY = frozenset(
    {"completed", "output", "values", "nodes", "tools", "metrics", "params", "tags", "budget"},
)
"""Checks that may fail because Claude answered otherwise, which a reducer evens out. All others, logging and secrets
above all, must hold in every repetition."""

HALVINGS = 12
"""Gives the detectable rate to a tenth of a point."""


def sum_up(results: Sequence[Repetition], plan: RepeatPlan) -> CaseVerdict:
    """Return what the repetitions of one case come to.

    In mock and replay they must all come out the same. Live, the plan's reducer decides, or leaves it *inconclusive*;
    whatever is not Claude's to vary must hold every time, and what could not be judged is never a pass.

    Args:
        results: at least one, in order.
        plan: what was planned for the target.
    """
    worst = replace(at_worst(results), planned=plan.times)
    if plan.is_single:
        return worst
    if plan.exact:
        return replace(worst, reason=_same(results, worst))
    return _reduced(results, plan, worst)


def is_decided(results: Sequence[Repetition], plan: RepeatPlan) -> bool:
    """Tell whether another repetition is not needed: all are made, or no further one can change the verdict."""
    if len(results) >= plan.times:
        return True
    if plan.exact:
        return _differing(results) is not None
    return bool(_hard_failure(results)) or _conclusion(results, plan.reducer.rule(plan.times)) is not None


def at_worst(results: Sequence[Repetition]) -> CaseVerdict:
    """Return the verdict that every repetition must pass: fail, then error, then pass."""
    statuses = [result.status for result in results]
    status: CaseVerdictStatus = "fail" if "fail" in statuses else "error" if "error" in statuses else "pass"
    broken = _broken_judges(results) if status == "error" else ""
    return CaseVerdict(
        case_id=results[0].case_id,
        target=results[0].target,
        nodeid=results[0].nodeid,
        status="inconclusive" if broken else status,
        reason=broken,
        repeats=len(results),
        planned=len(results),
        passed=statuses.count("pass"),
        failed=statuses.count("fail"),
        errors=statuses.count("error"),
    )


def _broken_judges(results: Sequence[Repetition]) -> str:
    """Say which judges broke when nothing else is in the way of a verdict; empty when something is."""
    errors = [verdict for result in results for verdict in result.verdicts if verdict.status == "error"]
    if not all(verdict.is_broken_judge for verdict in errors):
        return ""
    return "; ".join(dict.fromkeys(f"{verdict.check}: {verdict.reason}" for verdict in errors))


def _may_vary(check: str) -> bool:
    return check in MAY_VARY or check.startswith(JUDGE_PREFIX)


def _same(results: Sequence[Repetition], worst: CaseVerdict) -> str:
    if differing := _differing(results):
        return differing
    counts = f"{worst.passed} of {worst.repeats} repetitions passed"
    return f"{counts}, all the same" if worst.status == "pass" else counts


def _differing(results: Sequence[Repetition]) -> str | None:
    found = (each for result in results for each in result.verdicts if each.check == REPEATS and each.status == "fail")
    return next((verdict.reason for verdict in found), None)


def _hard_failure(results: Sequence[Repetition]) -> str:
    """Say what is wrong that no reducer evens out; empty when nothing is."""
    for result in results:
        for verdict in result.verdicts:
            if verdict.status == "error" or (verdict.status == "fail" and not _may_vary(verdict.check)):
                what = "is wrong" if verdict.status == "fail" else "could not be judged"
                return f"{verdict.check} {what} in repetition {result.repeat + 1}, and it has to hold in every one"
    return ""


def _status(results: Sequence[Repetition]) -> CaseVerdictStatus:
    """Return what a hard failure comes to: wrong, or only not judged."""
    wrong = (verdict.check for result in results for verdict in result.verdicts if verdict.status == "fail")
    if not all(map(_may_vary, wrong)):
        return "fail"
    return "inconclusive" if _broken_judges(results) else "error"


def _conclusion(results: Sequence[Repetition], rule: RepeatRule) -> Conclusion | None:
    statuses = [result.status for result in results]
    return rule.decide(statuses.count("pass"), statuses.count("fail"))


def _reduced(results: Sequence[Repetition], plan: RepeatPlan, worst: CaseVerdict) -> CaseVerdict:
    rule = plan.reducer.rule(plan.times)
    scored = worst.passed + worst.failed
    counted = replace(
        worst,
        reduce=plan.reducer.text,
        score=plan.reducer.score(worst.passed, scored),
        pass_rate=_pass_rate(worst.passed, scored),
        detectable_rate=_detectable_rate(plan.reducer, plan.times),
    )
    counts = f"{worst.passed} of {worst.repeats} repetitions passed"
    if hard_failure := _hard_failure(results):
        return replace(counted, status=_status(results), reason=f"{counts}; {hard_failure}")
    conclusion = rule.decide(worst.passed, worst.failed)
    if conclusion is None:
        return _undecided(results, counted, rule, counts)
    verb = "meets" if conclusion == "pass" else "breaks"
    return replace(counted, status=conclusion, reason=f"{counts}, which {verb} {plan.reducer.text}")


def _undecided(results: Sequence[Repetition], counted: CaseVerdict, rule: RepeatRule, counts: str) -> CaseVerdict:
    more = rule.expected_more(counted.passed, counted.failed)
    needed = "" if more is None else f"; about {more} more are likely to decide it"
    return replace(
        counted,
        status="inconclusive",
        reason=f"{counts}, which leaves {counted.reduce} open{needed}",
        more=more,
        cost_to_resolve_usd=_cost_usd(results, more),
        fix="" if more is None else f"--e2i-repeat={counted.repeats + more}",
    )


def _cost_usd(results: Sequence[Repetition], more: int | None) -> float | None:
    """Return what ``more`` repetitions cost at the mean price of those made; None when a price is unknown."""
    costs = [result.measurements.get("cost_usd") for result in results]
    known = [cost for cost in costs if cost is not None]
    if more is None or len(known) < len(costs):
        return None
    return more * math.fsum(known) / len(known)


def _pass_rate(passed: int, scored: int) -> Estimate | None:
    if scored == 0:
        return None
    from e2i_eval.core.stats.rates import wilson  # noqa: PLC0415  scipy takes half a second, and mock mode needs none

    return wilson(passed, scored)


@functools.cache  # the same for all cases of a plan, and takes milliseconds
def _detectable_rate(reducer: Reducer, most: int) -> float | None:
    """Return the highest pass rate that is failed with a chance of ``POWER`` or more; None when not even 0 is."""
    rule = reducer.rule(most)
    if operating(rule, rate=0.0, most=most).fails < POWER:
        return None
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if operating(rule, rate=middle, most=most).fails >= POWER else (low, middle)
    return low
