"""What the repetitions of a session come to, case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.stats.repeats.judgement import sum_up
from e2i_eval.stats.repeats.repetition import by_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from e2i_eval.stats.repeats.case_verdict import CaseVerdict
    from e2i_eval.stats.repeats.repeat_plan import RepeatPlan
    from e2i_eval.stats.repeats.repetition import Repetition

__all__ = ["judge_session"]


def judge_session(results: Iterable[Repetition], plan_of: Callable[[str], RepeatPlan]) -> tuple[CaseVerdict, ...]:
    """Judge every case that was run by a plan; one that stands for itself is what its result says.

    Args:
        results: of all cases, in the order they came; those of one item in the order they were made.
        plan_of: from a target to its plan.
    """
    return tuple(sum_up(group, plan_of(group[0].target)) for group in by_case(results) if group[0].planned)
