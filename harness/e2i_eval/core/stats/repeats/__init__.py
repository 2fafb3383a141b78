"""Repetitions of a case: how often it runs, when that is enough, and what they come to together.

A case is *one* thing however often it ran: count ``CaseVerdict``s, not results.
``Report.case_verdicts()`` has one for every case of a session; an *inconclusive* one is no pass and no failure.
"""

from __future__ import annotations

from e2i_eval.core.stats.repeats.case_verdict import CaseVerdict, CaseVerdictStatus
from e2i_eval.core.stats.repeats.determinism import REPEATS, disagreement
from e2i_eval.core.stats.repeats.judgement import is_decided, sum_up
from e2i_eval.core.stats.repeats.reducer import ALL_PASS, Reducer, parse_reducer
from e2i_eval.core.stats.repeats.repeat_plan import RepeatPlan, RepeatWish, parse_times, repeat_plans
from e2i_eval.core.stats.repeats.repetition import Repetition, by_case
from e2i_eval.core.stats.repeats.session_verdicts import judge_session, tally

__all__ = [
    "ALL_PASS",
    "REPEATS",
    "CaseVerdict",
    "CaseVerdictStatus",
    "Reducer",
    "RepeatPlan",
    "RepeatWish",
    "Repetition",
    "by_case",
    "disagreement",
    "is_decided",
    "judge_session",
    "parse_reducer",
    "parse_times",
    "repeat_plans",
    "sum_up",
    "tally",
]
