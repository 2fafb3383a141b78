"""From judgements to verdicts, measurements and what a reader should know."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_eval.checks.judges.uncalibrated import doubted
from e2i_eval.core.verdict import JUDGE_PREFIX, Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from e2i_eval.core.judge_rule import JudgeRule
    from e2i_eval.core.judgement import Judgement

__all__ = ["judge_measurements", "judge_notes", "judge_totals", "verdict_of"]

MAX_NAMES = 5
COST = "judge.cost_usd"
TOKENS = ("judge.input_tokens", "judge.output_tokens")


def verdict_of(judgement: Judgement, rule: JudgeRule, *, where: str) -> Verdict:
    """Return a judgement as the verdict of a check.

    A judge that broke is an error and one that was not asked a skip: neither says anything about the system.

    Args:
        judgement: what the judge said.
        rule: of the judge.
        where: ``file:line`` of the judge in the case.
    """
    if judgement.error:
        what = f"the judge broke: {judgement.error}"
        return Verdict(check=rule.check, status="error", reason=what, by=judgement.model)
    if judgement.score is None or judgement.passed is None:
        return Verdict(check=rule.check, status="skip", reason=f"unjudged: {judgement.reason}")
    low, high = rule.scale
    said = f"{judgement.score:g} on a scale of {low} to {high}, where {rule.min:g} is enough"
    if rule.scorer:
        said = f"{rule.scorer} says {'yes' if judgement.passed else 'no'}"
    findings = (
        ()
        if judgement.passed
        else (
            Finding(
                message=judgement.reason or "the judge gave no reason",
                field=rule.check,
                expected=f"at least {rule.min:g}",
                actual=f"{judgement.score:g}",
                where=where,
            ),
        )
    )
    verdict = Verdict(
        check=rule.check,
        status="pass" if judgement.passed else "fail",
        reason=f"{said}: {judgement.reason}" if judgement.reason else said,
        by=judgement.model,
        findings=findings,
        score=(judgement.score - low) / (high - low),
    )
    return doubted(verdict, rule)


def judge_measurements(judgements: Sequence[Judgement]) -> dict[str, float]:
    """Return what judging took, apart from what the target did; nothing for a case without judges."""
    if not judgements:
        return {}
    measured = {
        "judge.judgements": float(sum(each.passed is not None for each in judgements)),
        "judge.errors": float(sum(bool(each.error) for each in judgements)),
        "judge.unjudged": float(sum(each.is_unjudged for each in judgements)),
        TOKENS[0]: float(sum(each.input_tokens for each in judgements)),
        TOKENS[1]: float(sum(each.output_tokens for each in judgements)),
    }
    costs = [each.cost_usd for each in judgements]
    known = [cost for cost in costs if cost is not None]
    return {**measured, COST: math.fsum(known)} if len(known) == len(costs) else measured


def judge_totals(measured: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Add up the judges' measurements of several cases; the cost is absent when that of one is not known."""
    judged = [each for each in measured if TOKENS[0] in each]
    names = dict.fromkeys(name for each in judged for name in each if name.startswith(JUDGE_PREFIX))
    totals = {name: math.fsum(each.get(name, 0.0) for each in judged) for name in names}
    if not all(COST in each for each in judged):
        totals.pop(COST, None)
    return totals


def judge_notes(judgements: Iterable[Judgement]) -> Iterator[str]:
    """Yield how many answers were judged and at what cost, which judges broke, and which were not asked."""
    every = tuple(judgements)
    if not every:
        return
    spent = judge_measurements(every)
    cost = f"{spent[COST]:.4f} USD" if COST in spent else "an unknown cost"
    yield (
        f"judges: {_counted([each for each in every if each.passed is not None], 'judgement')}, "
        f"{spent[TOKENS[0]]:.0f} input and {spent[TOKENS[1]]:.0f} output tokens, {cost}, "
        "not among the agents' own"
    )
    if broken := [each for each in every if each.error]:
        yield f"{_counted(broken, 'judge')} broke, which says nothing about the agents: {_names(broken)}"
    if unasked := [each for each in every if each.is_unjudged]:
        reasons = "; ".join(dict.fromkeys(each.reason for each in unasked))
        yield f"{_counted(unasked, 'judgement')} not made, which is no pass ({reasons}): {_names(unasked)}"


def _counted(judgements: Sequence[Judgement], noun: str) -> str:
    return f"{len(judgements)} {noun}" if len(judgements) == 1 else f"{len(judgements)} {noun}s"


def _names(judgements: Sequence[Judgement]) -> str:
    names = list(dict.fromkeys(f"{each.case} {each.judge}" for each in judgements))
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more
