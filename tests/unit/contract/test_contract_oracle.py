"""A catalogue of broken logging: each way must be caught, with a finding that names call, span and field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.checks import judge
from e2i_eval.checks.contract import Contract, contract_checks

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.trace import Span, Trace
    from e2i_eval.core.verdict import Finding, Verdict

SYSTEM = "You are a careful analyst of prescriptions.\nAnswer in one sentence."
MODEL = "claude-sonnet-5-5"


def logging_verdict(evidence: Evidence) -> Verdict:
    """Return the oracle's verdict."""
    return next(each for each in judge(contract_checks(Contract()), evidence) if each.check == "logging")


def model_spans(evidence: Evidence) -> list[Span]:
    """Return the outermost model spans in order."""
    spans = [(trace, span) for trace in evidence.traces or () for span in trace.spans]
    kinds = {"CHAT_MODEL", "LLM"}
    outer = [span for trace, span in spans if not any(up.type in kinds for up in trace.ancestors(span))]
    return [span for span in outer if span.type in kinds]


def edited(evidence: Evidence, changed: dict[str, Span | None]) -> Evidence:
    """Return the evidence with spans replaced (or removed) by id."""

    def edit(trace: Trace) -> Trace:
        kept = [changed.get(span.span_id, span) for span in trace.spans]
        return replace(trace, spans=tuple(span for span in kept if span is not None))

    return replace(evidence, traces=tuple(map(edit, evidence.traces or ())))


def swapped(value: Any, old: str, new: str) -> Any:  # noqa: ANN401  any JSON
    """Return ``value`` with ``old`` replaced by ``new`` in every text."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: swapped(each, old, new) for key, each in value.items()}
    return [swapped(each, old, new) for each in value] if isinstance(value, list) else value


def in_span(old: str, new: str, side: str) -> Callable[[Evidence], Evidence]:
    """Return a mutation of one text on one side of the first model span; it must hit."""

    def mutate(evidence: Evidence) -> Evidence:
        span = model_spans(evidence)[0]
        told = getattr(span, side)
        assert swapped(told, old, new) != told, f"{old!r} is not in {side}"
        return edited(evidence, {span.span_id: replace(span, **{side: swapped(told, old, new)})})

    return mutate


def with_span(**changes: Any) -> Callable[[Evidence], Evidence]:  # noqa: ANN401  any attribute of a span
    """Return a mutation of the first model span's own attributes; callables are applied to the old value."""

    def mutate(evidence: Evidence) -> Evidence:
        span = model_spans(evidence)[0]
        told = {name: new(getattr(span, name)) if callable(new) else new for name, new in changes.items()}
        return edited(evidence, {span.span_id: replace(span, **told)})

    return mutate


def with_tokens(**changes: Callable[[int], int]) -> Callable[[Evidence], Evidence]:
    """Return a mutation of the first model span's token counts."""

    def mutate(tokens: Any) -> Any:  # noqa: ANN401  TokenTotals
        return replace(tokens, **{name: change(getattr(tokens, name)) for name, change in changes.items()})

    return with_span(tokens=mutate)


def drop_message(evidence: Evidence) -> Evidence:
    """Lose the last message of the second call's prompt."""
    span = model_spans(evidence)[1]
    inputs = {**span.inputs, "messages": span.inputs["messages"][:-1]}
    return edited(evidence, {span.span_id: replace(span, inputs=inputs)})


def drop_span(evidence: Evidence) -> Evidence:
    """Lose the second call, and with it what is inside its span."""
    span = model_spans(evidence)[1]
    inside = {
        each.span_id: None
        for trace in evidence.traces or ()
        for each in trace.spans
        if span.span_id in {up.span_id for up in trace.ancestors(each)}
    }
    return edited(evidence, {span.span_id: None, **inside})


def log_twice(evidence: Evidence) -> Evidence:
    """Log the first call a second time, beside the first."""
    trace = (evidence.traces or ())[0]
    again = replace(model_spans(evidence)[0], span_id="twice")
    return replace(evidence, traces=(replace(trace, spans=(*trace.spans, again)),))


