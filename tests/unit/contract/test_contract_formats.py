"""What real libraries log, unbroken, must pass with every field agreeing; what they log wrongly must not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks import judge
from e2i_eval.checks.contract import Contract, contract_checks
from e2i_eval.checks.contract.contract import CallRules
from e2i_eval.checks.contract.formats import GAPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.verdict import Verdict

NAMES = sorted(path.stem for path in (Path(__file__).parent / "traces").glob("*.json"))
BROKEN = {"both_async"}
"""Recordings of a library at fault."""

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "contract.md"


def verdicts(evidence: Evidence, contract: Contract | None = None) -> dict[str, Verdict]:
    """Judge by all checks."""
    return {each.check: each for each in judge(contract_checks(contract or Contract()), evidence)}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BROKEN])
def test_what_a_library_logs_agrees_with_the_wire(recorded: Callable[[str], Evidence], name: str) -> None:
    """No false alarm, and no field left out of the score."""
    judged = verdicts(recorded(name))

    assert [(each.check, each.status, each.findings) for each in judged.values() if each.status != "pass"] == []
    assert judged["logging"].score == 1.0


def test_a_pass_says_what_was_compared(recorded: Callable[[str], Evidence]) -> None:
    """The reason counts calls and fields."""
    assert verdicts(recorded("langchain_tools"))["logging"].reason == "2 calls, 37 fields agree"


def test_both_autologs_log_asynchronous_calls_twice(recorded: Callable[[str], Evidence]) -> None:
    """A real fault: ``AsyncMessages.create`` does not find its parent and becomes a trace of its own."""
    verdict = verdicts(recorded("both_async"))["logging"]

    assert [(each.field, each.call) for each in verdict.findings] == [
        ("span", "call 1 (node 'answer')"),
        ("span", "call 2 (node 'answer')"),
    ]
    assert "is logged twice" in verdict.findings[0].message


def test_a_known_gap_counts_when_gaps_are_refused(recorded: Callable[[str], Evidence]) -> None:
    """LangChain's autolog states no cache writes when the API itemises them."""
    strict = Contract(calls=CallRules(gaps="refuse"))

    findings = verdicts(recorded("langchain_cache"), strict)["logging"].findings

    assert [(each.field, each.expected, each.actual) for each in findings] == [("cache_write_tokens", "120", "0")]


def test_a_demand_for_what_a_form_cannot_tell_is_a_finding_when_gaps_are_refused(
    recorded: Callable[[str], Evidence],
) -> None:
    """A stop reason is missing from autolog's spans."""
    rules = CallRules(demand=("stop_reason",), gaps="refuse")

    findings = verdicts(recorded("langchain_sync"), Contract(calls=rules))["logging"].findings

    assert [(each.message, each.call) for each in findings] == [("stop_reason is not logged", "call 1 (node 'answer')")]


def test_a_span_for_each_attempt_is_as_right_as_one_for_the_call(recorded: Callable[[str], Evidence]) -> None:
    """Three attempts, three spans, the last of which has the answer."""
    evidence = _with_a_span_per_attempt(recorded("langchain_retry"))

    verdict = verdicts(evidence)["logging"]

    assert (verdict.status, verdict.findings, verdict.score) == ("pass", (), 1.0)


def test_a_span_for_some_of_the_attempts_is_a_finding(recorded: Callable[[str], Evidence]) -> None:
    """Two of three attempts are logged."""
    evidence = _with_a_span_per_attempt(recorded("langchain_retry"))
    trace = evidence.traces[0] if evidence.traces else None
    assert trace is not None
    spans = tuple(span for span in trace.spans if span.span_id != "attempt0")

    verdict = verdicts(replace(evidence, traces=(replace(trace, spans=spans),)))["logging"]

    assert [each.message for each in verdict.findings] == [
        "only some of the attempts of call 1 (node 'answer') have a span"
    ]


