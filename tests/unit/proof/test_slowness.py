"""What a fault adds to a call is judged by the rule of the gate, with as many pairs as that needs."""

from __future__ import annotations

import itertools

from e2i_eval.core.case import Case
from e2i_eval.faults.proof.slowness import measured

CASE = Case(id="support/refund", target="support", inputs={})


def test_a_slow_call_fails_the_rule() -> None:
    """By the lower end of its interval, in words of the rule."""
    decision = measured(CASE, lambda: (100.0, 260.0))

    assert (decision.rule, decision.status) == ("overhead_ms:<50", "fail")
    assert "160 ms a call" in decision.reason
    assert "beyond <50 ms" in decision.reason


def test_a_call_as_fast_as_ever_passes() -> None:
    """After the fewest pairs."""
    calls = itertools.count()

    def pair() -> tuple[float, float]:
        return 100.0, 100.0 + next(calls) % 3

    assert measured(CASE, pair).status == "pass"
    assert next(calls) == 8


def test_noise_is_measured_again_and_never_passes() -> None:
    """More pairs decide where they can; where they cannot, it is neither caught nor well."""
    calls = itertools.count()

    def pair() -> tuple[float, float]:
        return 100.0, 100.0 + (400.0 if next(calls) % 2 else -200.0)

    assert measured(CASE, pair).status == "inconclusive"
    assert next(calls) == 32