def log_in_second_trace(evidence: Evidence) -> Evidence:
    """Log the first call a second time, in a trace of its own."""
    again = replace(model_spans(evidence)[0], span_id="twice", parent_id=None)
    second = replace((evidence.traces or ())[0], trace_id="tr-second", spans=(again,), tokens=again.tokens)
    return replace(evidence, traces=(*(evidence.traces or ()), second))


def swap_outputs(evidence: Evidence) -> Evidence:
    """Give the first call the answer of the second and the other way round."""
    one, two = model_spans(evidence)[:2]
    changed = {one.span_id: replace(one, outputs=two.outputs), two.span_id: replace(two, outputs=one.outputs)}
    return edited(evidence, dict(changed))


def double_totals(evidence: Evidence) -> Evidence:
    """Count every call twice in the trace's totals."""

    def doubled(trace: Trace) -> Trace:
        assert trace.tokens is not None
        told = {name: 2 * getattr(trace.tokens, name) for name in ("input_tokens", "output_tokens", "total_tokens")}
        return replace(trace, tokens=replace(trace.tokens, **told))

    return replace(evidence, traces=tuple(map(doubled, evidence.traces or ())))


def invent_span(evidence: Evidence) -> Evidence:
    """Log a call nobody made."""
    trace = (evidence.traces or ())[0]
    inputs = {"messages": [{"role": "user", "content": "Compose a limerick about tax law"}]}
    invented = replace(model_spans(evidence)[0], span_id="invented", inputs=inputs, outputs="There once was a levy")
    return replace(evidence, traces=(replace(trace, spans=(*trace.spans, invented)),))


@dataclass(frozen=True)
class Mutation:
    """One way to break the logging.

    Attributes:
        name: of the test.
        mutate: the break.
        field: must be part of a finding's field.
        only: recordings it can be done to; empty for all of ``TOOLS``.
    """

    name: str
    mutate: Callable[[Evidence], Evidence]
    field: str
    only: tuple[str, ...] = ()


TOOLS = ("langchain_tools", "both_tools", "langchain_tools_stream", "anthropic_tools", "manual_openai", "handler")
CACHED = ("langchain_cache", "anthropic_cache", "handler_cache")
STRUCTURED_OUTPUT = ("anthropic_tools", "handler")

