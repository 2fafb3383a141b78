"""Faults in what is logged of a whole trace: lost, late, doubled, unfinished, elsewhere, leaking."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.contract.scope import scope_of
from e2i_eval.faults.fault import Fault, Need
from e2i_eval.faults.needs import A_TRACE, DOCUMENTS, ONE_CALL, RERANKED, logs, wanted_names
from e2i_eval.faults.sent_span import INPUTS, OUTPUTS, TOKENS, SentSpan, calls, other_id, rewritten, root
from e2i_eval.faults.traffic import Answer, Handling, Message
from e2i_eval.faults.values import each_mapping, replaced_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.contract.contract import SpanDemand
    from e2i_eval.faults.sound import Sound
    from e2i_eval.json_value import JsonValue

__all__ = ["TRACE_FAULTS"]

Spans = list[SentSpan]
TRACE_TAG = "mlflow.traceTag."
ANOTHER = "another"
CONTEXT = "context"
KEY = "sk-ant-api03-" + "NotARealKey0" * 4
BEARER = "Bearer " + "NotARealToken7" * 3
IDENTIFIERS = (
    "NPI: 1234567893",
    "MRN: AB-1234567",
    "123-45-6789",
    "jane.doe@hospital.example",
    "+1 212 555 0142",
)
"""Samples of what contracts forbid; the first one that a contract's patterns match is leaked."""

UNAVAILABLE = 503
CREATE_TRACE = "traces"
LINK_CALLS = ("traces/link-to-run",)


# lost, late, doubled


def lose_trace(message: Message, _sound: Sound) -> Handling | None:
    """Let spans go nowhere, and say that they arrived."""
    return Handling() if _is_about_traces(message) else None


def delay_trace(message: Message, _sound: Sound) -> Handling | None:
    """Let everything about traces arrive after it was looked for."""
    return Handling(later=(message,)) if _is_about_traces(message) else None


def send_twice(message: Message, _sound: Sound) -> Handling | None:
    """Send each trace a second time under a new id, as a retry does that makes a new one."""
    if message.has_spans:
        return Handling(send=(_in_twin_trace(message), message))
    if message.call == CREATE_TRACE:
        body = replaced_text(message.json(), *_twin_ids(_trace_id(message)))
        return Handling(send=(message.with_json(body), message))
    if message.call in LINK_CALLS:
        body = dict(message.json())
        ids = body.get("trace_ids", [])
        return Handling(send=(message.with_json({**body, "trace_ids": [*ids, *map(_twin_trace_id, ids)]}),))
    return None


def log_to_no_run(message: Message, _sound: Sound) -> Handling | None:
    """Forget which run a trace belongs to, as a thread without its context does."""
    if message.call in LINK_CALLS:
        return Handling()
    if message.call == CREATE_TRACE:
        return Handling(send=(message.with_json(each_mapping(message.json(), _without_run)),))
    return (
        Handling(send=(replace(message, headers=_without_run(dict(message.headers))),)) if message.has_spans else None
    )


def be_unavailable(message: Message, _sound: Sound) -> Handling | None:
    """Let the server be down for whatever is logged."""
    return Handling(answer=Answer(status=UNAVAILABLE)) if message.is_write else None


# unfinished, cut


def lose_root(spans: Spans, _sound: Sound) -> Spans:
    """Lose the root span, as a process does that ends before its trace."""
    return [span for span in spans if span.parent_id]


