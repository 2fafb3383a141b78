"""The repetitions of one case, made one after another until they decide it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from e2i_eval.core.stats.repeats import is_decided, sum_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.case import Case
    from e2i_eval.core.stats.repeats import CaseVerdict, RepeatPlan
    from e2i_eval.runner.evaluation import Evaluation
    from e2i_eval.runner.report import CaseResult

__all__ = ["EvaluatesCases", "evaluate_repeatedly"]


class EvaluatesCases(Protocol):
    """What evaluates a case once."""

    def evaluate(
        self, case: Case, nodeid: str, *, repeat: int = 0, planned: int = 0, first: CaseResult | None = None
    ) -> Evaluation:
        """Return the judged case."""


def evaluate_repeatedly(
    evaluator: EvaluatesCases, case: Case, nodeid: str, plan: RepeatPlan, keep: Callable[[Evaluation], object]
) -> tuple[CaseResult, CaseVerdict]:
    """Evaluate ``case`` as often as it takes, each time from a fresh script and with a run of its own on the server.

    Args:
        evaluator: of this process.
        case: what is evaluated.
        nodeid: the item.
        plan: of the case's target.
        keep: takes each repetition as soon as it is done, so that what a later one breaks does not take it along.

    Returns:
        The repetition to show, the first that did not pass or else the last, and what all come to.

    Raises:
        UsageError: the target cannot be built or its contract cannot be read.
    """
    planned = 0 if plan.is_single else plan.times
    results: list[CaseResult] = []
    while not results or not is_decided(results, plan):
        first = results[0] if results and plan.exact else None
        evaluation = evaluator.evaluate(case, nodeid, repeat=len(results), planned=planned, first=first)
        keep(evaluation)
        results.append(evaluation.result)
    shown = next((result for result in results if result.status != "pass"), results[-1])
    return shown, sum_up(results, plan)
