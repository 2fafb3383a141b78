"""What repetitions come to: the same in mock, reduced and three-valued live, and never better than it is."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i_eval.core.behaviour import Behaviour, PromptCall
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.stats.repeats import (
    REPEATS,
    CaseVerdict,
    RepeatPlan,
    by_case,
    disagreement,
    is_decided,
    judge_session,
    parse_reducer,
    sum_up,
    tally,
)
from e2i_eval.core.verdict import Status, Verdict
from e2i_eval.runner.report import CaseResult, Report, summarise


def result(status: Status = "pass", *, check: str = "output", repeat: int = 0, **keys: Any) -> CaseResult:  # noqa: ANN401
    """Return one repetition with one verdict."""
    return CaseResult(
        **{
            "case_id": "shop/refund",
            "target": "shop",
            "nodeid": "refund.yaml",
            "where": "refund.yaml:1",
            "verdicts": (Verdict(check=check, status=status, reason=""),),
            "measurements": {"cost_usd": 0.5},
            "repeat": repeat,
            "planned": 5,
            **keys,
        }
    )


def results(marks: str, *, check: str = "output") -> list[CaseResult]:
    """Return repetitions by their marks: ``+`` passed, ``-`` failed, ``?`` could not be judged."""
    statuses: dict[str, Status] = {"+": "pass", "-": "fail", "?": "error"}
    return [result(statuses[mark], check=check, repeat=number) for number, mark in enumerate(marks)]


def live(reduce: str, times: int) -> RepeatPlan:
    """Return a plan for repetitions that Claude may vary."""
    return RepeatPlan(times=times, reducer=parse_reducer(reduce, where=""), exact=False)


MOCK = RepeatPlan(times=5, exact=True)


@pytest.mark.parametrize(
    ("reduce", "times", "marks", "status"),
    [
        ("all", 3, "+++", "pass"),
        ("all", 3, "+-", "fail"),
        ("pass^3", 3, "+++", "pass"),
        ("pass^3", 3, "-", "fail"),
        ("pass^3", 1, "+", "inconclusive"),
        ("pass@3", 3, "--+", "pass"),
        ("pass@3", 3, "+", "pass"),
        ("pass@3", 3, "---", "fail"),
        ("pass@3", 1, "-", "inconclusive"),
        ("pass@3", 5, "+++", "pass"),
        ("pass@3", 5, "--++", "inconclusive"),
        ("pass@3", 5, "--+++", "pass"),
        ("mean:1", 2, "++", "pass"),
        ("mean:0.9", 12, "+" * 12, "pass"),
        ("mean:0.9", 12, "-----", "fail"),
        ("mean:0.9", 12, "+" * 11 + "-", "inconclusive"),
        ("mean:0.9", 1, "+", "inconclusive"),
        ("mean:0.9:0.5", 12, "+" * 6, "pass"),
    ],
)
def test_live_is_reduced(reduce: str, times: int, marks: str, status: str) -> None:
    """By the target's rule; what is open after the last repetition stays open."""
    verdict = sum_up(results(marks), live(reduce, times))

    assert verdict.status == status
    assert verdict.reason.startswith(f"{marks.count('+')} of {len(marks)} repetitions passed")
    assert reduce in verdict.reason


@pytest.mark.parametrize("reduce", ["all", "mean:0.9", "mean:0.5:0.2", "pass@3", "pass^2", "pass@2:0.9", "pass^3:0.5"])
@given(outcomes=st.text("+-", min_size=1, max_size=20), times=st.integers(1, 20))
def test_stopping_early_changes_no_verdict_that_is_by_count(reduce: str, outcomes: str, times: int) -> None:
    """It ends when decided, and a rule that counts says after all repetitions what it said when it stopped."""
    plan = live(reduce, times)
    made = [result("pass" if mark == "+" else "fail", repeat=number) for number, mark in enumerate(outcomes[:times])]
    stop = next((n for n in range(1, len(made) + 1) if is_decided(made[:n], plan)), len(made))
    early = sum_up(made[:stop], plan)

    assert stop <= times
    if stop < times and early.status == "inconclusive":
        assert stop == len(made)
    if plan.reducer.good == 1 and early.status != "inconclusive" and len(made) >= stop:
        assert sum_up(made, plan).status == early.status


