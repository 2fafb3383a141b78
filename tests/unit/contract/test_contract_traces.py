"""How many traces a case may have, and which state each must be in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks import judge
from e2i_eval.checks.contract import Contract, contract_checks
from e2i_eval.checks.contract.contract import TraceRules
from e2i_eval.core.run import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.verdict import Verdict

    Recorded = Callable[[str], Evidence]

RAISED = RunError(type="ValueError", bases=("Exception",), message="no such order", traceback="")


def judged(evidence: Evidence, contract: Contract | None = None) -> dict[str, Verdict]:
    """Return the verdicts by check."""
    return {each.check: each for each in judge(contract_checks(contract or Contract()), evidence)}


def a_trace_a_call(evidence: Evidence) -> Evidence:
    """Return the evidence of an autolog that knows single calls only: each model span is a trace of its own."""
    (trace,) = evidence.traces or ()
    models = [span for span in trace.spans if span.type == "CHAT_MODEL"]
    alone = (
        replace(trace, trace_id=f"tr-{at}", spans=(replace(span, parent_id=None),), tokens=span.tokens, state="OK")
        for at, span in enumerate(models)
    )
    return replace(evidence, traces=tuple(alone))


def test_a_trace_a_call_is_in_order(recorded: Recorded) -> None:
    """The default contract asks for every call, and not in how many traces they are."""
    evidence = a_trace_a_call(recorded("anthropic_tools"))
    verdicts = judged(evidence)

    assert len(evidence.traces or ()) > 1
    assert [(name, verdict.status) for name, verdict in verdicts.items() if verdict.status != "pass"] == []


def test_a_call_s_own_trace_does_not_tell_what_the_target_did(recorded: Recorded) -> None:
    """Code around the calls may raise after each of them was answered."""
    evidence = a_trace_a_call(recorded("anthropic_tools"))

    assert judged(replace(evidence, run=replace(evidence.run, error=RAISED)))["trace"].status == "pass"


def test_a_trace_of_the_target_must_tell_that_it_raised(recorded: Recorded) -> None:
    """A trace that is OK although the target raised is wrong."""
    evidence = recorded("langchain_sync")
    verdict = judged(replace(evidence, run=replace(evidence.run, error=RAISED)))["trace"]

    assert [(each.field, each.expected, each.actual) for each in verdict.findings] == [("trace state", "ERROR", "OK")]


@pytest.mark.parametrize(("wanted", "status"), [(1, "pass"), (2, "fail")])
def test_a_contract_may_ask_for_a_number(recorded: Recorded, wanted: int, status: str) -> None:
    """A platform that knows its traces says how many there are."""
    contract = Contract(trace=TraceRules(traces=wanted))

    assert judged(recorded("langchain_sync"), contract)["trace"].status == status
