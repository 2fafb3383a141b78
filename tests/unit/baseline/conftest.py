"""Builders of evidence, of reports and of baselines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.behaviour import Behaviour, PromptCall
from e2i_eval.core.case import Case
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.exchange import Caller, Exchange, Usage
from e2i_eval.core.run import Run
from e2i_eval.core.verdict import Verdict
from e2i_eval.gate.baseline import Baseline, baseline_of
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def asked() -> Callable[..., Exchange]:
    """Return an answered request to Claude."""

    def make(text: str, *, node: str = "plan", step: int | None = 1, index: int = 0, **more: Any) -> Exchange:  # noqa: ANN401  any field of a request
        request = {
            "model": "claude-sonnet-5-5",
            "max_tokens": 100,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": text}],
            **more,
        }
        return Exchange(
            index=index,
            call=index,
            attempt=0,
            caller=Caller(node=node, step=step),
            request=request,
            response={"type": "message", "content": [{"type": "text", "text": "Yes."}], "stop_reason": "end_turn"},
            status=200,
            started_at_s=float(index),
            duration_s=0.1,
            usage=Usage(input_tokens=10, output_tokens=2),
        )

    return make


@pytest.fixture
def evidence_of() -> Callable[..., Evidence]:
    """Return evidence of a case with these exchanges."""

    def make(*exchanges: Exchange, inputs: dict[str, object] | None = None, **more: Any) -> Evidence:  # noqa: ANN401  any field of Evidence
        case = Case(id="support/refund", target="support", inputs=inputs or {})
        run = Run(output=None, error=None, started_at_s=0.0, duration_s=0.1)
        return Evidence(case=case, run=run, exchanges=exchanges, **more)

    return make


@pytest.fixture
def call() -> PromptCall:
    """Return a call."""
    return PromptCall(
        node="plan",
        model="claude-sonnet-5-5",
        prompt=("[system]", "Be brief.", "[user]", "Why?", "[settings]", "max_tokens: 100"),
        input_tokens=10,
        output_tokens=2,
        cache_read_tokens=0,
        cache_write_tokens=0,
        requests=1,
        tools=(),
        stop_reason="end_turn",
    )


@pytest.fixture
def result(call: PromptCall) -> CaseResult:
    """Return the result of a case that passed."""
    return CaseResult(
        case_id="support/refund",
        target="support",
        nodeid="golden/cases/support/refund.yaml::support/refund",
        where="golden/cases/support/refund.yaml:1",
        verdicts=(Verdict(check="output", status="pass", reason="as expected"),),
        measurements={
            "prompt_tokens": 20.0,
            "input_tokens": 10.0,
            "output_tokens": 2.0,
            "claude_calls": 1.0,
            "cost_usd": 0.00123,
            "latency_ms": 12.5,
        },
        behaviour=Behaviour(calls=(call,), nodes=("plan", "act", "plan"), loops=(("plan", 2),)),
    )


@pytest.fixture
def report(result: CaseResult) -> Report:
    """Return the report of a whole run of two cases."""
    other = replace(result, case_id="support/thanks", nodeid="golden/cases/support/thanks.yaml::support/thanks")
    return Report(
        session={
            "id": "s1",
            "run_id": "r1",
            "claude": "mock",
            "prices": "2026-11-10",
            "git": {"commit": "abc", "dirty": "false"},
            "selection": {"collected": 2, "deselected": 0, "flags": []},
        },
        environment={"python": "3.11.7", "platform": "linux-x86_64", "cpus": "2"},
        cases=(result, other),
    )


@pytest.fixture
def baseline(report: Report) -> Baseline:
    """Return that run as a baseline."""
    return baseline_of(report, name="main", reason="first", at="2026-11-23T12:00:00+00:00")
