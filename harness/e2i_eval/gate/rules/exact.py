"""Changes against the baseline where an unchanged target does exactly the same again: every difference is definite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_eval.gate.rules.decisions import ACCEPT, FIX_CASES, RERUN_WHOLE, decision, number, scope_lines, shortened
from e2i_eval.gate.rules.undecided_cases import undecided, undecided_decision
from e2i_eval.gate.runs.equality import is_beyond

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.baseline import BaselineChange, CaseDiff
    from e2i_eval.gate.rules.gate_input import GateInput
    from e2i_eval.gate.rules.rule import Rule
    from e2i_eval.gate.rules.rulebook import AppliedRule

__all__ = ["decide_behaviour", "decide_change", "decide_prompts", "gap_decision"]

BEHAVIOUR = frozenset({"behaviour", "nodes", "loops", "error", "call", "model", "tools", "stop_reason"})
"""Metrics of changes that the rule on behaviour judges; what Claude was asked has a rule of its own."""

SHOWN_LINES = 24
"""Lines of prompt diffs in one explanation."""


def decide_change(applied: AppliedRule, gate_input: GateInput) -> Decision:
    """Judge an allowed change: amounts and shares case by case, the pass rate over the target.

    Case by case, because a saving in one case does not excuse growth in another.
    """
    if gap := gap_decision(applied, gate_input):
        return gap
    metric = applied.rule.metric
    pairs = gate_input.pairs(applied.target)
    known = [pair for pair in pairs if metric.name in pair.before and metric.name in pair.after]
    unknown = [pair for pair in pairs if (metric.name in pair.before) != (metric.name in pair.after)]
    open_cases = undecided(gate_input, applied.target) if metric.kind == "rate" else {}
    if open_cases and not unknown and not _worse(applied.rule, [p for p in known if p.case_id not in open_cases]):
        return undecided_decision(applied, open_cases)
    worse = _worse(applied.rule, known)
    broken = [*(_unknown_line(pair, metric.name) for pair in unknown), *_unstable(pairs, {metric.name})]
    before, after = (_total(known, metric.name, metric.kind, side=side) for side in ("before", "after"))
    shown = (*shortened([*broken, *_lines(worse, metric.name)]), *_causes(worse))
    if not known and not broken:
        reason = f"neither the baseline nor this run has {metric.name} of any case"
        return decision(applied, "fail", reason, explanation=scope_lines(gate_input, applied.target), fix=ACCEPT)
    if worse or broken:
        reason = _reason(applied.rule, worse, broken, before=before, after=after)
    else:
        reason = f"{number(before, metric.unit)} → {number(after, metric.unit)} in {len(known)} cases"
    return decision(
        applied,
        "fail" if worse or broken else "pass",
        reason,
        baseline=before if known else None,
        measured=after if known else None,
        explanation=(*shown, *scope_lines(gate_input, applied.target)),
        fix="" if not (worse or broken) else FIX_CASES if metric.kind == "rate" else ACCEPT,
    )


def decide_behaviour(applied: AppliedRule, gate_input: GateInput) -> Decision:
    """Judge whether every case took the same path, with the same tools and loops."""
    if refusal := gap_decision(applied, gate_input) or _unfixed(applied, gate_input):
        return refusal
    pairs = gate_input.pairs(applied.target)
    changed = [pair for pair in pairs if any(change.metric in BEHAVIOUR for change in pair.changes)]
    unstable = _unstable(pairs, BEHAVIOUR)
    scope = scope_lines(gate_input, applied.target)
    if not changed and not unstable:
        return decision(applied, "pass", f"the same path, tools and loops in {len(pairs)} cases", explanation=scope)
    names = sorted({change.metric for pair in changed for change in pair.changes if change.metric in BEHAVIOUR})
    reason = f"{len(changed)} of {len(pairs)} cases behave differently: {', '.join(names)}"
    lines = (*shortened([*unstable, *_change_lines(changed)]), *scope)
    return decision(applied, "fail", reason if changed else unstable[0], explanation=lines, fix=ACCEPT)


def decide_prompts(applied: AppliedRule, gate_input: GateInput) -> Decision:
    """Judge whether Claude was asked the same in every case, word for word."""
    if refusal := gap_decision(applied, gate_input) or _unfixed(applied, gate_input):
        return refusal
    pairs = gate_input.pairs(applied.target)
    asked = [pair for pair in pairs if any(change.kind == "prompt" for change in pair.changes)]
    scope = scope_lines(gate_input, applied.target)
    if not asked:
        return decision(applied, "pass", f"the same prompts in {len(pairs)} cases", explanation=scope)
    reason = f"the prompt changed in {len(asked)} of {len(pairs)} cases"
    named = shortened(pair.case_id for pair in asked)
    return decision(applied, "fail", reason, explanation=(*named, *_causes(asked), *scope), fix=ACCEPT)


def _unfixed(applied: AppliedRule, gate_input: GateInput) -> Decision | None:
    """Return the decision where Claude answers freely, so that paths and prompts may differ every time."""
    if gate_input.is_exact:
        return None
    reason = f"{applied.rule.metric.name} is not compared when Claude answers freely"
    return decision(applied, "inconclusive", reason, fix="gate it in mock mode")


def gap_decision(applied: AppliedRule, gate_input: GateInput) -> Decision | None:
    """Return the decision when something to compare is missing; None when all is there."""
    target, metric = applied.target, applied.rule.metric.name
    compared = "behaviour" if applied.rule.metric.kind == "prompts" else metric
    if gate_input.diff is not None and (why := gate_input.diff.incomparable.get(compared)):
        return decision(applied, "inconclusive", f"{metric} cannot be compared with the baseline: {why}", fix=ACCEPT)
    gaps = gate_input.gaps(target)
    if gaps:
        more = f", and {len(gaps) - 1} more gaps" if len(gaps) > 1 else ""
        reason = f"{gaps[0]}{more}"
        fix = RERUN_WHOLE if any("was to run" in gap for gap in gaps) else ACCEPT
        return decision(
            applied, "fail", reason, explanation=(*shortened(gaps), *scope_lines(gate_input, target)), fix=fix
        )
    if why := gate_input.unselected(target):
        return decision(applied, "pass", f"no case of {target} was selected ({why}): nothing to judge")
    if not gate_input.pairs(target):
        reason = f"no case of {target} ran that the baseline has"
        return decision(applied, "fail", reason, explanation=scope_lines(gate_input, target), fix=RERUN_WHOLE)
    return None


def _worse(rule: Rule, pairs: Sequence[CaseDiff]) -> list[CaseDiff]:
    name = rule.metric.name
    if rule.metric.kind == "rate":
        before, after = (_total(pairs, name, "rate", side=side) for side in ("before", "after"))
        fallen = [pair for pair in pairs if pair.after[name] < pair.before[name]]
        return fallen if pairs and _is_beyond(rule, before, after) else []
    return [pair for pair in pairs if _is_beyond(rule, pair.before[name], pair.after[name])]


def _is_beyond(rule: Rule, before: float, after: float) -> bool:
    return is_beyond(after, rule.bound(before), worse=rule.metric.worse)


def _total(pairs: Sequence[CaseDiff], name: str, kind: str, *, side: str) -> float:
    values = [getattr(pair, side)[name] for pair in pairs]
    total = math.fsum(values)
    return total if kind == "amount" or not values else total / len(values)


def _reason(rule: Rule, worse: Sequence[CaseDiff], broken: Sequence[str], *, before: float, after: float) -> str:
    metric = rule.metric
    if not worse:
        return broken[0]
    change = f"{number(before, metric.unit)} → {number(after, metric.unit)}{_percent(before, after)}"
    return (
        f"{metric.name} {change}; worse than {rule.sign}{rule.text.partition(rule.sign)[2]} allows in {_cases(worse)}"
    )


def _percent(before: float, after: float) -> str:
    return f" ({(after - before) / before:+.1%})" if before else ""


def _cases(pairs: Sequence[CaseDiff]) -> str:
    return pairs[0].case_id if len(pairs) == 1 else f"{len(pairs)} cases"


def _lines(pairs: Iterable[CaseDiff], name: str) -> list[str]:
    return [
        f"{pair.case_id}: {number(pair.before[name])} → {number(pair.after[name])}"
        f"{_percent(pair.before[name], pair.after[name])}"
        for pair in pairs
    ]


def _unknown_line(pair: CaseDiff, name: str) -> str:
    if name in pair.before:
        return f"{pair.case_id}: {name} could not be measured; the baseline has {number(pair.before[name])}"
    return f"{pair.case_id}: {name} is {number(pair.after[name])} and has no value in the baseline"


def _unstable(pairs: Iterable[CaseDiff], metrics: Iterable[str]) -> list[str]:
    return [
        f"{pair.case_id}: {change.metric} is not the same in every repetition"
        for pair in pairs
        for change in pair.changes
        if change.kind == "stability" and change.metric in metrics
    ]


def _causes(pairs: Iterable[CaseDiff]) -> tuple[str, ...]:
    """Return the prompt diffs of the cases, each once however many cases share it."""
    seen: dict[tuple[str, ...], str] = {}
    for pair in pairs:
        for change in pair.changes:
            if change.kind == "prompt" and change.lines:
                seen.setdefault(_changed_lines(change), f"{pair.case_id}, prompt of {change.call or 'a call'}:")
    lines = [line for changed, title in seen.items() for line in (title, *(f"  {each}" for each in changed))]
    hidden = len(lines) - SHOWN_LINES
    return (*lines[:SHOWN_LINES], f"… and {hidden} more lines of prompt diffs") if hidden > 0 else tuple(lines)


def _changed_lines(change: BaselineChange) -> tuple[str, ...]:
    """Return the lines that came and went; those around them differ between cases that share a cause."""
    return tuple(line for line in change.lines if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"})


def _change_lines(pairs: Iterable[CaseDiff]) -> list[str]:
    return [
        line
        for pair in pairs
        for change in pair.changes
        if change.metric in BEHAVIOUR and change.kind != "stability"
        for line in (_change_line(pair, change), *(f"  {each}" for each in change.lines))
    ]


def _change_line(pair: CaseDiff, change: BaselineChange) -> str:
    call = f" of {change.call}" if change.call else ""
    return f"{pair.case_id}: {change.metric}{call} {_text(change.before)} → {_text(change.after)}"


def _text(value: object) -> str:
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
