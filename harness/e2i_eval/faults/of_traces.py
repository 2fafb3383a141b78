"""Faults in what is logged of a whole trace: lost, late, doubled, unfinished, elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.faults.fault import Need
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import A_TRACE, ONE_CALL
from e2i_eval.faults.sent_span import TOKENS, Spans, other_id, rewritten
from e2i_eval.faults.values import each_mapping, replaced_text
from e2i_eval.tracking.traffic import Handling, HttpRequest, HttpResponse

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["TRACE_FAULTS"]

UNAVAILABLE = 503
CREATE_TRACE = "traces"
LINK_CALLS = ("traces/link-to-run",)
RAISES = Need(
    what="in no case does the target raise",
    is_met=lambda control_run: control_run.evidence.run.error is not None,
    is_likely=lambda case: case.expect.error is not None,
)

TRACE_FAULTS = FaultList(kind="lost", place="log", checks=("logging", "trace"))
"""In the order of what becomes of the trace."""


@TRACE_FAULTS.request(
    "trace-lost-on-full-queue",
    "The trace goes nowhere, and no error says so.",
    source="mlflow's asynchronous export discards traces when its queue of 1,000 is full; "
    "open-telemetry/opentelemetry-js#4184",
    place="server",
    says="no span on the server|traces",
    needs=(ONE_CALL, A_TRACE),
)
def lose_trace(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Let spans go nowhere, and say that they arrived."""
    return Handling() if _is_about_traces(message) else None


@TRACE_FAULTS.spans(
    "spans-lost-on-exit",
    "The process ends hard, and what ended last is never sent.",
    source="measured: a hard exit right after five calls kept one to four of the five traces; "
    "aws-observability/aws-otel-lambda#503",
    says="no span|IN_PROGRESS|trace",
    needs=(ONE_CALL, A_TRACE),
)
def lose_tail(spans: Spans, _control_run: ControlRun) -> Spans:
    """Lose the spans that ended last, as a hard exit does."""
    kept = sorted(spans, key=lambda span: span.end_ns)[: len(spans) // 2]
    return [span for span in spans if span in kept]


@TRACE_FAULTS.request(
    "trace-late",
    "The trace arrives after the call was judged.",
    source="SigNoz/signoz-otel-collector#61: an exporter returned before it had sent",
    kind="late",
    place="server",
    says="no span on the server|traces",
    needs=(ONE_CALL, A_TRACE),
)
def delay_trace(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Let everything about traces arrive after it was looked for."""
    return Handling(later=(message,)) if _is_about_traces(message) else None


@TRACE_FAULTS.request(
    "server-down",
    "The server answers every write with an error while the case runs.",
    source="measured: a dead server blocks one call of MLflow's client for 246 s, then the trace is given up",
    place="server",
    checks=("logging", "flush"),
    says="no span on the server|not on the",
    needs=(ONE_CALL, A_TRACE),
)
def be_unavailable(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Let the server be down for whatever is logged."""
    return Handling(answer=HttpResponse(status=UNAVAILABLE)) if message.is_write else None


@TRACE_FAULTS.request(
    "trace-sent-twice",
    "A retry stores the whole trace again, under another id.",
    source="own: a request that timed out after it was served is sent again",
    kind="duplicated",
    says="logged twice|traces",
    needs=(ONE_CALL, A_TRACE),
)
def send_twice(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
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


@TRACE_FAULTS.request(
    "trace-in-no-run",
    "The trace is stored, but not with the run it belongs to.",
    source="open-telemetry/opentelemetry-java-instrumentation#910: context is lost on the way to another thread",
    kind="misattributed",
    says="no span on the server|traces",
    needs=(ONE_CALL, A_TRACE),
)
def log_to_no_run(message: HttpRequest, _control_run: ControlRun) -> Handling | None:
    """Forget which run a trace belongs to, as a thread without its context does."""
    if message.call in LINK_CALLS:
        return Handling()
    if message.call == CREATE_TRACE:
        return Handling(send=(message.with_json(each_mapping(message.json(), _without_run)),))
    return (
        Handling(send=(replace(message, headers=_without_run(dict(message.headers))),)) if message.has_spans else None
    )


@TRACE_FAULTS.spans(
    "root-span-lost",
    "The root span never arrives: the trace stays in progress, or has no beginning.",
    source="mlflow/mlflow#13352 and #12669: traces in progress for ever",
    kind="unfinished",
    checks=("trace",),
    says="IN_PROGRESS|around",
    needs=(A_TRACE,),
)
def lose_root(spans: Spans, _control_run: ControlRun) -> Spans:
    """Lose the root span, as a process does that ends before its trace."""
    return [span for span in spans if span.parent_id]


@TRACE_FAULTS.spans(
    "tokens-rolled-up",
    "The sum of the tokens is logged beside the calls, and counted again.",
    source="another tracer, issue 14754: an agent's span repeated the usage of its calls, and the total doubled; "
    "mlflow/mlflow#22304 doubled totals by a race",
    kind="counted twice",
    checks=("logging",),
    says="total|never on the wire|twice",
    needs=(ONE_CALL,),
)
def roll_tokens_up(spans: Spans, _control_run: ControlRun) -> Spans:
    """Log the sum of all calls once more, in a span of its own beside them."""
    counting = [span for span in spans if isinstance(span.attributes.get(TOKENS), dict)]
    if not counting:
        return spans
    total = counting[0].twin()
    total.name, total.parent_id = "usage", counting[0].parent_id
    total.attributes = {TOKENS: counting[0].attributes[TOKENS], "mlflow.spanType": "CHAIN"}
    return [*spans, total]


@TRACE_FAULTS.spans(
    "state-ok-though-raised",
    "The target raised, and its trace says that all went well.",
    source="seen on a platform of this kind: traces were OK while the agent's own status was failed",
    kind="wrong",
    checks=("trace",),
    says="trace state|raised",
    needs=(RAISES, A_TRACE),
)
def hide_error(spans: Spans, _control_run: ControlRun) -> Spans:
    """Say of every span that all went well."""
    for span in spans:
        span.status = 1
    return spans


def _is_about_traces(message: HttpRequest) -> bool:
    return message.has_spans or message.call == CREATE_TRACE or message.call in LINK_CALLS


def _in_twin_trace(message: HttpRequest) -> HttpRequest:
    def edit(spans: Spans) -> Spans:
        for span in spans:
            span.trace_id = other_id(span.trace_id)
        return spans

    return replace(message, body=rewritten(message.body, edit))


def _trace_id(message: HttpRequest) -> str:
    info = message.json().get("trace", {}).get("trace_info", {}) or message.json().get("trace_info", {})
    return str(info.get("trace_id", ""))


def _twin_ids(trace_id: str) -> tuple[str, str]:
    return trace_id, _twin_trace_id(trace_id)


def _twin_trace_id(trace_id: str) -> str:
    return "tr-" + other_id(bytes.fromhex(trace_id.removeprefix("tr-"))).hex()


def _without_run(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {key: value for key, value in each.items() if key not in {"mlflow.sourceRun", "x-mlflow-run-id"}}
