"""Reports made by hand: what a renderer is given, good, broken and hostile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.behaviour import Behaviour, PromptCall
from e2i_eval.core.call_record import CallRecord, FieldRecord
from e2i_eval.core.decision import Decision
from e2i_eval.core.estimate import Estimate
from e2i_eval.core.latency_shift import LatencyShift
from e2i_eval.core.overhead_result import OverheadResult
from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.decision import DecisionStatus
    from e2i_eval.core.verdict import Status

HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<!--<script>",
    "[link](https://evil.example) ![i](https://evil.example/x.png) @team #12 www.evil.example",
    "`code` ``` ~~~ | cell | <details>",
    "javascript:document.title='owned'",
    "::error file=x::owned\n::set-env name=X::y",
    "\u202eright to left\u2028line",
)
"""What a case id, a prompt or an answer may hold that would be obeyed if it were not escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes reports and their parts."""

    session: dict[str, object] = field(
        default_factory=lambda: {
            "id": "ab" * 16,
            "started_at_s": 1_795_434_509.5,
            "duration_s": 51.4,
            "claude": "mock",
            "tracking_uri": None,
            "store": "/somewhere/mlflow",
            "run_id": "run-1",
            "experiment_id": "7",
            "git": {"commit": "1930351d6573231e73cd7eaa53312bfc4b93b9d7", "branch": "main", "dirty": "false"},
        }
    )

    def case(self, name: str, status: Status = "pass", *, words: str = "because", **changes: object) -> CaseResult:
        """Return a case of one verdict, with everything that a case may carry."""
        target = name.partition("/")[0]
        findings = (
            Finding(
                message=f"input_tokens disagrees {words}",
                field="input_tokens",
                expected=f"893 {words}",
                actual=f"446 {words}",
                call="call 1 (node 'act')",
                span="span 'Chat'",
                where="golden/x.yaml:3",
            ),
        )
        verdicts = (
            Verdict(check="completed", status="pass", reason="the target returned"),
            Verdict(check="logging", status=status, reason=words, score=0.5, findings=findings * (status != "pass")),
        )
        fields = (FieldRecord(name=f"prompt {words}", wire=words, server=words, outcome="differs"),)
        asked = PromptCall(
            node="act",
            model="claude-sonnet-5-5",
            prompt=(f"system: {words}", "user: hello"),
            input_tokens=893,
            output_tokens=130,
            cache_read_tokens=0,
            cache_write_tokens=0,
            requests=1,
            tools=("lookup",),
            stop_reason="end_turn",
        )
        made = CaseResult(
            case_id=name,
            target=target,
            nodeid=f"golden/cases/{name}.yaml::{name}",
            where=f"golden/cases/{name}.yaml:1",
            verdicts=verdicts,
            measurements={"latency_ms": 43.5, "claude_calls": 1.0, "input_tokens": 893.0, "cost_usd": 0.0031},
            trace_ids=("tr-1",),
            run_id="run-2",
            behaviour=Behaviour(calls=(asked,), nodes=("plan", "act"), loops=(("act", 2),)),
            calls=(CallRecord(call="call 1", span="span 1", fields=fields),),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def decision(self, status: DecisionStatus = "pass", **changes: object) -> Decision:
        """Return a decision on tokens."""
        made = Decision(
            rule="input_tokens:+0%",
            target="support",
            metric="input_tokens",
            status=status,
            reason="8,020 became 8,356",
            baseline=8020.0,
            measured=8020.0 if status == "pass" else 8356.0,
            explanation=("@@ system prompt @@", "-Be short.", "+Be short and kind."),
            detectable="a drop of 10 points",
            fix='e2i-eval baseline accept latest --reason "..."' if status == "fail" else "",
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def estimate(self, value: float, half: float = 0.5) -> Estimate:
        """Return an estimate."""
        return Estimate(value=value, low=value - half, high=value + half, confidence=0.95, method="Hodges-Lehmann")

    def overhead(self, value_ms: float = 0.7, **changes: object) -> OverheadResult:
        """Return a measurement of what logging costs."""
        made = OverheadResult(
            target="support",
            case_id="support/refund",
            callers="one",
            pairs=20,
            plain_ms=40.0,
            overhead_ms=self.estimate(value_ms),
            drain_ms=41.0,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def shift(self, value_ms: float = 11.2, **changes: object) -> LatencyShift:
        """Return a difference of two revisions."""
        made = LatencyShift(
            target="support",
            part="agent",
            pairs=20,
            base_ms=40.0,
            head_ms=51.2,
            shift_ms=self.estimate(value_ms),
            floor_ms=5.0,
            p_value=0.001,
            status="fail",
            reason="slower",
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    def report(self, *cases: CaseResult, **parts: object) -> Report:
        """Return a report of ``cases``."""
        made = Report(session=self.session, environment={"python": "3.11.7"}, cases=cases)
        return replace(made, **parts)  # type: ignore[arg-type]

    def broken(self, words: str = "because") -> Report:
        """Return a report in which everything that can be wrong is, in ``words``."""
        return self.report(
            self.case(f"support/{words}", "fail", words=words),
            self.case("support/unjudged", "error", words=words),
            self.case("support/fine", words=words),
            problems=(f"a worker is gone {words}",),
            decisions=(
                self.decision("fail", reason=words, target=words, rule=words, explanation=(words,), fix=words),
                self.decision("inconclusive", metric=words, detectable=words),
                self.decision(),
            ),
            overheads=(self.overhead(differences=(words,), callers=words),),
            latency=(self.shift(target=words),),
            notes=(words,),
        )


@pytest.fixture
def make() -> Maker:
    """What makes reports."""
    return Maker()


@pytest.fixture(params=HOSTILE, ids=["script", "img", "comment", "links", "fences", "scheme", "command", "bidi"])
def hostile(request: pytest.FixtureRequest) -> str:
    """A text that would be obeyed if it were not escaped."""
    return str(request.param)


@pytest.fixture
def many(make: Maker) -> Callable[[int], Report]:
    """Return a function that makes a report of that many cases, each twentieth of them wrong."""

    def report(number: int) -> Report:
        cases = [make.case(f"agent-{i % 12}/case-{i:05d}", "pass" if i % 20 else "fail") for i in range(number)]
        return make.report(*cases)

    return report
