"""The gate on the screen and in the tags of the runs."""

from __future__ import annotations

import math

from e2i_eval.core.decision import Decision
from e2i_eval.core.estimate import Estimate
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.gate.rules.gate_scope import GateScope
from e2i_eval.report.gate import decision_lines, gate, unseen
from e2i_eval.report.terminal import terminal_lines
from e2i_eval.runner.decision_record import session_metrics, session_tags, target_metrics, target_tags

GOOD = Decision(rule="input_tokens:+0%", target="a", metric="input_tokens", status="pass", reason="the same")
BAD = Decision(
    rule="input_tokens:+0%",
    target="b",
    metric="input_tokens",
    status="fail",
    reason="100 → 101",
    explanation=("b/x: 100 → 101",),
    fix="accept it",
)
OPEN = Decision(
    rule="pass_rate:-0%",
    target="b",
    metric="pass_rate",
    status="inconclusive",
    reason="too few",
    detectable="20 points",
)


def test_one_line_when_all_is_well_and_every_other_decision_by_name() -> None:
    """Nobody reads seventy lines of agreement."""
    assert gate([]) == []
    assert terminal_lines(gate([GOOD, GOOD])) == ["gate: 2 rules pass"]
    assert terminal_lines([*gate([GOOD, BAD, OPEN]), *unseen([GOOD, BAD, OPEN])]) == [
        "gate: 1 pass, 1 fail, 1 inconclusive",
        "  ✗ input_tokens:+0%: 1 of 2 targets",
        "      ✗ b: 100 → 101",
        "      fix: accept it",
        "  ? pass_rate:-0%: 1 of 1 target",
        "      ? b: too few",
        "sensitivity: pass_rate:-0% on b: 20 points",
    ]


def test_a_decision_explains_itself() -> None:
    """What, where, and what to type."""
    assert decision_lines(BAD) == [
        "✗ gate input_tokens:+0% on b: 100 → 101",
        "    b/x: 100 → 101",
        "    fix: accept it",
    ]


def test_runs_are_tagged_with_the_worst() -> None:
    """One tag a metric on the target's run, one on the session's."""
    assert session_tags([]) == {}
    assert session_tags([GOOD, OPEN]) == {"e2i_eval.gate": "inconclusive"}
    assert session_tags([OPEN, BAD, GOOD]) == {"e2i_eval.gate": "fail"}
    assert target_tags([GOOD, BAD, OPEN], "b") == {"gate.input_tokens": "fail", "gate.pass_rate": "inconclusive"}


COSTLY = Decision(
    rule="overhead_ms:<50",
    target="b",
    metric="overhead_ms",
    status="fail",
    reason="too long",
    measured=62.0,
    estimate=Estimate(value=60.0, low=58.0, high=62.0, confidence=0.95, method="Hodges-Lehmann"),
)


def test_runs_have_the_numbers_that_were_judged() -> None:
    """With their interval and the accepted value; of several rules on one metric the worst, and nothing invented."""
    grown = Decision(
        rule="cost_usd:+0%", target="b", metric="cost_usd", status="fail", reason="", baseline=1.0, measured=2.0
    )
    limit = Decision(rule="cost_usd:<9", target="b", metric="cost_usd", status="pass", reason="", measured=2.5)
    endless = Decision(
        rule="claude_calls:<9", target="b", metric="claude_calls", status="fail", reason="", measured=math.inf
    )

    assert session_metrics([]) == target_metrics([GOOD], "b") == {}
    assert session_metrics([GOOD, OPEN, BAD, COSTLY]) == {"gate.failed": 2.0, "gate.inconclusive": 1.0}
    assert target_metrics([GOOD, OPEN, COSTLY, grown, limit, endless], "b") == {
        "gate.failed": 3.0,
        "gate.inconclusive": 1.0,
        "gate.overhead_ms": 60.0,
        "gate.overhead_ms.low": 58.0,
        "gate.overhead_ms.high": 62.0,
        "gate.cost_usd": 2.0,
        "gate.cost_usd.baseline": 1.0,
    }


def test_a_rule_on_all_targets_is_told_with_the_session() -> None:
    """No target's run could hold it."""
    rate = Decision(
        rule="pass_rate:-0%", target="all", metric="pass_rate", status="pass", reason="", baseline=1.0, measured=0.9
    )

    assert session_metrics([rate, COSTLY]) == {
        "gate.failed": 1.0,
        "gate.inconclusive": 0.0,
        "gate.pass_rate": 0.9,
        "gate.pass_rate.baseline": 1.0,
    }


def test_a_decision_survives_its_json() -> None:
    """With and without an interval; a report of before there were intervals is read."""
    old = {key: value for key, value in to_json(BAD).items() if key != "estimate"}

    assert [from_json(Decision, to_json(each)) for each in (BAD, COSTLY)] == [BAD, COSTLY]
    assert from_json(Decision, old) == BAD


def test_a_scope_crosses_processes() -> None:
    """What a worker sends is what the controller reads."""
    scope = GateScope(expected=("a/x",), left_out={"a": 2}, narrowed="--lf", rules=("r[a]",), dropped=1)

    assert from_json(GateScope, to_json(scope)) == scope
