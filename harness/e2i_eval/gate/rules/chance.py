"""Rules where chance plays a part: live runs, in which an unchanged target does not do the same again.

A decision has three values. A change is a *fail* when it is worse than allowed at the level ``ALPHA``, corrected for
all targets the same rule is applied to (Holm 1979). It is *inconclusive* when it is worse than allowed at
``OPEN_LEVEL`` only, or when there are so few cases that not even the worst outcome could fail. Otherwise it is a
*pass*, with the smallest change that could have been seen beside it. The tests are those of ``gate.runs.significance``
on the mean over a case's repetitions. Limits on the pass rate: Wilson's interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from e2i_eval.core.decision import ALL_TARGETS
from e2i_eval.core.stats.families import holm
from e2i_eval.core.stats.power import ALPHA, cost_to_resolve_usd, pairs_needed
from e2i_eval.gate.rules.decisions import ACCEPT, decision, number, scope_lines, shortened
from e2i_eval.gate.rules.exact import gap_decision
from e2i_eval.gate.rules.limits import pass_counts, unseen_decision
from e2i_eval.gate.runs.significance import OPEN_LEVEL, detectable_text, discordance, p_value, smallest_p

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.baseline import CaseDiff
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["decide_changes", "decide_rate_limit"]

CONFIDENCE = 0.95
SHOWN_CASES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One rule on one target, before it is corrected for the others.

    Attributes:
        applied: what is tested.
        pairs: the cases on both sides.
        p: chance of so bad an outcome if nothing changed beyond what is allowed.
        smallest: the same for the worst outcome there could be.
        before: accepted value.
        after: measured value.
    """

    applied: AppliedRule
    pairs: tuple[CaseDiff, ...]
    p: float
    smallest: float
    before: float
    after: float


def decide_changes(rules: Sequence[AppliedRule], gate_input: GateInput) -> tuple[Decision, ...]:
    """Judge one rule over all its targets together.

    Returns:
        A decision for each rule, in the order given.
    """
    gaps = {each: gap_decision(each, gate_input) or _unmeasured(each, gate_input) for each in rules}
    tests = [_test(each, gate_input) for each, gap in gaps.items() if gap is None]
    corrected = holm([test.p for test in tests])
    decided = {
        test.applied: _decision(test, p, gate_input, family=len(tests))
        for test, p in zip(tests, corrected, strict=True)
    }
    return tuple(gaps[each] or decided[each] for each in rules)


def decide_rate_limit(applied: AppliedRule, gate_input: GateInput, *, family: int) -> Decision:
    """Judge a limit on the pass rate by Wilson's interval, repetitions of a case counted as one.

    Args:
        applied: the rule and its target.
        gate_input: what was measured.
        family: how many targets the rule is applied to; a fail is corrected for them (Bonferroni).
    """
    from e2i_eval.core.stats.rates import wilson  # noqa: PLC0415  SciPy takes half a second

    if gap := unseen_decision(applied, gate_input):
        return gap
    rule = applied.rule
    passed, total = pass_counts(gate_input, applied.target)
    known = wilson(passed, total, confidence=CONFIDENCE)
    strict = wilson(passed, total, confidence=1 - (1 - CONFIDENCE) / max(family, 1))
    text = f"{passed} of {total} cases pass: {known.value:.2f}, {known.low:.2f} to {known.high:.2f} at {CONFIDENCE:.0%}"
    scope = scope_lines(gate_input, applied.target)
    decided = partial(decision, applied, measured=known.value, estimate=known, explanation=scope)
    if rule.holds(known.low):
        return decided("pass", text)
    if not rule.holds(strict.high):
        reason = f"{text}, below {rule.sign}{number(rule.value)}"
        return decided("fail", reason, fix="see the failed cases")
    reason = f"{text}, which does not decide {rule.sign}{number(rule.value)}"
    needed = _cases_for(known.value, rule.value, total)
    fix = f"about {needed} cases decide it" if needed else "the rate is too near to the limit to be decided"
    return decided("inconclusive", reason, fix=fix)


def _unmeasured(applied: AppliedRule, gate_input: GateInput) -> Decision | None:
    """Return the decision when a case has no value on one side; None when all have one."""
    name = applied.rule.metric.name
    pairs = gate_input.pairs(applied.target)
    lost = [pair.case_id for pair in pairs if name in pair.before and name not in pair.after]
    if lost:
        reason = f"{name} of {lost[0]} could not be measured"
        return decision(applied, "fail", reason, explanation=shortened(f"{each}: {name} unknown" for each in lost))
    if not any(name in pair.before and name in pair.after for pair in pairs):
        return decision(applied, "fail", f"neither the baseline nor this run has {name} of any case", fix=ACCEPT)
    return None