def lose_tail(spans: Spans, _sound: Sound) -> Spans:
    """Lose the spans that ended last, as a hard exit does."""
    kept = sorted(spans, key=lambda span: span.end_ns)[: len(spans) // 2]
    return [span for span in spans if span in kept]


def roll_tokens_up(spans: Spans, _sound: Sound) -> Spans:
    """Log the sum of all calls once more, in a span of its own beside them."""
    counting = [span for span in spans if isinstance(span.attributes.get(TOKENS), dict)]
    if not counting:
        return spans
    total = counting[0].twin()
    total.name, total.parent_id = "usage", counting[0].parent_id
    total.attributes = {TOKENS: counting[0].attributes[TOKENS], "mlflow.spanType": "CHAIN"}
    return [*spans, total]


def hide_error(spans: Spans, _sound: Sound) -> Spans:
    """Say of every span that all went well."""
    for span in spans:
        span.status = 1
    return spans


# tags and answers


def lose_tag(spans: Spans, sound: Sound) -> Spans:
    """Drop a tag that is asked for."""
    for name in wanted_names(sound, "tags")[:1]:
        for span in spans:
            span.attributes.pop(TRACE_TAG + name, None)
    return spans


def lie_about_provenance(spans: Spans, sound: Sound) -> Spans:
    """Say of any answer that it was computed, or of a computed one that it was not."""
    for name in wanted_names(sound, "tags", exactly=True, name="*provenance*")[:1]:
        for span in spans:
            if (told := span.attributes.get(TRACE_TAG + name)) is not None:
                span.attributes[TRACE_TAG + name] = "fallback" if told == "computed" else "computed"
    return spans


def answer_as_before(spans: Spans, sound: Sound) -> Spans:
    """Tag an answer with another case's brand, customer or whatever tags tell of the inputs."""
    for name in wanted_names(sound, "tags", exactly=True)[:1]:
        for span in spans:
            if TRACE_TAG + name in span.attributes:
                span.attributes[TRACE_TAG + name] = ANOTHER
    return spans


def log_other_answer(spans: Spans, sound: Sound) -> Spans:
    """Log another answer than the caller got, as a handler does that reads a state which is changed later."""
    told = {name.partition(".")[0] for demand in _of_the_answer(sound) for name in demand.outputs}
    if (first := root(spans)) is not None and isinstance(outputs := first.attributes.get(OUTPUTS), dict):
        first.attributes[OUTPUTS] = {key: ANOTHER if key in told else value for key, value in outputs.items()}
    return spans


def cut_context(spans: Spans, _sound: Sound) -> Spans:
    """Log half of the context that Claude was shown."""
    if (first := root(spans)) is not None and isinstance(outputs := first.attributes.get(OUTPUTS), dict):
        context = str(outputs.get(CONTEXT) or "")
        first.attributes[OUTPUTS] = {**outputs, CONTEXT: context[: len(context) // 2]}
    return spans


def _of_the_answer(sound: Sound) -> list[SpanDemand]:
    """Return the demands on what the root span says was answered."""
    scope = scope_of(sound.evidence, None)
    sections = [each for each in sound.contract.sections if scope.holds(each.when)]
    demands = [each for section in sections for each in section.spans]
    return [each for each in demands if each.root and each.outputs and scope.holds(each.when)]


# leaked


def leak_key_into_tag(spans: Spans, _sound: Sound) -> Spans:
    """Write a key where everybody can read it."""
    if (first := root(spans)) is not None:
        first.attributes[TRACE_TAG + "debug"] = f"client made with {KEY}"
    return spans


def leak_header(spans: Spans, _sound: Sound) -> Spans:
    """Log a request with its headers."""
    for span in calls(spans) or spans[:1]:
        span.attributes["http.request.headers"] = {"authorization": BEARER}
    return spans


def leak_identifier(spans: Spans, sound: Sound) -> Spans:
    """Log a question with the number of a person in it."""
    for span in spans[:1]:
        span.attributes["question.raw"] = f"what of {identifier(sound)}?"
    return spans


def identifier(sound: Sound) -> str:
    """Return a sample of what the contract forbids; empty when it forbids none of the samples."""
    patterns = sound.contract.secrets.patterns.values()
    return next((each for each in IDENTIFIERS if any(re.search(pattern, each) for pattern in patterns)), "")


# documents


def lose_reranking(spans: Spans, _sound: Sound) -> Spans:
    """Lose how the documents were reranked."""
    return [span for span in spans if span.type != "RERANKER"]


def lose_retrieval(spans: Spans, _sound: Sound) -> Spans:
    """Lose what was retrieved."""
    return [span for span in spans if span.type != "RETRIEVER"]


def reverse_scores(spans: Spans, _sound: Sound) -> Spans:
    """Log reranked documents in another order than their scores say."""
    for span in spans:
        if span.type == "RERANKER":
            span.attributes[OUTPUTS] = _reversed_lists(span.attributes.get(OUTPUTS))
    return spans


def lose_document_ids(spans: Spans, sound: Sound) -> Spans:
    """Log documents that nobody can find again."""
    names = {name.rpartition(".")[2] for name in (sound.contract.rag.ids if sound.contract.rag else ())}
    return _in_documents(spans, lambda each: {key: value for key, value in each.items() if key not in names})


def lose_document_scores(spans: Spans, sound: Sound) -> Spans:
    """Log documents without how well they fit."""
    names = {name.rpartition(".")[2] for name in (sound.contract.rag.scores if sound.contract.rag else ())}
    return _in_documents(spans, lambda each: {key: value for key, value in each.items() if key not in names})


def lose_query(spans: Spans, _sound: Sound) -> Spans:
    """Lose what was searched for."""
    for span in spans:
        if span.type == "RETRIEVER":
            span.attributes[INPUTS] = {}
    return spans


def _in_documents(spans: Spans, change: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> Spans:
    for span in spans:
        if span.type == "RETRIEVER":
            span.attributes[OUTPUTS] = each_mapping(span.attributes.get(OUTPUTS), change)
    return spans


def _reversed_lists(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return value[::-1]
    if isinstance(value, dict):
        return {key: _reversed_lists(each) for key, each in value.items()}
    return value


def _is_about_traces(message: Message) -> bool:
    return message.has_spans or message.call == CREATE_TRACE or message.call in LINK_CALLS


def _in_twin_trace(message: Message) -> Message:
    def edit(spans: Spans) -> Spans:
        for span in spans:
            span.trace_id = other_id(span.trace_id)
        return spans

    return replace(message, body=rewritten(message.body, edit))


def _trace_id(message: Message) -> str:
    info = message.json().get("trace", {}).get("trace_info", {}) or message.json().get("trace_info", {})
    return str(info.get("trace_id", ""))


def _twin_ids(trace_id: str) -> tuple[str, str]:
    return trace_id, _twin_trace_id(trace_id)


def _twin_trace_id(trace_id: str) -> str:
    return "tr-" + other_id(bytes.fromhex(trace_id.removeprefix("tr-"))).hex()


def _without_run(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: value for key, value in each.items() if key not in {"mlflow.sourceRun", "x-mlflow-run-id"}}


FORBIDS_AN_IDENTIFIER = Need(
    what="no contract forbids an identifier of which there is a sample", is_met=lambda sound: bool(identifier(sound))
)
RAISES = Need(
    what="in no case does the target raise",
    is_met=lambda sound: sound.evidence.run.error is not None,
    is_likely=lambda case: case.expect.error is not None,
)
TELLS_THE_ANSWER = Need(
    what="no contract asks for the answer in the root span", is_met=lambda sound: bool(_of_the_answer(sound))
)
TELLS_THE_CONTEXT = Need(
    what="no contract asks for the context in the root span",
    is_met=lambda sound: any(CONTEXT in each.outputs for each in _of_the_answer(sound)),
)
BOTH = ("logging", "trace")

TRACE_FAULTS = (
    Fault(
        name="trace-lost-on-full-queue",
        kind="lost",
        place="server",
        summary="The trace goes nowhere, and nobody is told.",
        source="mlflow's asynchronous export discards traces when its queue of 1,000 is full; "
        "open-telemetry/opentelemetry-js#4184",
        checks=BOTH,
        tells="no span on the server|traces",
        needs=(ONE_CALL, A_TRACE),
        request=lose_trace,
    ),
    Fault(
        name="spans-lost-on-exit",
        kind="lost",
        place="log",
        summary="The process ends hard, and what ended last is never sent.",
        source="measured: a hard exit right after five calls kept one to four of the five traces; "
        "aws-observability/aws-otel-lambda#503",
        checks=BOTH,
        tells="no span|IN_PROGRESS|trace",
        needs=(ONE_CALL, A_TRACE),
        spans=lose_tail,
    ),
    Fault(
        name="trace-late",
        kind="late",
        place="server",
        summary="The trace arrives after the call was judged.",
        source="SigNoz/signoz-otel-collector#61: an exporter returned before it had sent",
        checks=BOTH,
        tells="no span on the server|traces",
        needs=(ONE_CALL, A_TRACE),
        request=delay_trace,
    ),
    Fault(
        name="server-down",
        kind="lost",
        place="server",
        summary="The server answers every write with an error while the case runs.",
        source="measured: a dead server blocks one call of MLflow's client for 246 s, then the trace is given up",
        checks=("logging", "flush"),
        tells="no span on the server|not on the",
        needs=(ONE_CALL, A_TRACE),
        request=be_unavailable,
    ),
    Fault(
        name="trace-sent-twice",
        kind="duplicated",
        place="log",
        summary="A retry stores the whole trace again, under another id.",
        source="own: a request that timed out after it was served is sent again",
        checks=BOTH,
        tells="logged twice|traces",
        needs=(ONE_CALL, A_TRACE),
        request=send_twice,
    ),
    Fault(
        name="trace-in-no-run",
        kind="misattributed",
        place="log",
        summary="The trace is stored, but not with the run it belongs to.",
        source="open-telemetry/opentelemetry-java-instrumentation#910: context is lost on the way to another thread",
        checks=BOTH,
        tells="no span on the server|traces",
        needs=(ONE_CALL, A_TRACE),
        request=log_to_no_run,
    ),
    Fault(
        name="root-span-lost",
        kind="unfinished",
        place="log",
        summary="The root span never arrives: the trace stays in progress, or has no beginning.",
        source="mlflow/mlflow#13352 and #12669: traces in progress for ever",
        checks=("trace",),
        tells="IN_PROGRESS|around",
        needs=(A_TRACE,),
        spans=lose_root,
    ),
    Fault(
        name="tokens-rolled-up",
        kind="counted twice",
        place="log",
        summary="The sum of the tokens is logged beside the calls, and counted again.",
        source="another tracer, issue 14754: an agent's span repeated the usage of its calls, and the total doubled; "
        "mlflow/mlflow#22304 doubled totals by a race",
        checks=("logging",),
        tells="total|never on the wire|twice",
        needs=(ONE_CALL,),
        spans=roll_tokens_up,
    ),
    Fault(
        name="state-ok-though-raised",
        kind="wrong",
        place="log",
        summary="The target raised, and its trace says that all went well.",
        source="seen on a platform of this kind: traces were OK while the agent's own status was failed",
        checks=("trace",),
        tells="trace state|raised",
        needs=(RAISES, A_TRACE),
        spans=hide_error,
    ),
    Fault(
        name="tag-lost",
        kind="missing",
        place="log",
        summary="A tag that people search by is not there.",
        source="own: a renamed key",
        checks=("trace", "tags"),
        tells="tag",
        needs=(A_TRACE, logs("tags")),
        spans=lose_tag,
    ),
    Fault(
        name="tag-of-another-case",
        kind="misattributed",
        place="log",
        summary="A tag tells something of another request.",
        source="open-telemetry/opentelemetry-java-instrumentation#1276: context of one request leaked into the next",
        checks=("trace", "tags"),
        tells="tag",
        needs=(A_TRACE, logs("tags", exactly=True)),
        spans=answer_as_before,
    ),
    Fault(
        name="provenance-lies",
        kind="wrong",
        place="log",
        summary="A fallback is logged as a computed answer, or the reverse.",
        source="seen on a platform of this kind: heuristics and canned answers were reported as completed",
        checks=("trace", "tags"),
        tells="provenance",
        needs=(A_TRACE, logs("tags", exactly=True, name="*provenance*")),
        spans=lie_about_provenance,
    ),
    Fault(
        name="answer-logged-otherwise",
        kind="wrong",
        place="log",
        summary="The trace tells another answer than the caller got.",
        source="own: a handler reads the graph's state after somebody changed it",
        checks=("trace",),
        tells="outputs",
        needs=(A_TRACE, TELLS_THE_ANSWER),
        spans=log_other_answer,
    ),
    Fault(
        name="context-cut-off",
        kind="truncated",
        place="log",
        summary="Half of the context that Claude was shown is logged.",
        source="own: limits on the length of an attribute",
        checks=("trace",),
        tells="context",
        needs=(A_TRACE, TELLS_THE_CONTEXT),
        spans=cut_context,
    ),
    Fault(
        name="key-in-tag",
        kind="leaked",
        place="log",
        summary="An API key stands in a tag.",
        source="BerriAI/litellm#13705: keys in the attributes of retried calls",
        checks=("secrets",),
        tells="key",
        needs=(A_TRACE,),
        spans=leak_key_into_tag,
    ),
    Fault(
        name="header-in-span",
        kind="leaked",
        place="log",
        summary="A request is logged with its authorization header.",
        source="getsentry/seer#1703, traceloop/openllmetry#4150: headers of recorded requests",
        checks=("secrets",),
        tells="bearer|token|credential|authori",
        needs=(A_TRACE,),
        spans=leak_header,
    ),
    Fault(
        name="identifier-in-span",
        kind="leaked",
        place="log",
        summary="The number of a patient or a prescriber is logged.",
        source="DataDog/dd-trace-py#10517: inputs hold what must not be kept",
        checks=("secrets",),
        needs=(A_TRACE, FORBIDS_AN_IDENTIFIER),
        spans=leak_identifier,
    ),
    Fault(
        name="retrieval-lost",
        kind="missing",
        place="log",
        summary="What was retrieved is not logged.",
        source="seen on a platform of this kind: retrieval with all back ends down reported success",
        checks=("trace",),
        tells="RETRIEVER",
        needs=(DOCUMENTS,),
        spans=lose_retrieval,
    ),
    Fault(
        name="query-lost",
        kind="missing",
        place="log",
        summary="What was searched for is not logged.",
        source="own: a retriever that is called with an object",
        checks=("trace",),
        tells="query",
        needs=(DOCUMENTS,),
        spans=lose_query,
    ),
    Fault(
        name="document-ids-lost",
        kind="missing",
        place="log",
        summary="Retrieved documents have no id.",
        source="own: documents are logged as texts",
        checks=("trace",),
        tells="without id",
        needs=(DOCUMENTS,),
        spans=lose_document_ids,
    ),
    Fault(
        name="document-scores-lost",
        kind="missing",
        place="log",
        summary="Retrieved documents have no score.",
        source="own: LangChain's retrievers return documents without their scores",
        checks=("trace",),
        tells="without score",
        needs=(DOCUMENTS,),
        spans=lose_document_scores,
    ),
    Fault(
        name="reranking-lost",
        kind="missing",
        place="log",
        summary="How documents were reranked is not logged.",
        source="own: a reranker that is a plain function",
        checks=("trace",),
        tells="RERANKER",
        needs=(RERANKED,),
        spans=lose_reranking,
    ),
    Fault(
        name="scores-reordered",
        kind="wrong",
        place="log",
        summary="Reranked documents are logged in another order than their scores.",
        source="own: documents are logged before they are sorted, scores after",
        checks=("trace",),
        tells="order of its scores",
        needs=(RERANKED,),
        spans=reverse_scores,
    ),
)
"""In the order of what they concern."""