@pytest.mark.parametrize("check", ["logging", "secrets", "wire", "trace", "test", "something of tomorrow"])
def test_no_reducer_forgives_what_is_not_claudes(check: str) -> None:
    """A key that leaked once has leaked; a check nobody knows is not forgiven either."""
    made = results("++-", check=check)
    plan = live("pass@3", 5)

    assert is_decided(made, plan)
    verdict = sum_up(made, plan)
    assert verdict.status == "fail"
    assert f"{check} is wrong in repetition 3" in verdict.reason


def test_what_could_not_be_judged_is_no_pass() -> None:
    """However many others passed; and it is not said to be wrong either."""
    assert sum_up(results("++?"), live("pass@3", 3)).status == "error"
    assert sum_up(results("-?"), live("pass@3", 3)).status == "error"
    assert sum_up(results("++?"), MOCK).status == "error"


def test_an_open_case_says_what_an_answer_takes() -> None:
    """Interval, smallest visible difference, repetitions that are missing, their price, and what to type."""
    verdict = sum_up(results("+" * 9 + "-"), live("mean:0.9", 10))

    assert verdict.pass_rate is not None
    assert (round(verdict.pass_rate.low, 3), round(verdict.pass_rate.high, 3)) == (0.596, 0.982)
    assert verdict.score == 0.9
    assert verdict.more is not None
    assert verdict.cost_to_resolve_usd == pytest.approx(verdict.more * 0.5)
    assert verdict.fix == f"--e2i-repeat={10 + verdict.more}"
    assert verdict.detectable_rate == pytest.approx(0.33, abs=0.1)


def test_an_unknown_price_is_no_price() -> None:
    """One repetition without a price makes the cost of an answer unknown."""
    made = [*results("+"), result(repeat=1, measurements={})]

    assert sum_up(made, live("mean:0.9", 2)).cost_to_resolve_usd is None


def test_the_detectable_rate_is_the_rules() -> None:
    """Three repetitions that must all pass fail a case at .585 four times in five; one run sees .2."""
    three, one = sum_up(results("+++"), live("all", 3)), sum_up(results("+"), live("pass^1", 1))

    assert three.detectable_rate == pytest.approx(0.2 ** (1 / 3), abs=0.001)
    assert one.detectable_rate == pytest.approx(0.2, abs=0.001)
    assert sum_up(results("++"), live("mean:0.9", 2)).detectable_rate is None


def test_mock_repetitions_that_agree_are_one_verdict() -> None:
    """All of them are made, as the last one may be the one that differs."""
    assert not is_decided(results("++++"), MOCK)
    assert sum_up(results("+++++"), MOCK).reason == "5 of 5 repetitions passed, all the same"
    assert sum_up(results("-----"), MOCK).status == "fail"


def call(**keys: Any) -> PromptCall:  # noqa: ANN401
    """Return one call to Claude."""
    return PromptCall(
        **{
            "node": "plan",
            "model": "claude-sonnet-5-5",
            "prompt": ("system: plan", "user: refund?"),
            "input_tokens": 9,
            "output_tokens": 2,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "requests": 1,
            "tools": (),
            "stop_reason": "end_turn",
            **keys,
        }
    )


SAME: dict[str, Any] = {
    "behaviour": Behaviour(calls=(call(),), nodes=("plan",)),
    "measurements": {"input_tokens": 9.0, "latency_ms": 4},
}
CHANGES: dict[str, dict[str, Any]] = {
    "the verdict of output": {"status": "fail"},
    "nodes": {"behaviour": Behaviour(calls=(call(),), nodes=("plan", "plan"))},
    "the error raised": {"behaviour": Behaviour(calls=(call(),), nodes=("plan",), error="ValueError")},
    "calls to Claude": {"behaviour": Behaviour(calls=(call(), call()), nodes=("plan",))},
    "call 1 (node 'plan') model": {"behaviour": Behaviour(calls=(call(model="claude-opus"),), nodes=("plan",))},
    "call 1 (node 'plan') requests": {"behaviour": Behaviour(calls=(call(requests=2),), nodes=("plan",))},
    "the prompt of call 1 (node 'plan')": {
        "behaviour": Behaviour(calls=(call(prompt=("system: plan", "user: refund? 12:31")),), nodes=("plan",))
    },
    "input_tokens": {"measurements": {"input_tokens": 8.0}},
    "claude_calls": {"measurements": {"input_tokens": 9.0, "claude_calls": 1.0}},
}


