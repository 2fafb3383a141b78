"""Slowness: how much longer a caller waits with a fault in force, judged by the gate's own rule."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from e2i_eval.core.overhead_result import OverheadResult
from e2i_eval.core.stats.shift import hodges_lehmann
from e2i_eval.gate.rules.decide import decide
from e2i_eval.gate.rules.gate_input import GateInput
from e2i_eval.gate.rules.rulebook import AppliedRule, parse_rules
from e2i_eval.runner.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_eval.core.case import Case
    from e2i_eval.core.decision import Decision

__all__ = ["measured"]

RULE = "overhead_ms:<50"
"""The bar for logging, as a project writes it."""

PAIRS = 8
"""The fewest of which the rule can fail, if each of them is beyond it; what is looked for is three times the limit."""

MOST_ROUNDS = 4
"""Of so many pairs each, while the rule cannot decide: on a busy machine eight pairs differ by more than the limit."""


def measured(case: Case, pair: Callable[[], tuple[float, float]]) -> Decision:
    """Return what the rule says of a case; more pairs are measured while it cannot decide.

    Args:
        case: what is called.
        pair: measures it without and with the fault, in milliseconds, one right after the other.
    """
    pairs_ms: list[tuple[float, float]] = []
    for _ in range(MOST_ROUNDS):
        pairs_ms += [pair() for _ in range(PAIRS)]
        decision = _judged(case, pairs_ms)
        if decision.status != "inconclusive":
            break
    return decision


def _judged(case: Case, pair_ms: Sequence[tuple[float, float]]) -> Decision:
    result = OverheadResult(
        target=case.target,
        case_id=case.id,
        callers="one",
        pairs=len(pair_ms),
        plain_ms=statistics.median(plain for plain, _ in pair_ms),
        overhead_ms=hodges_lehmann([slow - plain for plain, slow in pair_ms]),
        drain_ms=0.0,
        pair_ms=tuple(pair_ms),
    )
    report = Report(session={"claude": "mock"}, environment={}, cases=(), overheads=(result,))
    (rule,) = parse_rules([RULE], where="e2i-eval prove", targets={case.target})
    (decision,) = decide([AppliedRule(rule=rule, target=case.target)], GateInput(report=report))
    return decision
