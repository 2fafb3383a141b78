"""The repetitions of one case, made one after another until they decide it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from e2i_eval.stats.repeats import is_decided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.case import Case
    from e2i_eval.runner.evaluation import Evaluation
    from e2i_eval.runner.report import CaseResult
    from e2i_eval.stats.repeats import RepeatPlan

__all__ = ["EvaluatesCases", "repetitions"]


class EvaluatesCases(Protocol):
    """What evaluates a case once."""

    def evaluate(self, case: Case, nodeid: str, *, repeat: int = 0, first: CaseResult | None = None) -> Evaluation:
        """Return the judged case."""


def repetitions(evaluator: EvaluatesCases, case: Case, nodeid: str, plan: RepeatPlan) -> Iterator[Evaluation]:
    """Evaluate ``case`` as often as it takes, each time from a fresh script and with a run of its own on the server.

    Yields:
        Each repetition as it is done, so that what a later one breaks does not take the earlier ones along.

    Raises:
        UsageError: the target cannot be built or its contract cannot be read.
    """
    results: list[CaseResult] = []
    while not results or not is_decided(results, plan):
        first = results[0] if results and plan.exact else None
        evaluation = evaluator.evaluate(case, nodeid, repeat=len(results), first=first)
        result = evaluation.result if plan.is_single else replace(evaluation.result, planned=plan.times)
        results.append(result)
        yield replace(evaluation, result=result)
