"""Stored traces as the server gives them back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from e2i_eval.checks.contract import Contract
from e2i_eval.core.trace import Span, SpanEvent, Trace
from e2i_eval.dataset.harvest import Candidate, candidate_of

BEGUN_S = 1_795_444_833.0
"""2026-11-23, 14:40:33 UTC."""

TOOL = {"name": "lookup", "input_schema": {"type": "object"}, "description": "Looks up."}
REQUEST = {
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Where is my refund?"}],
    "model": "claude-sonnet-5-5",
    "max_tokens": 512,
    "tools": [TOOL],
}
ANSWER = {
    "type": "message",
    "role": "assistant",
    "id": "msg_0123456789",
    "model": "claude-sonnet-5-5",
    "content": [{"type": "tool_use", "id": "toolu_01", "name": "lookup", "input": {"order": 7}}],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 120, "output_tokens": 14, "cache_read_input_tokens": 30, "speed": None},
}
OVERLOADED = (
    "Error code: 529 - {'type': 'error', 'error': {'type': 'overloaded_error', 'message': 'busy'}, "
    "'request_id': 'req_4a5bfacd570785c6'}"
)

MakeSpan = Callable[..., Span]
MakeTrace = Callable[..., Trace]


def _span(name: str, *, node: str | None = None, parent: str | None = "root", at_s: float = 0.0, **said: Any) -> Span:  # noqa: ANN401
    metadata = {"langgraph_node": node, "langgraph_step": 1, "langgraph_checkpoint_ns": f"{node}:1"} if node else {}
    attributes = {**({"metadata": metadata} if metadata else {}), **said.pop("attributes", {})}
    told: dict[str, Any] = {"type": "CHAIN", "status": "OK", "duration_s": 0.5, **said}
    return Span(
        span_id=told.pop("span_id", f"{name}-{node}-{at_s}"),
        parent_id=parent,
        name=name,
        started_at_s=BEGUN_S + at_s,
        attributes=attributes,
        **told,
    )


def _trace(*spans: Span, inputs: Any = None, outputs: Any = None, **said: Any) -> Trace:  # noqa: ANN401
    root = _span(
        "support",
        parent=None,
        span_id="root",
        inputs={"question": "Where is my refund?"} if inputs is None else inputs,
        outputs={"answer": "On Monday."} if outputs is None else outputs,
        status=said.get("state", "OK"),
        events=said.pop("events", ()),
        status_message=said.pop("message", ""),
    )
    told: dict[str, Any] = {"trace_id": "tr-0123456789abcdef", "state": "OK", **said}
    return Trace(
        experiment_id="1",
        started_at_s=BEGUN_S,
        duration_s=2.0,
        tags=told.pop("tags", {"mlflow.traceName": "support"}),
        spans=(root, *spans),
        **told,
    )


@pytest.fixture
def span() -> MakeSpan:
    """Return what makes a span."""
    return _span


@pytest.fixture
def model() -> MakeSpan:
    """Return what makes the span of a call to Claude."""

    def make(**said: Any) -> Span:  # noqa: ANN401
        told: dict[str, Any] = {"inputs": REQUEST, "outputs": ANSWER, "node": "act", "type": "CHAT_MODEL", **said}
        return _span(told.pop("name", "ChatAnthropic"), **told)

    return make


@pytest.fixture
def failed(model: MakeSpan) -> MakeSpan:
    """Return what makes the span of a call that failed."""

    def make(kind: str, message: str, **said: Any) -> Span:  # noqa: ANN401
        event = SpanEvent(name="exception", attributes={"exception.type": kind, "exception.message": message})
        return model(status="ERROR", outputs=None, events=(event,), **said)

    return make


@pytest.fixture
def trace() -> MakeTrace:
    """Return what makes a trace."""
    return _trace


@pytest.fixture
def harvested() -> Callable[..., Candidate]:
    """Return what makes a candidate of a trace."""

    def make(stored: Trace, **contract: Any) -> Candidate:  # noqa: ANN401
        found = candidate_of(
            stored, target="support", contract=Contract(**contract), tracking_uri="https://ann:pw@mlflow.example"
        )
        assert isinstance(found, Candidate), found
        return found

    return make