CATALOGUE = [
    Mutation("drop the prompt", with_span(inputs=None), "message"),
    Mutation("change a word of the system prompt", in_span("careful", "careless", "inputs"), "system prompt"),
    Mutation("drop the system prompt", in_span(SYSTEM, "", "inputs"), "system prompt"),
    Mutation("change a message", in_span("How many TRx?", "How many NRx?", "inputs"), "message"),
    Mutation("drop a message", drop_message, "message"),
    Mutation("drop a completion", with_span(outputs=None), "completion"),
    Mutation("truncate a completion", in_span("Let me look it up.", "Let me look", "outputs"), "completion"),
    Mutation("change a tool input", in_span("Kisqali", "Fabhalta", "outputs"), "tool call lookup_trx"),
    Mutation("rename a tool call", in_span("lookup_trx", "lookup_nrx", "outputs"), "tool call lookup_trx"),
    Mutation("change a tool call's id", in_span("toolu_01", "toolu_99", "outputs"), "tool call lookup_trx"),
    Mutation("offer another tool", in_span("lookup_trx", "drop_table", "inputs"), "tool", STRUCTURED_OUTPUT),
    Mutation("change a stop reason", in_span("tool_use", "end_turn", "outputs"), "", ("anthropic_tools", "handler")),
    Mutation("halve input tokens", with_tokens(input_tokens=lambda count: count // 2), "input_tokens"),
    Mutation("lose output tokens", with_tokens(output_tokens=lambda _: 0), "output_tokens"),
    Mutation("inflate the span's total", with_tokens(total_tokens=lambda count: count + 1), "total_tokens"),
    Mutation("log no tokens", with_span(tokens=None), "input_tokens"),
    Mutation("zero cache reads", with_tokens(cache_read_tokens=lambda _: 0), "cache_read_tokens", CACHED),
    Mutation("zero cache writes", with_tokens(cache_write_tokens=lambda _: 0), "cache_write_tokens", CACHED[1:]),
    Mutation("double the trace totals", double_totals, "trace total of input_tokens"),
    Mutation("log a call twice", log_twice, "span"),
    Mutation("log a call in a second trace", log_in_second_trace, "span"),
    Mutation("drop a call's span", drop_span, "span"),
    Mutation("log a call that never was", invent_span, "span"),
    Mutation("swap the answers of two calls", swap_outputs, "completion"),
    Mutation(
        "swap the answers of parallel branches",
        swap_outputs,
        "",
        ("langchain_parallel", "both_parallel", "graph_parallel", "handler_parallel"),
    ),
    Mutation("log another model", in_span(MODEL, "claude-haiku-5-5", "attributes"), "model", TOOLS[:4]),
    Mutation("end before the wire", with_span(duration_s=1e-4), "duration"),
    Mutation("begin after the wire", with_span(started_at_s=lambda at: at + 0.05), "duration"),
    Mutation("log a failed call as OK", with_span(status="OK"), "status", ("langchain_error", "anthropic_error")),
    Mutation("log a good call as failed", with_span(status="ERROR"), "status"),
]


def names(mutation: Mutation) -> tuple[str, ...]:
    """Return the recordings to break."""
    return mutation.only or TOOLS


@pytest.fixture
def unbroken(
    recorded: Callable[[str], Evidence], logged_by_handler: Callable[..., Evidence]
) -> Callable[[str], Evidence]:
    """Return a recording by name; ``handler...`` is the wire of an SDK recording, logged by a callback handler."""
    wires = {"handler": "anthropic_tools", "handler_cache": "anthropic_cache", "handler_parallel": "graph_parallel"}

    def read(name: str) -> Evidence:
        return logged_by_handler(recorded(wires[name]).exchanges) if name in wires else recorded(name)

    return read


@pytest.mark.parametrize("name", [*TOOLS, *CACHED, "handler_parallel"])
def test_unbroken_logging_passes(unbroken: Callable[[str], Evidence], name: str) -> None:
    """What the catalogue breaks is whole to begin with."""
    verdict = logging_verdict(unbroken(name))

    assert (verdict.status, verdict.findings, verdict.score) == ("pass", (), 1.0)


@pytest.mark.parametrize(
    ("mutation", "name"),
    [pytest.param(each, name, id=f"{each.name}-{name}") for each in CATALOGUE for name in names(each)],
)
def test_broken_logging_is_caught(unbroken: Callable[[str], Evidence], mutation: Mutation, name: str) -> None:
    """The verdict fails, and a finding names the field, the call and the span."""
    verdict = logging_verdict(mutation.mutate(unbroken(name)))

    assert verdict.status == "fail"
    assert verdict.score is not None
    assert verdict.score < 1
    assert [each for each in verdict.findings if mutation.field in each.field and _names_its_place(each)], (
        verdict.findings
    )


def _names_its_place(finding: Finding) -> bool:
    """Tell whether a person finds the spot: a call and, unless it was lost, a span."""
    return bool(finding.call or finding.span) and (finding.actual == "none" or finding.span is not None)


def test_a_wrong_setting_is_caught_wherever_it_is_stated(recorded: Callable[[str], Evidence]) -> None:
    """max_tokens in LangChain's invocation parameters."""
    evidence = recorded("langchain_sync")
    span = model_spans(evidence)[0]
    attributes = {**span.attributes, "invocation_params": {**span.attributes["invocation_params"], "max_tokens": 999}}
    verdict = logging_verdict(edited(evidence, {span.span_id: replace(span, attributes=attributes)}))

    assert [(each.field, each.expected, each.actual) for each in verdict.findings] == [
        ("max_tokens", "256", "999 (at attributes.invocation_params.max_tokens)")
    ]


def test_a_temperature_that_was_never_sent_is_caught(recorded: Callable[[str], Evidence]) -> None:
    """A setting the API did not get must not be in the log."""
    evidence = recorded("anthropic_sync")
    span = model_spans(evidence)[0]
    broken = edited(evidence, {span.span_id: replace(span, inputs={**span.inputs, "temperature": 0.7})})

    assert [each.field for each in logging_verdict(broken).findings] == ["temperature"]


def test_a_lost_call_names_it(recorded: Callable[[str], Evidence]) -> None:
    """The message says which call has no span."""
    finding = logging_verdict(drop_span(recorded("langchain_tools"))).findings[0]

    assert finding.message == "no span on the server stands for call 2 (node 'agent')"
    assert finding.call == "call 2 (node 'agent')"


def test_totals_counted_twice_name_the_spans_that_count(recorded: Callable[[str], Evidence]) -> None:
    """Nested logs that both count are found by the spans that carry counts."""
    verdict = logging_verdict(double_totals(recorded("both_tools")))

    messages = [each.message for each in verdict.findings]
    assert len(messages) == 3
    assert all("counted in span 'ChatAnthropic'" in message for message in messages)


def test_an_answer_under_the_wrong_branch_is_caught(recorded: Callable[[str], Evidence]) -> None:
    """Equal prompts in parallel: the answer of one branch is logged under another."""
    verdict = logging_verdict(swap_outputs(recorded("langchain_parallel")))

    assert {each.field for each in verdict.findings} & {"completion text", "node", "output_tokens"}


def test_a_long_difference_is_shown_as_a_few_lines(recorded: Callable[[str], Evidence]) -> None:
    """No wall of text: excerpts around the first difference, and a short diff."""
    evidence = recorded("anthropic_sync")
    long = "\n".join(f"Line {number} of a long prompt about prescriptions." for number in range(200))
    request = {**evidence.exchanges[0].request, "system": long}
    exchange = replace(evidence.exchanges[0], request=request)
    span = model_spans(evidence)[0]
    told = replace(span, inputs={**span.inputs, "system": long.replace("Line 150 ", "Line 151 ")})
    broken = replace(edited(evidence, {span.span_id: told}), exchanges=(exchange,))

    finding = logging_verdict(broken).findings[0]

    assert len(finding.message) + len(finding.expected or "") + len(finding.actual or "") < 1500
    assert "-Line 150 of a long prompt about prescriptions." in finding.message
    assert "+Line 151 of a long prompt about prescriptions." in finding.message
    assert "Line 150" in (finding.expected or "")


def test_findings_show_no_secret(recorded: Callable[[str], Evidence]) -> None:
    """A key in a prompt that was logged wrongly is masked in the finding about it."""
    evidence = recorded("anthropic_sync")
    key = "sk-ant-api03-SECRETSECRET42"
    request = {**evidence.exchanges[0].request, "system": f"Use {key} and hunter2hunter2."}
    exchange = replace(evidence.exchanges[0], request=request)
    broken = replace(evidence, exchanges=(exchange,), secrets=("hunter2hunter2",))

    text = str(logging_verdict(broken).findings)

    assert key not in text
    assert "hunter2hunter2" not in text
    assert "characters masked" in text


def test_no_calls_and_no_spans_pass_without_a_score(logged_by_handler: Callable[..., Evidence]) -> None:
    """A declined input asks no model."""
    verdict = logging_verdict(logged_by_handler(()))

    assert (verdict.status, verdict.reason, verdict.score) == ("pass", "0 calls, 0 fields agree", None)


def test_counting_tokens_needs_no_span(recorded: Callable[[str], Evidence]) -> None:
    """A request to count tokens asks no model."""
    evidence = recorded("anthropic_sync")
    counting = replace(evidence.exchanges[0], index=1, call=1, kind="count_tokens")

    assert logging_verdict(replace(evidence, exchanges=(*evidence.exchanges, counting))).status == "pass"


def test_an_answer_that_broke_off_may_be_logged_in_part_or_not_at_all(recorded: Callable[[str], Evidence]) -> None:
    """A truncated stream raises nothing, and libraries keep of it what they can."""
    evidence = recorded("langchain_stream")
    exchange = replace(evidence.exchanges[0], complete=False)
    span = model_spans(evidence)[0]
    without = edited(evidence, {span.span_id: replace(span, outputs=None, tokens=None)})

    assert logging_verdict(replace(evidence, exchanges=(exchange,))).status == "pass"
    assert logging_verdict(replace(without, exchanges=(exchange,))).status == "pass"
