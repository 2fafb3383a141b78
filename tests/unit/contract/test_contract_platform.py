"""The platform's contract: whole evidence passes, and each way to lose a part of it is caught."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.checks import judge
from e2i_eval.checks.contract import contract_checks, load_contract
from e2i_eval.core.case import Case
from e2i_eval.core.exchange import Caller, Exchange, Usage, WireNote
from e2i_eval.core.run import RunError
from e2i_eval.core.trace import Logged, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.verdict import Verdict

CONTRACT = Path(__file__).parents[3] / "evals" / "contract.toml"
CONTEXT = "[kpi-trx] TRx counts all prescriptions.\n[kpi-nrx] NRx counts new ones."
KEY = "sk-ant-api03-abcdefgh12345678"
COST_USD = 0.002


def price(_model: str, usage: Usage) -> float | None:
    """Price every token the same."""
    return usage.total_tokens * COST_USD / 1000


def verdicts(evidence: Evidence) -> dict[str, Verdict]:
    """Judge under the platform's contract."""
    contract = load_contract(CONTRACT, evidence.case.target)
    return {each.check: each for each in judge(contract_checks(contract, price=price), evidence)}


def documents(*scored: tuple[str, float]) -> list[dict[str, Any]]:
    """Return documents as a retriever logs them."""
    return [{"id": id_, "page_content": "text", "metadata": {"score": score}} for id_, score in scored]


@pytest.fixture
def rag(logged_by_handler: Callable[[tuple[Exchange, ...]], Evidence]) -> Evidence:
    """Return the evidence of a RAG answer, all of it as it should be."""
    exchange = Exchange(
        index=0,
        call=0,
        attempt=0,
        caller=Caller(node="answer"),
        request={
            "model": "claude-sonnet-5-5",
            "max_tokens": 1024,
            "system": "Answer from the passages.",
            "messages": [{"role": "user", "content": f"<passages>\n{CONTEXT}\n</passages>\nWhat is TRx?"}],
        },
        response={
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": [{"type": "text", "text": "All prescriptions [kpi-trx]."}],
            "stop_reason": "end_turn",
        },
        status=200,
        started_at_s=1000.0,
        duration_s=0.02,
        usage=Usage(input_tokens=900, output_tokens=100),
    )
    evidence = logged_by_handler((exchange,))
    output = {
        "status": "ok",
        "provenance": "computed",
        "context": CONTEXT,
        "context_tokens": 18,
        "citations_resolved": 1.0,
    }
    tags = {
        "e2i.agent": "rag",
        "e2i.tier": "0",
        "e2i.brand": "Kisqali",
        "e2i.use_case": "knowledge",
        "e2i.prompt_version": "answer=1,rerank=1",
        "e2i.config_version": "0123456789ab",
        "e2i.git_sha": "unknown",
        "e2i.provenance": "computed",
    }
    trace = (evidence.traces or ())[0]
    steps = (
        step("retrieve", "RETRIEVER", {"query": "TRx"}, documents(("kpi-nrx", 0.5), ("kpi-trx", 0.4))),
        step("rerank", "RERANKER", {"query": "TRx"}, {"documents": documents(("kpi-trx", 1.0), ("kpi-nrx", 0.5))}),
    )
    root = replace(trace.spans[0], name="rag", outputs=output)
    logged = Logged(
        run_id="r1",
        status="FINISHED",
        metrics={
            "latency_ms": 21.0,
            "input_tokens": 900.0,
            "output_tokens": 100.0,
            "cost_usd": COST_USD,
            "context_tokens": 18.0,
            "citations_resolved": 1.0,
        },
        params={
            "model": "claude-sonnet-5-5",
            "max_tokens": "1024",
            "prompt/answer": "1",
            "prompt/rerank": "1",
        },
        artifacts=("calls/tr-1/answer.json",),
    )
    return replace(
        evidence,
        case=Case(id="rag/trx", target="rag", inputs={"question": "What is TRx?", "brand": "Kisqali"}),
        run=replace(evidence.run, output=output),
        traces=(replace(trace, tags=tags, spans=(root, *trace.spans[1:], *steps)),),
        logged=logged,
    )


def step(name: str, type_: str, inputs: Any, outputs: Any) -> Span:  # noqa: ANN401  any JSON
    """Return a span of the pipeline."""
    return Span(
        span_id=name,
        parent_id="00",
        name=name,
        type=type_,
        status="OK",
        started_at_s=1000.0,
        duration_s=0.001,
        inputs=inputs,
        outputs=outputs,
    )


