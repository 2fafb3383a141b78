"""A case run as often as planned within one pytest item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.plugin.inconclusive import Inconclusive
from e2i_eval.report.repeats import verdict_lines
from e2i_eval.runner.repetitions import repetitions
from e2i_eval.stats.repeats import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.case import Case
    from e2i_eval.runner.evaluation import Evaluation
    from e2i_eval.runner.repetitions import EvaluatesCases
    from e2i_eval.runner.report import CaseResult
    from e2i_eval.stats.repeats import CaseVerdict, RepeatPlan

__all__ = ["CaseInconclusive", "run_case"]


class CaseInconclusive(Inconclusive):
    """The repetitions of a case leave it open."""

    def __init__(self, verdict: CaseVerdict) -> None:
        super().__init__(f"{verdict.case_id}: {verdict.reason}", tuple(verdict_lines(verdict)))
        self.verdict = verdict


def run_case(
    evaluator: EvaluatesCases, case: Case, nodeid: str, plan: RepeatPlan, keep: Callable[[Evaluation], object]
) -> tuple[CaseResult, CaseVerdict]:
    """Evaluate a case as often as it takes.

    Args:
        evaluator: of this process.
        case: what is evaluated.
        nodeid: the item.
        plan: of the case's target.
        keep: takes each repetition as soon as it is done.

    Returns:
        The repetition to show, the first that did not pass or else the last, and what all come to.

    Raises:
        CaseInconclusive: the repetitions leave it open.
    """
    results: list[CaseResult] = []
    for evaluation in repetitions(evaluator, case, nodeid, plan):
        keep(evaluation)
        results.append(evaluation.result)
    verdict = judge(results, plan)
    if verdict.status == "inconclusive":
        raise CaseInconclusive(verdict)
    return next((result for result in results if result.status != "pass"), results[-1]), verdict
