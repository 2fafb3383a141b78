"""From the traces on the server to events: whatever library wrote the spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.coverage.event import Event, destinations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Span, Trace

__all__ = ["trace_events"]


def trace_events(trace: Trace) -> tuple[Event, ...]:
    """Return the nodes that ran, as a trace records them; spans without LangGraph's metadata record none."""
    return tuple(_events(trace))


def _events(trace: Trace) -> Iterator[Event]:
    nodes = {span.span_id for span in trace.node_spans()}
    for span in trace.spans:
        if span.node is None:
            continue
        step = _metadata(span, "langgraph_step")
        yield Event(
            id=span.span_id,
            parent=span.parent_id or "",
            name=span.name,
            node=span.node,
            step=int(step) if str(step).isdigit() else None,
            namespace=str(_metadata(span, "langgraph_checkpoint_ns") or ""),
            is_node=span.span_id in nodes,
            failed=span.status == "ERROR",
            said=destinations(span.outputs),
        )


def _metadata(span: Span, key: str) -> JsonValue:
    for holder in (span.attributes, span.attributes.get("metadata")):
        if isinstance(holder, dict) and holder.get(key) is not None:
            return holder[key]
    return None
