"""The gate on the screen and in the tags of the runs."""

from __future__ import annotations

from e2i_eval.decision import Decision
from e2i_eval.gate.record import session_tags, target_tags
from e2i_eval.gate.scope import Scope
from e2i_eval.render.gate import decision_lines, gate_lines

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
    assert gate_lines([]) == []
    assert gate_lines([GOOD, GOOD]) == ["gate: 2 rules pass"]
    assert gate_lines([GOOD, BAD, OPEN]) == [
        "gate: 1 pass, 1 fail, 1 inconclusive",
        "  ✗ input_tokens:+0%: 1 of 2 targets",
        "      ✗ b: 100 → 101",
        "      fix: accept it",
        "  ? pass_rate:-0%: 1 of 1 target",
        "      ? b: too few",
        "    pass_rate:-0% sees 20 points (b)",
    ]


def test_a_decision_explains_itself() -> None:
    """What, where, and what to type."""
    assert decision_lines(BAD) == [
        "✗ gate input_tokens:+0% on b: 100 → 101",
        "    b/x: 100 → 101",
        "  fix: accept it",
    ]


def test_runs_are_tagged_with_the_worst() -> None:
    """One tag a metric on the target's run, one on the session's."""
    assert session_tags([]) == {}
    assert session_tags([GOOD, OPEN]) == {"e2i_eval.gate": "inconclusive"}
    assert session_tags([OPEN, BAD, GOOD]) == {"e2i_eval.gate": "fail"}
    assert target_tags([GOOD, BAD, OPEN], "b") == {"gate.input_tokens": "fail", "gate.pass_rate": "inconclusive"}


def test_a_scope_crosses_processes() -> None:
    """What a worker sends is what the controller reads."""
    scope = Scope(expected=("a/x",), left_out={"a": 2}, narrowed="--lf", judgements=("r[a]",), dropped=1)

    assert Scope.from_json(scope.to_json()) == scope
