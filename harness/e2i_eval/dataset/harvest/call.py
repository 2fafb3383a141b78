"""A harvested call: one call to Claude as a stored trace records it, request and answer rebuilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.model_span import MODEL_TYPES, model_spans
from e2i_eval.dataset.harvest.answer import Failure, HarvestedMessage, rebuilt_answer
from e2i_eval.dataset.harvest.request import rebuilt_request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.trace import Span, Trace

__all__ = ["HarvestedCall", "harvested_calls"]

MS_PER_S = 1_000
NO_ANSWER = "the span records no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestedCall:
    """One call.

    Attributes:
        node: LangGraph node that asked; None outside a graph.
        request: the body as sent, as far as it is logged.
        answer: what came back; None when no span records it.
        started_at_s: seconds since the epoch.
        took_ms: milliseconds from the question to the end of the answer.
        missing: what the trace does not record of the call, for a person; with any of it the call has no cassette.
        assumed: what was filled in where the trace is silent, for a person.
    """

    node: str | None
    request: JsonObject
    answer: HarvestedMessage | Failure | None
    started_at_s: float
    took_ms: int
    missing: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def ended_at_s(self) -> float:
        """Seconds since the epoch."""
        return self.started_at_s + self.took_ms / MS_PER_S


def harvested_calls(trace: Trace, other_models: Iterable[str] = ()) -> tuple[HarvestedCall, ...]:
    """Return the calls to Claude that a trace records, in order of start."""
    return tuple(_call(each.span, each.node, _inside(trace, each.span)) for each in model_spans((trace,), other_models))


def _call(span: Span, node: str | None, inside: Span | None) -> HarvestedCall:
    rebuilt = rebuilt_request(inside or span)
    answer = rebuilt_answer(inside or span)
    missing = [*rebuilt.missing]
    if answer is None:
        missing.append(NO_ANSWER)
    elif isinstance(answer, HarvestedMessage):
        missing += [*answer.missing, *_unlogged_tools(rebuilt.body, answer)]
    elif not answer.kind and answer.status is None:
        missing += answer.missing
    return HarvestedCall(
        node=node,
        request=rebuilt.body,
        answer=answer,
        started_at_s=span.started_at_s,
        took_ms=round((span.duration_s or 0.0) * MS_PER_S),
        missing=tuple(missing),
        assumed=answer.missing if isinstance(answer, Failure) and (answer.kind or answer.status) else (),
    )


def _inside(trace: Trace, span: Span) -> Span | None:
    """Return the span of the SDK inside one of a library above it, where both log the call: it has the body as sent."""
    inner = [each for each in trace.spans if each.type in MODEL_TYPES and span in trace.ancestors(each)]
    return inner[0] if len(inner) == 1 and not rebuilt_request(inner[0]).missing else None


def _unlogged_tools(request: JsonObject, answer: HarvestedMessage) -> list[str]:
    called = {str(block.get("name")) for block in answer.content if block.get("type") == "tool_use"}
    offered = {str(tool.get("name")) for tool in request.get("tools") or () if isinstance(tool, dict)}
    return [f"the span does not record the tool {name!r} that Claude called" for name in sorted(called - offered)]
