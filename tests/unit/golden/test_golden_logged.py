"""The checks on what the server keeps, and on what a case may use."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.case import Budget, Expectation, ValueRule
from e2i_eval.core.exchange import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.trace import Logged, Trace
    from e2i_eval.core.verdict import Verdict

HALF = ValueRule(min=0.5, max=1.0)
USAGE = Usage(input_tokens=100, output_tokens=10, cache_read_tokens=20, cache_write_5m_tokens=3)


def price(model: str, usage: Usage) -> float | None:
    """Return one cent a call of the one known model."""
    return 0.01 + 0 * usage.input_tokens if model == "claude-sonnet-5-5" else None


def test_metrics_keep_their_rules(judge: Callable[..., Verdict], logged: Callable[..., Logged]) -> None:
    """A value on the bound is within it."""
    verdict = judge(Expectation(metrics={"confidence": HALF}), logged=logged(metrics={"confidence": 0.5}))

    assert (verdict.status, verdict.reason) == ("pass", "all 1 rules hold")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_no_number_breaks_every_rule(
    judge: Callable[..., Verdict], logged: Callable[..., Logged], value: float
) -> None:
    """Also a rule that allows this very value."""
    rule = ValueRule(equals=value, has_equals=True)
    (finding,) = judge(Expectation(metrics={"gap": rule}), logged=logged(metrics={"gap": value})).findings

    assert (finding.message, finding.expected) == ("is not a finite number", "a finite number")


def test_a_metric_that_is_not_logged_names_the_nearest(
    judge: Callable[..., Verdict], logged: Callable[..., Logged]
) -> None:
    """Or what there is, when none is near."""
    expect = Expectation(metrics={"gap_score": HALF, "zzz": HALF})
    near, far = judge(expect, logged=logged(metrics={"gap_scores": 1.0, "ate": 2.0})).findings
    (nothing,) = judge(Expectation(metrics={"ate": HALF}), logged=logged()).findings

    assert (near.field, near.message) == ("metrics.gap_score", "is not logged; the nearest that is: 'gap_scores'")
    assert far.message == "is not logged; logged metrics: 'ate', 'gap_scores'"
    assert nothing.message == "is not logged; logged metrics: none"


def test_params_are_text(judge: Callable[..., Verdict], logged: Callable[..., Logged]) -> None:
    """And compared as what they mean."""
    rules = {
        "temperature": ValueRule(equals=0.2, has_equals=True),
        "model": ValueRule(equals="claude-sonnet-5-5", has_equals=True),
    }
    good = judge(Expectation(params=rules), logged=logged(params={"temperature": "0.20", "model": "claude-sonnet-5-5"}))
    bad = judge(Expectation(params=rules), logged=logged(params={"temperature": "0.2", "model": "claude-opus-5-5"}))

    assert good.status == "pass"
    assert [(each.field, each.expected, each.actual) for each in bad.findings] == [
        ("params.model", '"claude-sonnet-5-5"', '"claude-opus-5-5"')
    ]


def with_tags(trace: Trace, **tags: str) -> Trace:
    """Return ``trace`` with other tags."""
    return type(trace)(
        trace_id=trace.trace_id, state="OK", experiment_id="0", started_at_s=0.0, duration_s=1.0, tags=tags
    )


def test_tags_are_read_from_the_traces_first(
    judge: Callable[..., Verdict], logged: Callable[..., Logged], node_trace: Callable[..., Trace]
) -> None:
    """The run's stand in where no trace has the tag; each trace that has it must be right."""
    expect = Expectation(tags={"brand": ValueRule(equals="Kisqali", has_equals=True)})
    right, wrong = with_tags(node_trace(), brand="Kisqali"), with_tags(node_trace(), brand="Fabhalta")

    assert judge(expect, traces=(right,), logged=logged(tags={"brand": "Fabhalta"})).status == "pass"
    assert judge(expect, traces=(with_tags(right),), logged=logged(tags={"brand": "Kisqali"})).status == "pass"
    assert judge(expect, traces=(right, wrong), logged=logged()).status == "fail"
    assert judge(expect, traces=(), logged=logged()).findings[0].message == "is not logged; logged tags: none"


def test_without_a_server_nothing_is_concluded(judge: Callable[..., Verdict], node_trace: Callable[..., Trace]) -> None:
    """Not even that something is missing."""
    rules = {"brand": ValueRule(equals="Kisqali", has_equals=True)}
    verdicts = [
        judge(Expectation(metrics=rules), unknown="connection refused"),
        judge(Expectation(params=rules), unknown="connection refused"),
        judge(Expectation(tags=rules), unknown="connection refused"),
        judge(Expectation(tags=rules), traces=(node_trace(),), unknown="connection refused"),
    ]
    known = judge(Expectation(tags=rules), traces=(with_tags(node_trace(), brand="Kisqali"),))

    assert {(verdict.status, verdict.reason) for verdict in verdicts} == {("error", "unknown: connection refused")}
    assert known.status == "pass"