def on_trace(**changes: Any) -> Callable[[Evidence], Evidence]:  # noqa: ANN401  any attribute of a trace
    """Return a mutation of the trace."""

    def mutate(evidence: Evidence) -> Evidence:
        trace = (evidence.traces or ())[0]
        told = {name: new(getattr(trace, name)) if callable(new) else new for name, new in changes.items()}
        return replace(evidence, traces=(replace(trace, **told),))

    return mutate


def on_span(name: str, **changes: Any) -> Callable[[Evidence], Evidence]:  # noqa: ANN401  any attribute of a span
    """Return a mutation of the span called ``name``."""
    return on_trace(
        spans=lambda spans: tuple(replace(span, **changes) if span.name == name else span for span in spans)
    )


def without_span(name: str) -> Callable[[Evidence], Evidence]:
    """Return a mutation that loses the span called ``name``."""
    return on_trace(spans=lambda spans: tuple(span for span in spans if span.name != name))


def on_run(**changes: Callable[[Any], Any]) -> Callable[[Evidence], Evidence]:
    """Return a mutation of what the run holds."""

    def mutate(evidence: Evidence) -> Evidence:
        logged = evidence.logged
        assert logged is not None
        told = {name: change(getattr(logged, name)) for name, change in changes.items()}
        return replace(evidence, logged=replace(logged, **told))

    return mutate


