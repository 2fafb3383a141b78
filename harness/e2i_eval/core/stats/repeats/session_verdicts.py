"""The case verdicts of a whole session."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from e2i_eval.core.stats.repeats.judgement import at_worst, sum_up
from e2i_eval.core.stats.repeats.repetition import by_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from e2i_eval.core.stats.repeats.case_verdict import CaseVerdict
    from e2i_eval.core.stats.repeats.repeat_plan import RepeatPlan
    from e2i_eval.core.stats.repeats.repetition import Repetition

__all__ = ["judge_session", "tally"]


def tally(results: Iterable[Repetition], verdicts: Sequence[CaseVerdict] = ()) -> tuple[CaseVerdict, ...]:
    """Return one verdict a case, in the order in which the cases began.

    Args:
        results: of all cases, or of some.
        verdicts: what was decided of the repeated ones when they ran, in that order; a case without is at its worst.
    """
    decided: dict[tuple[str, str], deque[CaseVerdict]] = defaultdict(deque)
    for verdict in verdicts:
        decided[verdict.key].append(verdict)
    groups = by_case(results)
    return tuple(
        waiting.popleft() if (waiting := decided[group[0].nodeid, group[0].case_id]) else at_worst(group)
        for group in groups
    )


def judge_session(results: Iterable[Repetition], plan_of: Callable[[str], RepeatPlan]) -> tuple[CaseVerdict, ...]:
    """Judge every case that was run by a plan; a case outside of any plan has the status of its result.

    Args:
        results: of all cases, in the order they came; those of one item in the order they were made.
        plan_of: from a target to its plan.
    """
    return tuple(sum_up(group, plan_of(group[0].target)) for group in by_case(results) if group[0].planned)
