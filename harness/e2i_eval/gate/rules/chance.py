"""Rules where chance plays a part: live runs, in which an unchanged target does not do the same again.

Three-valued. A change is a *fail* when it is worse than allowed at the level ``ALPHA``, corrected for all targets
the same rule is applied to (Holm 1979). It is *inconclusive* when it is worse than allowed at ``DOUBT`` only, or when
there are so few cases that not even the worst outcome could fail. Otherwise it is a *pass*, with the smallest change
that could have been seen beside it. Method per case: the mean over repetitions; per target: McNemar's exact test
where verdicts flip, the sign-flip permutation over cases elsewhere; over all targets: the same, clustered by target
(Miller 2024, arXiv 2411.00640). Limits on the pass rate: Wilson's interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from e2i_eval.core.decision import ALL_TARGETS
from e2i_eval.gate.rules.decision_builder import ACCEPT, built_decision, number, scope_lines, several
from e2i_eval.gate.rules.exact import gap_decision
from e2i_eval.gate.rules.limits import pass_counts, unseen_decision
from e2i_eval.stats.families import holm
from e2i_eval.stats.power import ALPHA, cost_to_resolve_usd, detectable_drop, pairs_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.baseline import CaseDiff
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["decide_changes", "decide_rate_limit"]

DOUBT = 0.10
"""Above this a change is taken for chance; between it and ``ALPHA`` nobody should decide on so little."""

CONFIDENCE = 0.95
SHOWN_CASES = 8
USUAL_DISCORDANCE = 0.1
"""Share of cases with another verdict that is assumed for the smallest detectable change when none was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One rule on one target, before it is corrected for the others.

    Attributes:
        judgement: what is tested.
        pairs: the cases on both sides.
        p: chance of so bad an outcome if nothing changed beyond what is allowed.
        floor: the same for the worst outcome there could be.
        before: accepted value.
        after: measured value.
    """

    judgement: AppliedRule
    pairs: tuple[CaseDiff, ...]
    p: float
    floor: float
    before: float
    after: float


def decide_changes(judgements: Sequence[AppliedRule], gate_input: GateInput) -> tuple[Decision, ...]:
    """Judge one rule over all its targets together.

    Returns:
        A decision for each judgement, in the order given.
    """
    gaps = {each: gap_decision(each, gate_input) or _unmeasured(each, gate_input) for each in judgements}
    tests = [_test(each, gate_input) for each, gap in gaps.items() if gap is None]
    corrected = holm([test.p for test in tests])
    decided = {
        test.judgement: _decision(test, p, gate_input, family=len(tests))
        for test, p in zip(tests, corrected, strict=True)
    }
    return tuple(gaps[each] or decided[each] for each in judgements)


def decide_rate_limit(judgement: AppliedRule, gate_input: GateInput, *, family: int) -> Decision:
    """Judge a limit on the pass rate by Wilson's interval, repetitions of a case counted as one.

    Args:
        judgement: the rule and its target.
        gate_input: what was measured.
        family: how many targets the rule is applied to; a fail is corrected for them (Bonferroni).
    """
    from e2i_eval.stats.rates import wilson  # noqa: PLC0415  SciPy takes half a second

    if gap := unseen_decision(judgement, gate_input):
        return gap
    rule = judgement.rule
    passed, total = pass_counts(gate_input, judgement.target)
    known = wilson(passed, total, confidence=CONFIDENCE)
    strict = wilson(passed, total, confidence=1 - (1 - CONFIDENCE) / max(family, 1))
    text = f"{passed} of {total} cases pass: {known.value:.2f}, {known.low:.2f} to {known.high:.2f} at {CONFIDENCE:.0%}"
    scope = scope_lines(gate_input, judgement.target)
    say = partial(built_decision, judgement, measured=known.value, estimate=known, explanation=scope)
    if rule.holds(known.low):
        return say("pass", text)
    if not rule.holds(strict.high):
        reason = f"{text}, below {rule.sign}{number(rule.value)}"
        return say("fail", reason, fix="see the failed cases")
    reason = f"{text}, which does not decide {rule.sign}{number(rule.value)}"
    needed = _cases_for(known.value, rule.value, total)
    fix = f"about {needed} cases decide it" if needed else "the rate is too near to the limit to be decided"
    return say("inconclusive", reason, fix=fix)


def _unmeasured(judgement: AppliedRule, gate_input: GateInput) -> Decision | None:
    """Return the decision when a case has no value on one side; None when all have one."""
    name = judgement.rule.metric.name
    pairs = gate_input.pairs(judgement.target)
    lost = [pair.case_id for pair in pairs if name in pair.before and name not in pair.after]
    if lost:
        reason = f"{name} of {lost[0]} could not be measured"
        return built_decision(
            judgement, "fail", reason, explanation=several(f"{each}: {name} unknown" for each in lost)
        )
    if not any(name in pair.before and name in pair.after for pair in pairs):
        return built_decision(
            judgement, "fail", f"neither the baseline nor this run has {name} of any case", fix=ACCEPT
        )
    return None


def _test(judgement: AppliedRule, gate_input: GateInput) -> _Test:
    name = judgement.rule.metric.name
    pairs = tuple(pair for pair in gate_input.pairs(judgement.target) if name in pair.before and name in pair.after)
    before = sum(pair.before[name] for pair in pairs) / len(pairs)
    after = sum(pair.after[name] for pair in pairs) / len(pairs)
    margins = {pair.case_id: _margin(judgement, pair) for pair in pairs}
    return _Test(
        judgement=judgement,
        pairs=pairs,
        p=_p_value(judgement, pairs, margins),
        floor=0.5 ** len(_units(judgement, pairs)),
        before=before,
        after=after,
    )


def _margin(judgement: AppliedRule, pair: CaseDiff) -> float:
    """Return how much better than the bound a case is; negative when it is worse than allowed."""
    rule = judgement.rule
    bound, after = rule.bound(pair.before[rule.metric.name]), pair.after[rule.metric.name]
    return after - bound if rule.metric.worse == "less" else bound - after


def _units(judgement: AppliedRule, pairs: Sequence[CaseDiff]) -> set[str]:
    """Return what can speak against no change: the cases that can get worse; over all targets, their targets."""
    worse = [pair for pair in pairs if _can_be_worse(judgement, pair)]
    return {pair.target if judgement.target == ALL_TARGETS else pair.case_id for pair in worse}


def _can_be_worse(judgement: AppliedRule, pair: CaseDiff) -> bool:
    """Tell whether a case could be worse than allowed at all: one that failed before cannot fail more."""
    rule = judgement.rule
    return not rule.metric.is_bounded or rule.bound(pair.before[rule.metric.name]) > 0


def _p_value(judgement: AppliedRule, pairs: Sequence[CaseDiff], margins: Mapping[str, float]) -> float:
    from e2i_eval.stats.paired import mcnemar, sign_flip  # noqa: PLC0415  NumPy is heavy

    rule = judgement.rule
    if rule.metric.kind == "rate" and rule.value == 0 and all(abs(each) in {0.0, 1.0} for each in margins.values()):
        broken = sum(each < 0 for each in margins.values())
        return mcnemar(broken, sum(each > 0 for each in margins.values()), alternative="worse")
    if judgement.target == ALL_TARGETS:
        clusters: dict[str, list[float]] = {}
        for pair in pairs:
            clusters.setdefault(pair.target, []).append(margins[pair.case_id])
        return sign_flip(clusters, alternative="less")
    return sign_flip({case_id: [margin] for case_id, margin in margins.items()}, alternative="less")


def _decision(test: _Test, p: float, gate_input: GateInput, *, family: int) -> Decision:
    judgement = test.judgement
    unit = judgement.rule.metric.unit
    text = (
        f"{number(test.before, unit)} → {number(test.after, unit)} a case over {len(test.pairs)} cases, "
        f"p = {p:.3g} for worse than allowed"
    )
    say = partial(
        built_decision,
        judgement,
        baseline=test.before,
        measured=test.after,
        explanation=(*_worst(test), *scope_lines(gate_input, judgement.target)),
    )
    if p < ALPHA:
        return say("fail", text, detectable=_detectable(test), fix=ACCEPT)
    if test.floor * family >= ALPHA:
        reason = f"{text}; with {len(test.pairs)} cases not even the worst outcome could fail"
        return say("inconclusive", reason, detectable="none", fix=_resolve(test, gate_input))
    if p < DOUBT:
        reason = f"{text}: too little to decide"
        return say("inconclusive", reason, detectable=_detectable(test), fix=_resolve(test, gate_input))
    return say("pass", text, detectable=_detectable(test))


def _worst(test: _Test) -> list[str]:
    name = test.judgement.rule.metric.name
    worse = sorted((pair for pair in test.pairs if _margin(test.judgement, pair) < 0), key=lambda pair: pair.case_id)
    lines = [f"{pair.case_id}: {number(pair.before[name])} → {number(pair.after[name])}" for pair in worse]
    hidden = len(lines) - SHOWN_CASES
    return [*lines[:SHOWN_CASES], f"… and {hidden} more"] if hidden > 0 else lines


def _discordance(test: _Test) -> float:
    name = test.judgement.rule.metric.name
    changed = sum(pair.before[name] != pair.after[name] for pair in test.pairs)
    return max(changed / len(test.pairs), USUAL_DISCORDANCE)


def _detectable(test: _Test) -> str:
    if not test.judgement.rule.metric.is_bounded:
        return ""
    drop = detectable_drop(len(test.pairs), _discordance(test))
    if drop is None:
        return f"{len(test.pairs)} cases see no drop of the usual size"
    return f"a drop of {drop * 100:.0f} points over {len(test.pairs)} cases, four times in five"


def _resolve(test: _Test, gate_input: GateInput) -> str:
    """Say how many cases would decide, and what they cost at this session's price of a case."""
    if not test.judgement.rule.metric.is_bounded:
        return "repeat each case with --e2i-repeat=5"
    drop = max(test.before - test.after, 0.05)
    needed = pairs_needed(min(drop, 1.0), max(_discordance(test), drop))
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
    from e2i_eval.stats.rates import wilson  # noqa: PLC0415  SciPy takes half a second

    for total in (done * factor for factor in (2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 100)):
        known = wilson(round(rate * total), total, confidence=CONFIDENCE)
        if known.low >= limit or known.high < limit:
            return total
    return 0
