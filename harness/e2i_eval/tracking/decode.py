"""From the server's JSON to the values of ``e2i_eval.core.trace``: one form, whoever logged and however it was sent."""

from __future__ import annotations

import base64
import json
import math
import sys
from datetime import datetime
from typing import TYPE_CHECKING

from e2i_eval.core.trace import Logged, Span, SpanEvent, TokenTotals, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["logged", "trace"]

NS_PER_S = 1e9
INPUTS = "mlflow.spanInputs"
OUTPUTS = "mlflow.spanOutputs"
SPAN_TYPE = "mlflow.spanType"
SPAN_TOKENS = "mlflow.chat.tokenUsage"
TRACE_TOKENS = "mlflow.trace.tokenUsage"


def trace(data: JsonObject, spans: Iterable[JsonObject]) -> Trace:
    """Read a trace from MLflow's ``TraceInfoV3`` and its spans.

    Spans come in two forms: as OTLP from the database, with typed attributes, or as MLflow's artifact file, with each
    attribute as JSON text.
    """
    metadata = {str(key): str(value) for key, value in data.get("trace_metadata", {}).items()}
    return Trace(
        trace_id=data["trace_id"],
        state=data.get("state", "STATE_UNSPECIFIED"),
        experiment_id=data.get("trace_location", {}).get("mlflow_experiment", {}).get("experiment_id", ""),
        started_at_s=_timestamp_s(data.get("request_time", "")),
        duration_s=_seconds(data.get("execution_duration")),
        tags={str(key): str(value) for key, value in data.get("tags", {}).items()},
        metadata=metadata,
        spans=tuple(sorted(map(_span, spans), key=lambda span: span.started_at_s)),
        tokens=_tokens(_json_text(metadata.get(TRACE_TOKENS))),
        request_preview=data.get("request_preview", ""),
        response_preview=data.get("response_preview", ""),
    )


def logged(run: JsonObject, artifacts: Iterable[str]) -> Logged:
    """Read a run as MLflow's REST API gives it."""
    data = run.get("data", {})
    return Logged(
        run_id=run["info"]["run_id"],
        status=run["info"].get("status", ""),
        metrics={each["key"]: _metric(each.get("value", 0.0)) for each in data.get("metrics", [])},
        params={each["key"]: each.get("value", "") for each in data.get("params", [])},
        tags={each["key"]: each.get("value", "") for each in data.get("tags", [])},
        artifacts=tuple(sorted(artifacts)),
    )


def _span(data: JsonObject) -> Span:
    attributes = _attributes(data.get("attributes", []))
    start_ns, end_ns = int(data["start_time_unix_nano"]), int(data.get("end_time_unix_nano") or 0)
    status = data.get("status", {})
    code = str(status.get("code", "STATUS_CODE_UNSET")).removeprefix("STATUS_CODE_")
    return Span(
        span_id=_hex(data["span_id"]),
        parent_id=_hex(data["parent_span_id"]) if data.get("parent_span_id") else None,
        name=data.get("name", ""),
        type=str(attributes.get(SPAN_TYPE) or "UNKNOWN").upper(),
        status=code if end_ns else "IN_PROGRESS",
        status_message=status.get("message", ""),
        started_at_s=start_ns / NS_PER_S,
        duration_s=(end_ns - start_ns) / NS_PER_S if end_ns else None,
        inputs=attributes.get(INPUTS),
        outputs=attributes.get(OUTPUTS),
        attributes=attributes,
        events=tuple(map(_event, data.get("events", []))),
        tokens=_tokens(attributes.get(SPAN_TOKENS)),
    )


def _event(data: JsonObject) -> SpanEvent:
    return SpanEvent(name=data.get("name", ""), attributes=_attributes(data.get("attributes", [])))


def _attributes(data: JsonValue) -> dict[str, JsonValue]:
    if isinstance(data, dict):
        return {key: _json_text(value, otherwise=value) for key, value in data.items()}
    return {each["key"]: _any_value(each.get("value", {})) for each in data}


def _any_value(value: JsonObject) -> JsonValue:
    """Decode OpenTelemetry's ``AnyValue``; an empty one is None."""
    for kind, content in value.items():
        match kind:
            case "kvlist_value":
                return {each["key"]: _any_value(each.get("value", {})) for each in content.get("values", [])}
            case "array_value":
                return [_any_value(each) for each in content.get("values", [])]
            case "int_value":
                return int(content)
            case "double_value":
                return float(content)  # NaN and the infinities come as text
            case _:
                return content
    return None


def _json_text(text: JsonValue, *, otherwise: JsonValue = None) -> JsonValue:
    """Decode JSON text; ``otherwise`` when it is no text, or not JSON."""
    try:
        return json.loads(text) if isinstance(text, str) else otherwise
    except ValueError:
        return otherwise


def _tokens(usage: JsonValue) -> TokenTotals | None:
    if not isinstance(usage, dict) or not usage:
        return None
    return TokenTotals(
        input_tokens=_count(usage.get("input_tokens")),
        output_tokens=_count(usage.get("output_tokens")),
        total_tokens=_count(usage.get("total_tokens")),
        cache_read_tokens=_count(usage.get("cache_read_input_tokens")),
        cache_write_tokens=_count(usage.get("cache_creation_input_tokens")),
    )


def _count(value: JsonValue) -> int | None:
    return None if value is None else int(value)


def _metric(value: JsonValue) -> float:
    """Read a metric; MLflow's SQL store keeps an infinity as the largest float."""
    number = float(value)
    return math.copysign(math.inf, number) if abs(number) >= sys.float_info.max else number


def _hex(identifier: str) -> str:
    return base64.b64decode(identifier).hex()


def _timestamp_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def _seconds(text: str | None) -> float | None:
    """Read a protobuf duration (``0.150s``)."""
    return float(text.removesuffix("s")) if text else None