@pytest.mark.parametrize("field", CHANGES)
def test_repetitions_that_differ_show_a_target_that_is_not_deterministic(field: str) -> None:
    """Whatever differs is the finding; that both passed does not help."""
    change = {**SAME, **CHANGES[field]}
    status = change.pop("status", "pass")
    found = disagreement(result(**SAME), result(status, repeat=1, **change))

    assert found is not None
    assert found.reason == f"the target is not deterministic: repetition 2 differs from the first in {field}"
    assert field in [finding.field for finding in found.findings]


def test_a_prompt_that_differs_shows_its_line() -> None:
    """The line alone, on both sides."""
    found = disagreement(result(**SAME), result(repeat=1, **{**SAME, **CHANGES["the prompt of call 1 (node 'plan')"]}))

    assert found is not None
    assert (found.findings[0].expected, found.findings[0].actual) == ("user: refund?", "user: refund? 12:31")


def test_time_may_differ_and_what_is_unknown_is_not_compared() -> None:
    """Latency is no difference; a server that was gone for one of them is its own error."""
    slower: dict[str, Any] = {**SAME, "measurements": {"input_tokens": 9.0, "latency_ms": 400.0}}

    assert disagreement(result(**SAME), result(repeat=1, **slower)) is None
    assert disagreement(result(**SAME), result("error", repeat=1)) is None


def test_a_disagreement_decides() -> None:
    """No further repetition makes the target deterministic again."""
    differing = result(repeat=1, verdicts=(Verdict(check=REPEATS, status="fail", reason="it differs"),))
    made = [result(), differing]

    assert is_decided(made, MOCK)
    assert (sum_up(made, MOCK).status, sum_up(made, MOCK).reason) == ("fail", "it differs")


def test_a_case_counts_once() -> None:
    """In rows and totals, in the order in which cases began; what it cost is added up."""
    plans = {"shop": live("pass@3", 3)}
    made = [*results("--+"), result(case_id="shop/other", planned=0), *results("+")]
    repeated = judge_session(made, plans.__getitem__)
    row = summarise("shop", made, repeated)
    report = Report(session={}, environment={}, cases=tuple(made), repeated=repeated)

    assert [each.status for each in report.case_verdicts()] == ["pass", "pass", "pass"]
    assert (row.passed, row.failed, row.cases) == (3, 0, 3)
    assert row.cost_usd == 2.5
    assert report.targets() == (row,)
    assert Report.from_json(report.to_json()) == report


def test_without_a_verdict_a_repeated_case_is_at_its_worst() -> None:
    """Nobody forgot a failure."""
    assert [each.status for each in tally(results("+-+"))] == ["fail"]


def test_an_undecided_case_is_neither_passed_nor_failed() -> None:
    """It has a column of its own, and lowers the pass rate."""
    made = results("+")
    row = summarise("shop", made, judge_session(made, lambda _: live("mean:0.9", 1)))

    assert (row.passed, row.failed, row.errors, row.inconclusive) == (0, 0, 0, 1)
    assert row.metrics()["pass_rate"] == 0.0
    assert row.metrics()["cases_inconclusive"] == 1.0


def test_a_case_that_stands_for_itself_is_not_reduced() -> None:
    """A check that is evaluated once, in a target whose cases are repeated, is what its one result says."""
    assert judge_session([result(planned=0)], lambda _: live("mean:0.9", 5)) == ()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3)), max_size=8))
def test_repetitions_find_their_case(cases: list[tuple[str, int]]) -> None:
    """Also when the same case is evaluated several times by one test, or results of several items are interleaved."""
    made = [result(case_id=name, repeat=number) for name, times in cases for number in range(times)]
    groups = by_case(made)

    assert [(group[0].case_id, len(group)) for group in groups] == cases
    assert list(itertools.chain.from_iterable(groups)) == made


def test_verdicts_cross_processes_unchanged() -> None:
    """With their interval and without."""
    for verdict in (sum_up(results("++-"), live("mean:0.9", 3)), sum_up(results("+"), RepeatPlan())):
        assert from_json(CaseVerdict, to_json(verdict)) == verdict
