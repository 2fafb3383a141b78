"""Evidence for the contract's tests: recorded traces of real libraries, and traces built from the wire itself."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from e2i_eval.core.case import Case
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.exchange import Caller, Exchange, Usage, WireError
from e2i_eval.core.run import Run, RunError
from e2i_eval.core.trace import Logged, Span, SpanEvent, TokenTotals, Trace

if TYPE_CHECKING:
    from collections.abc import Callable

TRACES = Path(__file__).parent / "traces"
MARGIN_S = 0.001

ValueT = TypeVar("ValueT")


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Evidence]:
    """Return a reader of ``traces/<name>.json``."""

    def read(name: str) -> Evidence:
        data = json.loads((TRACES / f"{name}.json").read_text(encoding="utf-8"))
        return Evidence(
            case=Case(id=f"t/{name}", target="t", inputs={}),
            run=Run(**{**data["run"], "error": _made(RunError, data["run"]["error"])}),
            exchanges=tuple(map(_exchange, data["exchanges"])),
            traces=tuple(map(_trace, data["traces"])),
            logged=Logged(run_id="r1", status="FINISHED"),
        )

    return read


@pytest.fixture(scope="session")
def logged_by_handler() -> Callable[[tuple[Exchange, ...]], Evidence]:
    """Return a builder of the evidence that a callback handler posting OTLP spans would leave of some exchanges."""
    return _handler_evidence


def _handler_evidence(exchanges: tuple[Exchange, ...]) -> Evidence:
    started_at_s = min((each.started_at_s for each in exchanges), default=1000.0) - MARGIN_S
    ended_at_s = max((each.started_at_s + each.duration_s for each in exchanges), default=started_at_s) + MARGIN_S
    duration_s = ended_at_s - started_at_s
    root = Span(
        span_id="00",
        parent_id=None,
        name="agent",
        type="AGENT",
        status="OK",
        started_at_s=started_at_s,
        duration_s=duration_s,
    )
    calls: dict[int, list[Exchange]] = {}
    for each in exchanges:
        calls.setdefault(each.call, []).append(each)
    spans = tuple(_model_span(attempts) for attempts in calls.values())
    trace = Trace(
        trace_id="tr-1",
        state="OK",
        experiment_id="1",
        started_at_s=started_at_s,
        duration_s=duration_s,
        spans=(root, *spans),
        tokens=_sum(spans),
    )
    return Evidence(
        case=Case(id="t/handler", target="t", inputs={}),
        run=Run(output={}, error=None, started_at_s=started_at_s, duration_s=duration_s),
        exchanges=exchanges,
        traces=(trace,),
        logged=Logged(run_id="r1", status="FINISHED"),
    )


def _model_span(attempts: list[Exchange]) -> Span:
    first, last = attempts[0], attempts[-1]
    usage = None
    if last.usage is not None:
        usage = TokenTotals(
            input_tokens=last.usage.total_input_tokens,
            output_tokens=last.usage.output_tokens,
            total_tokens=last.usage.total_tokens,
            cache_read_tokens=last.usage.cache_read_tokens,
            cache_write_tokens=last.usage.cache_write_tokens,
        )
    return Span(
        span_id=f"{last.call + 1:02x}",
        parent_id="00",
        name="ChatAnthropic",
        type="CHAT_MODEL",
        status="ERROR" if last.error else "OK",
        started_at_s=first.started_at_s - MARGIN_S / 2,
        duration_s=last.started_at_s + last.duration_s - first.started_at_s + MARGIN_S,
        inputs=json.loads(json.dumps(last.request)),
        outputs=None if last.error else json.loads(json.dumps(last.response)),
        attributes={"mlflow.llm.model": last.model, "metadata": {"langgraph_node": last.caller.node}},
        tokens=usage,
    )


def _sum(spans: tuple[Span, ...]) -> TokenTotals | None:
    told = [span.tokens for span in spans if span.tokens is not None]
    names = [each.name for each in fields(TokenTotals)]
    return TokenTotals(**{name: sum(getattr(each, name) for each in told) for name in names}) if told else None


def _exchange(data: dict[str, Any]) -> Exchange:
    inner = {
        "caller": Caller(**data["caller"]),
        "usage": _made(Usage, data["usage"]),
        "error": _made(WireError, data["error"]),
    }
    return Exchange(**{**data, **inner})


def _trace(data: dict[str, Any]) -> Trace:
    inner = {"tokens": _made(TokenTotals, data["tokens"]), "spans": tuple(map(_span, data["spans"]))}
    return Trace(**{**data, **inner})


def _span(data: dict[str, Any]) -> Span:
    copies = {"mlflow.spanInputs": data["inputs"], "mlflow.spanOutputs": data["outputs"]}
    span = Span(**{**data, "events": tuple(SpanEvent(**event) for event in data["events"])})
    return replace(span, tokens=_made(TokenTotals, data["tokens"]), attributes={**span.attributes, **copies})


def _made(type_: Callable[..., ValueT], data: dict[str, Any] | None) -> ValueT | None:
    return None if data is None else type_(**data)
