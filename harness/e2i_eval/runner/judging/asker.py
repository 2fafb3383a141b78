"""How one judge is asked once: by a rubric of ours or by a scorer of MLflow's."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Protocol

from e2i_eval.checks.judges.basis import basis_of
from e2i_eval.checks.judges.rubric import rubric_request, score_of
from e2i_eval.core.judgement import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from e2i_eval.checks.judges.subject import JudgeSubject
    from e2i_eval.core.exchange import Usage
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.judge_rule import JudgeRule
    from e2i_eval.core.ports import Pricing

__all__ = ["Ask", "NoAnswerError", "Scorer", "ask", "ask_once", "judgement_of", "median", "spent"]


class Ask(Protocol):
    """Sends one request to the judge's model."""

    def __call__(self, body: JsonObject) -> JsonObject:
        """Return the message; raises whatever went wrong."""


class Scorer(Protocol):
    """Runs one of MLflow's scorers."""

    def __call__(self, rule: JudgeRule, subject: JudgeSubject, *, model: str, ask: Ask) -> tuple[bool, str]:
        """Return whether it says yes, and why; raises whatever went wrong."""


class NoAnswerError(Exception):
    """The model of a judge gave no answer; the message says why, as it is shown."""


def ask_once(rule: JudgeRule, subject: JudgeSubject, *, model: str, ask: Ask, scorer: Scorer) -> tuple[float, str]:
    """Return one score and its reason; raises whatever went wrong."""
    if rule.scorer:
        says_yes, reason = scorer(rule, subject, model=model, ask=ask)
        return float(says_yes), reason
    return score_of(ask(rubric_request(rule, subject, model)), rule)


def ask(rule: JudgeRule, subject: JudgeSubject, *, model: str, asks: Iterable[Ask], scorer: Scorer) -> Judgement:
    """Return what one judge says when its question is put once by each of ``asks``; the first that breaks ends it.

    What it took is not in it: see ``spent``.
    """
    answers: list[tuple[float, str]] = []
    error = ""
    try:
        answers += (ask_once(rule, subject, model=model, ask=each, scorer=scorer) for each in asks)
    except NoAnswerError as raised:
        error = str(raised)
    except Exception as raised:  # noqa: BLE001  whatever breaks in a judge says nothing about the system
        error = f"{type(raised).__name__}: {raised}"
    return judgement_of(rule, subject.case_id, model=model, answers=answers, error=error)


def median(answers: Sequence[tuple[float, str]]) -> tuple[float, str]:
    """Return the median score, and the reason of the answer that is nearest to it."""
    middle = statistics.median(score for score, _ in answers)
    _, reason = min(answers, key=lambda answer: abs(answer[0] - middle))
    return middle, reason


def judgement_of(
    rule: JudgeRule, case_id: str, *, model: str, answers: Sequence[tuple[float, str]] = (), error: str = ""
) -> Judgement:
    """Return what the answers of one judge come to; with ``error`` it broke, whatever it had answered before."""
    score, reason = median(answers) if answers and not error else (None, "")
    return Judgement(
        judge=rule.name,
        case=case_id,
        score=score,
        passed=None if score is None else score >= rule.min,
        reason=reason,
        error=error,
        model=model,
        basis=basis_of(rule),
    )


def spent(used: Iterable[tuple[str, Usage]], price: Pricing) -> dict[str, float | int | None]:
    """Return tokens and cost of answers, each a model and what it used, by the names a judgement has for them."""
    every = tuple(used)
    costs = [price(model, usage) for model, usage in every]
    known = [cost for cost in costs if cost is not None]
    return {
        "input_tokens": sum(usage.total_input_tokens for _, usage in every),
        "output_tokens": sum(usage.output_tokens for _, usage in every),
        "cost_usd": math.fsum(known) if len(known) == len(costs) else None,
    }