def _with_a_span_per_attempt(evidence: Evidence) -> Evidence:
    """Return the evidence of a library that logs every request of a retried call."""
    traces = evidence.traces or ()
    whole = next(span for span in traces[0].spans if span.type == "CHAT_MODEL")
    others = tuple(span for span in traces[0].spans if span is not whole)
    attempts = tuple(
        replace(
            whole,
            span_id=f"attempt{exchange.attempt}",
            started_at_s=exchange.started_at_s - 1e-4,
            duration_s=exchange.duration_s + 2e-4,
            status="ERROR" if exchange.error else "OK",
            outputs=None if exchange.error else whole.outputs,
            tokens=None if exchange.error else whole.tokens,
        )
        for exchange in evidence.exchanges
    )
    return replace(evidence, traces=(replace(traces[0], spans=(*others, *attempts)),))


def test_a_model_span_that_failed_before_the_wire_is_in_order(recorded: Callable[[str], Evidence]) -> None:
    """A request the SDK refuses never leaves the process, and its span says so."""
    evidence = recorded("langchain_sync")
    trace = (evidence.traces or ())[0]
    span = next(span for span in trace.spans if span.type == "CHAT_MODEL")
    inputs = {"messages": [{"role": "user", "content": "Something else, quite different"}]}
    refused = replace(span, span_id="f0", status="ERROR", inputs=inputs, outputs=None, tokens=None, duration_s=0.0)

    verdict = verdicts(replace(evidence, traces=(replace(trace, spans=(*trace.spans, refused)),)))["logging"]

    assert verdict.status == "pass"


def test_other_models_are_left_alone_where_the_contract_names_them(recorded: Callable[[str], Evidence]) -> None:
    """A span of another provider's model is no call to Claude."""
    evidence = recorded("langchain_sync")
    trace = (evidence.traces or ())[0]
    span = next(span for span in trace.spans if span.type == "CHAT_MODEL")
    other = replace(span, span_id="f0", inputs={"model": "gpt-7", "messages": []}, outputs="no", attributes={})
    evidence = replace(evidence, traces=(replace(trace, spans=(*trace.spans, other), tokens=None),))
    rules = CallRules(demand=("messages",), other_models=("gpt-*",))

    assert verdicts(evidence)["logging"].status == "fail"
    assert verdicts(evidence, Contract(calls=rules))["logging"].status == "pass"


def test_redacted_text_agrees_where_the_contract_allows_its_placeholder(recorded: Callable[[str], Evidence]) -> None:
    """What must not be kept may be replaced, and nothing else."""
    evidence = recorded("anthropic_sync")
    trace = (evidence.traces or ())[0]
    span = trace.spans[0]
    inputs = {**span.inputs, "messages": [{"role": "user", "content": "Why did [redacted] fall in the West?"}]}
    evidence = replace(evidence, traces=(replace(trace, spans=(replace(span, inputs=inputs),)),))
    allowing = Contract(calls=CallRules(redacted=(r"\[redacted\]",)))
    moved = replace(evidence.exchanges[0], request={**inputs, "messages": [{"role": "user", "content": "Why?"}]})

    assert verdicts(evidence)["logging"].status == "fail"
    assert verdicts(evidence, allowing)["logging"].status == "pass"
    assert verdicts(replace(evidence, exchanges=(moved,)), allowing)["logging"].status == "fail"


def test_a_server_that_could_not_be_asked_is_neither_pass_nor_fail(recorded: Callable[[str], Evidence]) -> None:
    """Nothing is concluded from absent evidence."""
    evidence = replace(recorded("langchain_sync"), traces=None, logged=None, unknown="no answer since case t/a")

    judged = verdicts(evidence)

    assert {name: each.status for name, each in judged.items()} == {
        "wire": "pass",
        "logging": "error",
        "trace": "error",
        "secrets": "error",
    }
    assert judged["logging"].reason == "unknown: no answer since case t/a"


def test_the_reference_lists_every_known_gap() -> None:
    """What a form cannot tell is documented, form by form."""
    text = REFERENCE.read_text(encoding="utf-8")

    rows = {(form, group) for form, gaps in GAPS.items() for group in gaps}
    documented = {(form, group) for form, group in rows if f"| `{form}` | `{group}` |" in text}

    assert documented == rows