def _test(applied: AppliedRule, gate_input: GateInput) -> _Test:
    name = applied.rule.metric.name
    pairs = tuple(pair for pair in gate_input.pairs(applied.target) if name in pair.before and name in pair.after)
    margins: dict[str, list[float]] = {}
    can_worsen: dict[str, list[bool]] = {}
    for pair in pairs:
        margins.setdefault(pair.target, []).append(_margin(applied, pair))
        can_worsen.setdefault(pair.target, []).append(_can_be_worse(applied, pair))
    return _Test(
        applied=applied,
        pairs=pairs,
        p=p_value(_as_one(margins) if _are_flips(applied, margins) else margins, alternative="less"),
        smallest=smallest_p(can_worsen),
        before=sum(pair.before[name] for pair in pairs) / len(pairs),
        after=sum(pair.after[name] for pair in pairs) / len(pairs),
    )


def _are_flips(applied: AppliedRule, margins: Mapping[str, Sequence[float]]) -> bool:
    rule = applied.rule
    is_simple = all(abs(each) in {0.0, 1.0} for values in margins.values() for each in values)
    return rule.metric.kind == "rate" and rule.value == 0 and is_simple


def _as_one(margins: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Take all targets for one, so that flips are judged by McNemar's test over all cases and not by target.

    By target the test of all targets finds a drop of 35 points over eleven of them in 55 of 100 sessions only.
    """
    return {ALL_TARGETS: [each for values in margins.values() for each in values]}


def _margin(applied: AppliedRule, pair: CaseDiff) -> float:
    """Return how much better than the bound a case is; negative when it is worse than allowed."""
    rule = applied.rule
    bound, after = rule.bound(pair.before[rule.metric.name]), pair.after[rule.metric.name]
    return after - bound if rule.metric.worse == "less" else bound - after


def _can_be_worse(applied: AppliedRule, pair: CaseDiff) -> bool:
    """Tell whether a case could be worse than allowed at all: one that failed before cannot fail more."""
    rule = applied.rule
    return not rule.metric.is_bounded or rule.bound(pair.before[rule.metric.name]) > 0


def _decision(test: _Test, p: float, gate_input: GateInput, *, family: int) -> Decision:
    applied = test.applied
    unit = applied.rule.metric.unit
    text = (
        f"{number(test.before, unit)} → {number(test.after, unit)} a case over {len(test.pairs)} cases, "
        f"p = {p:.3g} for worse than allowed"
    )
    decided = partial(
        decision,
        applied,
        baseline=test.before,
        measured=test.after,
        explanation=(*_worst(test), *scope_lines(gate_input, applied.target)),
    )
    if p < ALPHA:
        return decided("fail", text, detectable=_detectable(test), fix=ACCEPT)
    if test.smallest * family >= ALPHA:
        reason = f"{text}; with {len(test.pairs)} cases not even the worst outcome could fail"
        return decided("inconclusive", reason, detectable="none", fix=_resolve(test, gate_input))
    if p < OPEN_LEVEL:
        reason = f"{text}: too little to decide"
        return decided("inconclusive", reason, detectable=_detectable(test), fix=_resolve(test, gate_input))
    return decided("pass", text, detectable=_detectable(test))


def _worst(test: _Test) -> list[str]:
    name = test.applied.rule.metric.name
    worse = sorted((pair for pair in test.pairs if _margin(test.applied, pair) < 0), key=lambda pair: pair.case_id)
    lines = [f"{pair.case_id}: {number(pair.before[name])} → {number(pair.after[name])}" for pair in worse]
    hidden = len(lines) - SHOWN_CASES
    return [*lines[:SHOWN_CASES], f"… and {hidden} more"] if hidden > 0 else lines


def _changed(test: _Test) -> list[bool]:
    name = test.applied.rule.metric.name
    return [pair.before[name] != pair.after[name] for pair in test.pairs]


def _detectable(test: _Test) -> str:
    return detectable_text(_changed(test)) if test.applied.rule.metric.is_bounded else ""


def _resolve(test: _Test, gate_input: GateInput) -> str:
    """Say how many cases would decide, and what they cost at this session's price of a case."""
    if not test.applied.rule.metric.is_bounded:
        return "repeat each case with --e2i-repeat=5"
    drop = max(test.before - test.after, 0.05)
    needed = pairs_needed(min(drop, 1.0), max(discordance(_changed(test)), drop))
    costs = [case.measurements.get("cost_usd") for case in gate_input.report.cases]
    known = [cost for cost in costs if cost is not None]
    a_case = sum(known) / len(known) if known and len(known) == len(costs) else None
    cost_usd = cost_to_resolve_usd(needed=needed, done=len(test.pairs), cost_usd=a_case)
    price = f" (about {cost_usd:.2f} USD)" if cost_usd else ""
    return f"{needed} cases see such a drop: add cases, or repeat them with --e2i-repeat{price}"


def _cases_for(rate: float, limit: float, done: int) -> int:
    """Return how many cases at the same rate would decide a limit; 0 when a hundred times as many would not.

    Solves Wilson's half-width for its centre's distance, by doubling.
    """
    from e2i_eval.core.stats.rates import wilson  # noqa: PLC0415  SciPy takes half a second

    for total in (done * factor for factor in (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 100)):
        known = wilson(round(rate * total), total, confidence=CONFIDENCE)
        if known.low >= limit or known.high < limit:
            return total
    return 0