def without(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that loses one key."""
    return lambda told: {name: value for name, value in told.items() if name != key}


def having(key: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:  # noqa: ANN401  any value
    """Return a function that sets one key."""
    return lambda told: {**told, key: value}


@dataclass(frozen=True)
class Mutation:
    """One way to break what is logged, the check that must see it, and what its finding is about."""

    name: str
    mutate: Callable[[Evidence], Evidence]
    field: str
    check: str = "trace"


RISING = {"documents": documents(("kpi-trx", 0.5), ("kpi-nrx", 1.0))}
FOREIGN = {"documents": documents(("kpi-trx", 1.0), ("kpi-roi", 0.5))}

CATALOGUE = [
    Mutation("trace in progress", on_trace(state="IN_PROGRESS"), "trace state"),
    Mutation("trace failed", on_trace(state="ERROR"), "trace state"),
    Mutation("unfinished span", on_span("retrieve", duration_s=None), "span end"),
    Mutation("no trace", lambda evidence: replace(evidence, traces=()), "traces"),
    Mutation("no tag", on_trace(tags=without("e2i.tier")), "tag e2i.tier"),
    Mutation("wrong brand", on_trace(tags=having("e2i.brand", "Fabhalta")), "tag e2i.brand"),
    Mutation("wrong provenance", on_trace(tags=having("e2i.provenance", "fallback")), "tag e2i.provenance"),
    Mutation("wrong agent", on_trace(tags=having("e2i.agent", "ragged")), "tag e2i.agent"),
    Mutation("odd version", on_trace(tags=having("e2i.config_version", "latest")), "tag e2i.config_version"),
    Mutation("root of another type", on_span("rag", type="CHAIN"), "span rag"),
    Mutation("no metric", on_run(metrics=without("context_tokens")), "metric context_tokens"),
    Mutation("NaN metric", on_run(metrics=having("context_tokens", math.nan)), "metric context_tokens"),
    Mutation("another value", on_run(metrics=having("citations_resolved", 0.5)), "metric citations_resolved"),
    Mutation("wrong cost", on_run(metrics=having("cost_usd", COST_USD * 2)), "metric cost_usd"),
    Mutation("no cost", on_run(metrics=without("cost_usd")), "metric cost_usd"),
    Mutation("latency below the wire's", on_run(metrics=having("latency_ms", 2.0)), "metric latency_ms"),
    Mutation("latency above the caller's", on_run(metrics=having("latency_ms", 900.0)), "metric latency_ms"),
    Mutation("halved tokens", on_run(metrics=having("input_tokens", 450.0)), "metric input_tokens"),
    Mutation("no param", on_run(params=without("max_tokens")), "param max_tokens"),
    Mutation("wrong model", on_run(params=having("model", "claude-opus-5-5")), "param model"),
    Mutation("no prompt version", on_run(params=without("prompt/rerank")), "param prompt/rerank"),
    Mutation("no artifact", on_run(artifacts=lambda _: ()), "artifact *answer.json"),
    Mutation("no retriever", without_span("retrieve"), "RETRIEVER span"),
    Mutation("no query", on_span("retrieve", inputs={}), "query"),
    Mutation("document without score", on_span("retrieve", outputs=[{"id": "kpi-trx"}]), "documents.0"),
    Mutation("document without id", on_span("retrieve", outputs=[{"score": 1.0}]), "documents.0"),
    Mutation("no reranker", without_span("rerank"), "RERANKER span"),
    Mutation("rising scores", on_span("rerank", outputs=RISING), "scores"),
    Mutation("foreign document", on_span("rerank", outputs=FOREIGN), "documents"),
    Mutation("reranker silent", on_span("rerank", outputs=None), "documents"),
    Mutation("document twice", on_span("rerank", outputs=documents(("kpi-trx", 1.0), ("kpi-trx", 0.5))), "documents"),
    Mutation(
        "context is not in the prompt",
        lambda evidence: replace(
            evidence, run=replace(evidence.run, output={**evidence.run.output, "context": "Other"})
        ),
        "context (output.context)",
    ),
    Mutation("empty file", on_run(empty=lambda _: ("calls/tr-1/answer.json",)), "artifact calls/tr-1/answer.json"),
    Mutation("span whose parent is lost", on_span("rerank", parent_id="99"), "parent span"),
    Mutation("another answer", on_span("rag", outputs={"status": "no_answer"}), "outputs.status"),
    Mutation("key in a tag", on_trace(tags=having("note", f"used {KEY}")), "tags.note", "secrets"),
    Mutation("key in a preview", on_trace(request_preview=f"key={KEY}"), "request_preview", "secrets"),
    Mutation("key in metadata", on_trace(metadata=having("mlflow.note", KEY)), "metadata.mlflow.note", "secrets"),
    Mutation("key in an attribute", on_span("rerank", attributes={"h": {"k": KEY}}), "attributes.h.k", "secrets"),
    Mutation("key in an input", on_span("rerank", inputs=["x", KEY]), "inputs.1", "secrets"),
    Mutation("key in a status", on_span("rerank", status_message=f"401 {KEY}"), "status_message", "secrets"),
    Mutation("key in a param", on_run(params=having("key", KEY)), "params.key", "secrets"),
    Mutation("key in a run tag", on_run(tags=having("key", KEY)), "tags.key", "secrets"),
    Mutation("key in a metric's name", on_run(metrics=having(KEY, 1.0)), "metrics", "secrets"),
    Mutation(
        "bearer token",
        on_span("rerank", attributes={"headers": {"Authorization": "Bearer abc123def456ghi789"}}),
        "attributes.headers.Authorization",
        "secrets",
    ),
    Mutation(
        "x-api-key header",
        on_span("rerank", attributes={"headers": {"x-api-key": "abc123def456ghi789"}}),
        "attributes.headers.x-api-key",
        "secrets",
    ),
    Mutation("record number", on_span("rerank", inputs="MRN: 12345678"), "inputs", "secrets"),
    Mutation("session secret", on_trace(tags=having("x", "pa55word-of-the-session")), "tags.x", "secrets"),
]


def test_whole_evidence_passes(rag: Evidence) -> None:
    """Every check, every demand."""
    judged = verdicts(rag)

    assert [each.findings for each in judged.values() if each.status != "pass"] == []
    assert {name: each.score for name, each in judged.items()} == {
        "wire": None,
        "logging": 1.0,
        "trace": 1.0,
        "secrets": None,
    }


@pytest.mark.parametrize("mutation", CATALOGUE, ids=lambda mutation: mutation.name)
def test_a_broken_part_is_caught(rag: Evidence, mutation: Mutation) -> None:
    """The right check fails with a finding about the right field, which shows no secret."""
    broken = replace(mutation.mutate(rag), secrets=("pa55word-of-the-session",))

    verdict = verdicts(broken)[mutation.check]

    assert verdict.status == "fail"
    assert any(mutation.field in each.field for each in verdict.findings), verdict.findings
    assert KEY not in str(verdict)
    assert "pa55word-of-the-session" not in str(verdict)


def test_a_finding_says_where_its_demand_is_written(rag: Evidence) -> None:
    """File and line of the contract."""
    (finding,) = verdicts(on_trace(tags=having("e2i.brand", "Fabhalta"))(rag))["trace"].findings

    line = next(n for n, text in enumerate(CONTRACT.read_text().splitlines(), 1) if text.startswith('"e2i.brand"'))
    assert finding.where == f"{CONTRACT}:{line}"
    assert (finding.message, finding.expected, finding.actual) == (
        "tag e2i.brand has another value",
        "Kisqali",
        "Fabhalta",
    )


def test_a_declined_answer_owes_no_metrics_of_its_own(rag: Evidence) -> None:
    """Demands under a condition hold only when it does."""
    output = {"status": "declined", "provenance": "computed"}
    declined = on_span("rag", outputs=output)(replace(rag, run=replace(rag.run, output=output)))
    bare = on_run(metrics=lambda told: {name: told[name] for name in told if name.split("_")[0] != "context"})

    judged = verdicts(without_span("rerank")(without_span("retrieve")(bare(declined))))

    assert judged["trace"].findings == ()


def test_a_number_reported_as_null_must_not_be_logged(rag: Evidence) -> None:
    """A metric that nobody computed comes from nowhere."""
    output = {**rag.run.output, "citations_resolved": None}
    nameless = replace(rag, run=replace(rag.run, output=output))

    (finding,) = verdicts(nameless)["trace"].findings

    assert finding.message == "metric citations_resolved is logged and the value it reports is null"
    assert verdicts(on_run(metrics=without("citations_resolved"))(nameless))["trace"].status == "pass"


def test_a_target_that_raised_must_leave_an_error_trace(rag: Evidence) -> None:
    """And owes nothing that speaks of its output."""
    error = RunError(type="ValueError", bases=(), message="no", traceback="")
    raised = replace(rag, run=replace(rag.run, output=None, error=error))

    assert [each.field for each in verdicts(raised)["trace"].findings] == ["trace state"]
    assert verdicts(on_trace(state="ERROR")(raised))["trace"].status == "pass"


def test_an_unknown_run_is_neither_pass_nor_fail(rag: Evidence) -> None:
    """Metrics nobody could read are not absent."""
    judged = verdicts(replace(rag, logged=None, unknown="no answer"))

    assert {judged["trace"].status, judged["secrets"].status} == {"error"}
    assert judged["trace"].reason == "unknown: no answer"


def test_a_context_may_be_read_from_a_span(rag: Evidence, tmp_path: Path) -> None:
    """Where the output does not tell it."""
    path = tmp_path / "contract.toml"
    path.write_text('[rag]\ncontext = "spans.context.outputs.text"\n', encoding="utf-8")
    contract = load_contract(path, "rag")
    context = step("context", "CHAIN", {}, {"text": CONTEXT})
    telling = on_trace(spans=lambda spans: (*spans, context))(rag)

    def trace_findings(evidence: Evidence) -> tuple[str, ...]:
        verdict = next(each for each in judge(contract_checks(contract), evidence) if each.check == "trace")
        return tuple(each.message for each in verdict.findings)

    assert trace_findings(telling) == ()
    assert trace_findings(rag) == ("the final context is not logged",)


def test_words_of_the_field_are_no_credentials(rag: Evidence) -> None:
    """Prior authorizations, bearers of news, masked keys and plain numbers raise no alarm."""
    harmless = {
        "authorization": "pending",
        "api_key": "**********",
        "x-api-key": "[redacted]",
        "text": "Prior authorization: required for 12345678901234. Bearer of the report: J. Doe",
    }

    assert verdicts(on_span("rerank", attributes=harmless)(rag))["secrets"].status == "pass"


def test_notes_about_the_wire_are_findings(rag: Evidence) -> None:
    """A miss that the agent swallowed still fails the case, at its line."""
    case = replace(rag.case, path=Path("golden/cases/rag/trx.yaml"))
    notes = (
        WireNote(kind="miss", message=f"no answer fits; key {KEY}"),
        WireNote(kind="leftover", message="answer 2 was never asked for", line=7),
    )

    verdict = verdicts(replace(rag, case=case, notes=notes))["wire"]

    assert (verdict.status, verdict.reason) == ("fail", "miss, leftover (1 request to Claude)")
    assert [each.where for each in verdict.findings] == [None, "golden/cases/rag/trx.yaml:7"]
    assert KEY not in str(verdict)
