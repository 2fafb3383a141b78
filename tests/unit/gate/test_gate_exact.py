"""Decisions in modes in which every difference is definite."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from e2i_eval.core.estimate import Estimate
from e2i_eval.core.latency_shift import LatencyShift
from e2i_eval.core.overhead_result import OverheadResult
from e2i_eval.gate.baseline import BaselineChange
from e2i_eval.gate.rules.gate_scope import GateScope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.baseline import CaseDiff
    from e2i_eval.runner.report import CaseResult


class Bench(Protocol):
    """The fixture ``bench``."""

    def case(self, name: str, *, status: str = "pass", repeat: int = 0, **measurements: float) -> CaseResult:
        """Make a result."""

    def pair(
        self, name: str, before: Mapping[str, float], after: Mapping[str, float], *changes: BaselineChange
    ) -> CaseDiff:
        """Make a case on both sides."""

    def judge(self, text: str, **parts: Any) -> Decision:  # noqa: ANN401  the parts of a gate input
        """Judge a rule on target ``a``."""


def test_the_same_passes_with_both_values(bench: Bench) -> None:
    """An unchanged target: the totals are shown."""
    pairs = [bench.pair(f"a/{number}", {"input_tokens": 100}, {"input_tokens": 100}) for number in range(3)]

    decision = bench.judge("input_tokens:+0%", pairs=pairs)

    assert (decision.status, decision.baseline, decision.measured) == ("pass", 300, 300)


def test_growth_fails_names_the_case_and_shows_the_prompt(bench: Bench, prompt_change: BaselineChange) -> None:
    """One token too many is definite, and what caused it stands beside it."""
    same = bench.pair("a/same", {"input_tokens": 100}, {"input_tokens": 100})
    grown = bench.pair("a/grown", {"input_tokens": 100}, {"input_tokens": 101}, prompt_change)

    decision = bench.judge("input_tokens:+0%", pairs=[same, grown])

    assert decision.status == "fail"
    assert "200 tokens → 201 tokens (+0.5%); worse than +0% allows in a/grown" in decision.reason
    assert "a/grown: 100 → 101 (+1.0%)" in decision.explanation
    assert "  +Plan. Be kind." in decision.explanation
    assert "baseline accept" in decision.fix


def test_a_saving_in_one_case_does_not_pay_for_growth_in_another(bench: Bench) -> None:
    """The total is the same, and yet a case got worse."""
    pairs = [
        bench.pair("a/x", {"input_tokens": 100}, {"input_tokens": 90}),
        bench.pair("a/y", {"input_tokens": 100}, {"input_tokens": 110}),
    ]

    assert bench.judge("input_tokens:+0%", pairs=pairs).status == "fail"
    assert bench.judge("input_tokens:+10%", pairs=pairs).status == "pass"


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ({"input_tokens": 0.0}, {"input_tokens": 1.0}, "fail"),
        ({"input_tokens": 100.0}, {}, "fail"),
        ({}, {"input_tokens": 100.0}, "fail"),
        ({}, {}, "fail"),
        ({"input_tokens": 0.1 + 0.2}, {"input_tokens": 0.3}, "pass"),
    ],
)
def test_borders_of_a_change(
    bench: Bench, before: Mapping[str, float], after: Mapping[str, float], status: str
) -> None:
    """From nothing any growth is too much; what is known on one side only is never a pass; rounding is no change."""
    assert bench.judge("input_tokens:+0%", pairs=[bench.pair("a/x", before, after)]).status == status


def test_the_pass_rate_is_judged_over_the_target(bench: Bench) -> None:
    """Ten points lost of ten cases; two points are allowed at most."""
    pairs = [bench.pair(f"a/{number}", {"pass_rate": 1.0}, {"pass_rate": float(number > 0)}) for number in range(10)]

    decision = bench.judge("pass_rate:-2%", pairs=pairs)

    assert decision.status == "fail"
    assert "a/0: 1 → 0 (-100.0%)" in decision.explanation
    assert bench.judge("pass_rate:-10%", pairs=pairs).status == "pass"


def test_repetitions_that_disagree_fail(bench: Bench) -> None:
    """A mean over repetitions may hide that they differ."""
    shaky = BaselineChange(kind="stability", metric="input_tokens", before=None, after=None)
    pair = bench.pair("a/x", {"input_tokens": 100}, {"input_tokens": 100}, shaky)

    assert bench.judge("input_tokens:+0%", pairs=[pair]).status == "fail"
    assert (
        bench.judge(
            "output_tokens:+0%", pairs=[bench.pair("a/x", {"output_tokens": 1}, {"output_tokens": 1}, shaky)]
        ).status
        == "pass"
    )


@pytest.mark.parametrize("metric", ["nodes", "loops", "error", "call", "model", "tools", "stop_reason", "behaviour"])
def test_another_path_fails(bench: Bench, metric: str) -> None:
    """Every part of what a case did."""
    change = BaselineChange(kind="path", metric=metric, before="plan, act", after="plan, act, act")

    decision = bench.judge("behaviour:same", pairs=[bench.pair("a/x", {}, {}, change)])

    assert decision.status == "fail"
    assert any("plan, act → plan, act, act" in line for line in decision.explanation)


def test_another_prompt_is_a_matter_of_prompts_alone(bench: Bench, prompt_change: BaselineChange) -> None:
    """The path is the same; the words are not."""
    pairs = [bench.pair("a/x", {}, {}, prompt_change)]

    assert bench.judge("behaviour:same", pairs=pairs).status == "pass"
    decision = bench.judge("prompts:same", pairs=pairs)
    assert decision.status == "fail"
    assert "  +Plan. Be kind." in decision.explanation


@pytest.mark.parametrize("rule", ["behaviour:same", "prompts:same"])
def test_a_free_path_is_not_called_the_same(bench: Bench, rule: str) -> None:
    """In live mode nothing was compared, and that is no pass."""
    assert bench.judge(rule, mode="live", pairs=[bench.pair("a/x", {}, {})]).status == "inconclusive"


RULES = ["input_tokens:+0%", "behaviour:same", "prompts:same", "pass_rate:-0%", "logging_completeness:-0%"]
VALUES = {"input_tokens": 1.0, "pass_rate": 1.0, "logging_completeness": 1.0}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("mode", ["mock", "live"])
def test_a_gap_is_never_a_pass(bench: Bench, rule: str, mode: str) -> None:
    """No baseline, a case without an entry, an entry without a case, a case that was to run, no case at all."""
    pairs = [bench.pair("a/x", VALUES, VALUES)]
    other = [bench.pair("b/x", VALUES, VALUES)]
    gaps: list[tuple[dict[str, Any], str]] = [
        ({"cases": [bench.case("a/x")]}, "there is no baseline"),
        ({"pairs": pairs, "added": ("a/new",)}, "a/new has no entry in the baseline"),
        ({"pairs": pairs, "missing": ("a/gone",)}, "a/gone is in the baseline and has no result here"),
        ({"pairs": pairs, "scope": GateScope(expected=("a/x", "a/died"))}, "a/died was to run and has no result"),
        ({"pairs": other}, "no case of a ran"),
    ]

    for parts, said in gaps:
        decision = bench.judge(rule, mode=mode, **parts)
        assert decision.status == "fail", parts
        assert said in decision.reason


@pytest.mark.parametrize("rule", [*RULES[:1], *RULES[3:], "pass_rate:>=1", "input_tokens:<9"])
def test_a_session_without_a_case_of_the_target_has_nothing_to_judge(bench: Bench, rule: str) -> None:
    """Said when only tests of other things were selected; a whole session is not let off."""
    other = [bench.pair("b/x", VALUES, VALUES)]
    part = GateScope(expected=("b/x",), narrowed="evals/test_b.py")

    decision = bench.judge(rule, pairs=other, scope=part)

    assert decision.status == "pass"
    assert decision.reason == "no case of a was selected (evals/test_b.py): nothing to judge"
    assert bench.judge(rule, pairs=other, scope=GateScope(expected=("b/x",))).status == "fail"
    assert bench.judge(rule, pairs=other, scope=GateScope(expected=("a/x",), narrowed="-x")).status == "fail"


@pytest.mark.parametrize("mode", ["mock", "live"])
@pytest.mark.parametrize("rule", ["logging_completeness:-0%", "input_tokens:+0%"])
def test_one_lost_score_among_many_is_named(bench: Bench, rule: str, mode: str) -> None:
    """The others are measured and the same; that does not make up for it."""
    pairs = [*(bench.pair(f"a/{number}", VALUES, VALUES) for number in range(12)), bench.pair("a/lost", VALUES, {})]

    decision = bench.judge(rule, mode=mode, pairs=pairs)

    assert decision.status == "fail"
    assert "a/lost" in decision.reason


def test_what_cannot_be_compared_is_not_called_the_same(bench: Bench) -> None:
    """Other prices: the same cost may be a dearer call."""
    pairs = [bench.pair("a/x", {"cost_usd": 1.0}, {"cost_usd": 1.0})]

    decision = bench.judge("cost_usd:+0%", pairs=pairs, incomparable={"cost_usd": "other prices"})

    assert decision.status == "inconclusive"
    assert "other prices" in decision.reason


def test_a_partial_run_judges_what_ran_and_says_so(bench: Bench) -> None:
    """``-k``: the rest of the baseline is excused, by name of the reason; what was selected is not."""
    pairs = [bench.pair("a/x", VALUES, VALUES)]
    scope = GateScope(expected=("a/x",), left_out={"a": 2})

    decision = bench.judge("input_tokens:+0%", pairs=pairs, missing=("a/y", "a/z"), scope=scope)

    assert decision.status == "pass"
    assert "only what ran was judged: 2 of its evaluations were not selected" in decision.explanation
    lost = GateScope(expected=("a/x", "a/y"), left_out={"a": 1})
    assert bench.judge("input_tokens:+0%", pairs=pairs, missing=("a/y",), scope=lost).status == "fail"


def test_a_quarantined_case_is_left_out_on_both_sides_and_named(bench: Bench) -> None:
    """It neither blocks nor hides: the explanation says so."""
    pairs = [bench.pair("a/x", VALUES, VALUES), bench.pair("a/q", {"pass_rate": 1.0}, {"pass_rate": 0.0})]

    decision = bench.judge("pass_rate:-0%", pairs=pairs, quarantined={"a/q"})

    assert decision.status == "pass"
    assert "quarantined and left out: a/q" in decision.explanation
    assert bench.judge("pass_rate:-0%", pairs=pairs).status == "fail"


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("input_tokens:<300", "fail"),
        ("input_tokens:<=300", "pass"),
        ("logging_completeness:>=1", "fail"),
        ("logging_completeness:>=0.95", "pass"),
        ("pass_rate:>=0.5", "pass"),
        ("pass_rate:>0.5", "fail"),
        ("cost_usd:<1", "fail"),
    ],
)
def test_limits(bench: Bench, rule: str, status: str) -> None:
    """Amounts are summed, shares averaged, and a cost that is not known is not within its limit."""
    cases = [
        bench.case("a/x", input_tokens=100, logging_completeness=1.0, cost_usd=0.1),
        bench.case("a/y", status="fail", input_tokens=200, logging_completeness=0.9),
    ]

    decision = bench.judge(rule, cases=cases)

    assert decision.status == status, decision


def test_a_case_without_calls_has_no_tokens_and_a_broken_one_has_unknown_ones(bench: Bench) -> None:
    """Zero calls excuse what cannot be measured only when the case passed."""
    idle = bench.case("a/idle", claude_calls=0.0)
    broken = bench.case("a/broken", status="fail", claude_calls=0.0)
    usual = bench.case("a/x", input_tokens=100)

    assert bench.judge("input_tokens:<300", cases=[usual, idle]).status == "pass"
    assert bench.judge("input_tokens:<300", cases=[usual, broken]).status == "fail"
    assert bench.judge("input_tokens:<300", cases=[idle]).status == "inconclusive"


def overhead(
    low: float, high: float, *, differences: tuple[str, ...] = (), target: str = "a", callers: str = "one"
) -> OverheadResult:
    """Return a measurement with an interval."""
    estimate = Estimate(value=(low + high) / 2, low=low, high=high, confidence=0.95, method="Hodges-Lehmann")
    return OverheadResult(
        target=target,
        case_id="a/x",
        callers=callers,
        pairs=20,
        plain_ms=10.0,
        overhead_ms=estimate,
        drain_ms=3.0,
        differences=differences,
    )


@pytest.mark.parametrize(
    ("measured", "status"),
    [
        ((overhead(1, 40),), "pass"),
        ((overhead(1, 60),), "inconclusive"),
        ((overhead(55, 60),), "fail"),
        ((overhead(1, 2), overhead(55, 60)), "fail"),
        ((overhead(1, 2, differences=("output differs",)),), "fail"),
        ((overhead(1, float("nan")),), "fail"),
        ((overhead(1, 2, target="b"),), "inconclusive"),
        ((), "inconclusive"),
    ],
)
def test_overhead_is_judged_by_the_upper_end(bench: Bench, measured: tuple[OverheadResult, ...], status: str) -> None:
    """All ways of calling count; what was not measured is undecided, what changes the output fails."""
    assert bench.judge("overhead_ms:<50", cases=[bench.case("a/x")], overheads=measured).status == status


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([(10.0, 70.0 + place) for place in range(8)], "fail"),
        ([(10.0, 70.0 + place) for place in range(6)], "inconclusive"),
        ([(10.0, 70.0 + place) for place in range(7)] + [(10.0, 30.0)], "inconclusive"),
    ],
)
def test_an_interval_beyond_the_limit_by_chance_is_no_failure(
    bench: Bench, pairs: list[tuple[float, float]], status: str
) -> None:
    """Six pairs that are all beyond happen once in 64 series, eight once in 256."""
    measured = replace(overhead(55, 66), pair_ms=tuple(pairs))
    assert bench.judge("overhead_ms:<50", cases=[bench.case("a/x")], overheads=(measured,)).status == status


MANY = "8 tasks"


@pytest.mark.parametrize(
    ("measured", "alone", "at_once"),
    [
        ((overhead(1, 2), overhead(-10, 140, callers=MANY)), "pass", "inconclusive"),
        ((overhead(1, 2), overhead(1, 9, callers=MANY)), "pass", "pass"),
        ((overhead(1, 2), overhead(55, 60, callers=MANY)), "fail", "fail"),
        ((overhead(1, 2), overhead(-10, 140, callers=MANY, differences=("1 call is lost",))), "fail", "fail"),
        ((overhead(1, 60), overhead(1, 9, callers=MANY)), "inconclusive", "pass"),
        ((overhead(-10, 140, callers=MANY),), "inconclusive", "inconclusive"),
        ((overhead(1, 2),), "pass", "inconclusive"),
        ((overhead(1, 2), overhead(1, 60, callers="parallel branches")), "inconclusive", "inconclusive"),
    ],
)
def test_many_callers_have_a_rule_of_their_own(
    bench: Bench, measured: tuple[OverheadResult, ...], alone: str, at_once: str
) -> None:
    """How much they wait for each other leaves ``overhead_ms`` undecided only when nobody called alone."""
    cases = [bench.case("a/x")]
    assert bench.judge("overhead_ms:<50", cases=cases, overheads=measured).status == alone
    assert bench.judge("overhead_concurrent_ms:<50", cases=cases, overheads=measured).status == at_once


def test_latency_is_what_the_ab_test_says_and_undecided_without_one(bench: Bench) -> None:
    """The worst part decides."""
    estimate = Estimate(value=12, low=8, high=15, confidence=0.95, method="Hodges-Lehmann")
    times: dict[str, Any] = {"base_ms": 30.0, "head_ms": 42.0, "shift_ms": estimate, "floor_ms": 5.0}
    parts = {"pairs": 20, "p_value": 0.001, **times}
    slow = LatencyShift(target="a", part="agent", status="fail", reason="slower", **parts)
    same = LatencyShift(target="a", part="claude", status="pass", reason="the same", **parts)
    cases = [bench.case("a/x")]

    assert bench.judge("latency:ab", cases=cases, latency=(same, slow)).status == "fail"
    assert bench.judge("latency:ab", cases=cases, latency=(same,)).status == "pass"
    assert bench.judge("latency:ab", cases=cases).status == "inconclusive"