def test_the_budget_is_kept_at_its_limits(judge: Callable[..., Verdict], exchange: Callable[..., Exchange]) -> None:
    """Cache reads and writes are input; a retry is no new call, but its tokens count; counting tokens is free."""
    budget = Budget(input_tokens=246, output_tokens=20, calls=1, cost_usd=0.02, latency_ms=100)
    counted = exchange(kind="count_tokens", index=2)
    calls = (exchange(usage=USAGE, call=0), exchange(usage=USAGE, call=0, index=1), counted)
    verdict = judge(Expectation(budget=budget), exchanges=calls, price=price)

    assert (verdict.status, verdict.reason) == ("pass", "all 5 limits kept")


@pytest.mark.parametrize(
    ("budget", "message", "expected", "actual"),
    [
        (Budget(input_tokens=100), "is 23% above the limit", "at most 100", "123"),
        (Budget(output_tokens=9), "is 11% above the limit", "at most 9", "10"),
        (Budget(calls=0), "is above the limit", "at most 0", "1"),
        (Budget(cost_usd=0.005), "is 100% above the limit", "at most 0.005", "0.01"),
        (Budget(latency_ms=80), "is 25% above the limit", "at most 80", "100"),
    ],
)
def test_each_limit_is_seen_to_be_exceeded(
    judge: Callable[..., Verdict],
    exchange: Callable[..., Exchange],
    budget: Budget,
    message: str,
    expected: str,
    actual: str,
) -> None:
    """By how much."""
    verdict = judge(Expectation(budget=budget), exchanges=(exchange(usage=USAGE),), price=price)
    (finding,) = verdict.findings

    assert (verdict.status, verdict.reason) == ("fail", "1 of 1 limits exceeded")
    assert (finding.message, finding.expected, finding.actual) == (message, expected, actual)


def test_estimated_tokens_are_called_so(judge: Callable[..., Verdict], exchange: Callable[..., Exchange]) -> None:
    """Where they matter."""
    calls = (exchange(usage=Usage(input_tokens=1, output_tokens=1, estimated=True)),)

    assert judge(Expectation(budget=Budget(input_tokens=5)), exchanges=calls).reason.endswith("(tokens estimated)")
    assert judge(Expectation(budget=Budget(calls=5)), exchanges=calls).reason == "all 1 limits kept"


def test_unknown_usage_is_not_zero(judge: Callable[..., Verdict], exchange: Callable[..., Exchange]) -> None:
    """A limit that may have been exceeded is not called kept; limits it does not concern are judged."""
    calls = (exchange(usage=USAGE), exchange(usage=USAGE, complete=False, index=1))
    verdict = judge(Expectation(budget=Budget(output_tokens=50)), exchanges=calls)
    (finding,) = verdict.findings

    assert (verdict.status, verdict.reason) == ("error", "unknown: the usage of 1 request is not known")
    assert finding.message == (
        "the usage of 1 request is not known; call 2 (node 'act'): the response broke off; "
        "the case used at least what was counted"
    )
    assert finding.actual == "at least 246 input and 20 output tokens"
    assert judge(Expectation(budget=Budget(calls=2)), exchanges=calls).status == "pass"
    assert judge(Expectation(budget=Budget(output_tokens=15)), exchanges=calls).status == "fail"
    assert judge(Expectation(budget=Budget(output_tokens=15)), exchanges=(exchange(),)).status == "error"


def test_failed_requests_use_nothing_where_that_is_sure(
    judge: Callable[..., Verdict], failed_exchange: Callable[..., Exchange]
) -> None:
    """An HTTP error and a connection that was never made; a read that broke is not."""
    budget = Expectation(budget=Budget(input_tokens=0))

    assert judge(budget, exchanges=(failed_exchange("overloaded_error", status=529),)).status == "pass"
    assert judge(budget, exchanges=(failed_exchange("ConnectError", status=None, complete=False),)).status == "pass"
    assert judge(budget, exchanges=(failed_exchange("ReadError", status=None, complete=False),)).status == "error"


def test_a_model_without_a_price_is_named(judge: Callable[..., Verdict], exchange: Callable[..., Exchange]) -> None:
    """With where to add it; so is every model when no price was given."""
    calls = (exchange(usage=USAGE), exchange(usage=USAGE, index=1, request={"model": "claude-new"}))
    verdict = judge(Expectation(budget=Budget(cost_usd=1)), exchanges=calls, price=price)
    (finding,) = verdict.findings

    assert (verdict.status, verdict.reason) == ("error", "unknown: no price is known for model 'claude-new'")
    assert finding.message == (
        "no price is known for model 'claude-new'; "
        "add it to the file that 'prices' in [tool.e2i_eval] of pyproject.toml names"
    )
    assert len(judge(Expectation(budget=Budget(cost_usd=1)), exchanges=calls).findings) == 2
    assert judge(Expectation(budget=Budget(cost_usd=0.001)), exchanges=calls, price=price).status == "fail"
