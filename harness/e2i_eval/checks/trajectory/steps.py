"""Steps: the nodes that ran and the tools that were called, in the order the traces show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_eval.checks.compare.arrangement import Happening
from e2i_eval.checks.contract.model_span import model_spans
from e2i_eval.checks.expectations.span_order import Witness, in_order, node_witness
from e2i_eval.checks.trajectory.argument import is_part_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from e2i_eval.checks.compare.arrangement import Part
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Span, Trace

__all__ = ["steps_taken"]

TOOL = "TOOL"
WRAPPERS = ("input", "args", "kwargs")
"""Keys under which the span of a tool may keep the arguments."""


def steps_taken(
    traces: Sequence[Trace], kinds: Collection[str] = ("node", "tool"), *, other_models: Sequence[str] = ()
) -> Part:
    """Return the steps, named as ``StepRule.label`` names them; a tool call carries its arguments.

    A tool call is one step, where the model asks for it. The span in which the tool then runs is the same step, and a
    step of its own when no model asked for it, or not with these arguments.

    Args:
        traces: as the server has them.
        kinds: ``node``, ``tool`` or both.
        other_models: model names (globs) whose spans are no calls to Claude.
    """
    return in_order(traces, lambda trace: tuple(_witnesses(trace, kinds, other_models)))


def _witnesses(trace: Trace, kinds: Collection[str], other_models: Sequence[str]) -> Iterator[Witness]:
    nodes = {span.span_id for span in trace.node_spans()}
    tools = _tool_calls(trace, other_models) if "tool" in kinds else {}
    for span in trace.spans:
        if span.span_id in nodes:
            # a node that is not looked at still says what is inside it, and what ran at once
            witness = node_witness(span, f"node {span.name}")
            yield witness if "node" in kinds else Witness(span=span, happenings=(), step=witness.step)
        elif span.span_id in tools:
            yield Witness(span=span, happenings=tools[span.span_id])


def _tool_calls(trace: Trace, other_models: Sequence[str]) -> dict[str, tuple[Happening, ...]]:
    """Return the tool calls by the id of the span that records them."""
    asked = {each.span.span_id: each.call.reply or () for each in model_spans((trace,), other_models)}
    happenings: dict[str, tuple[Happening, ...]] = {}
    waiting: list[Happening] = []
    for span in trace.spans:
        if span.span_id in asked:
            uses = (part for part in asked[span.span_id] if part.kind == "tool_use")
            happenings[span.span_id] = tuple(
                Happening(name=f"tool {use.name}", detail=_decoded(use.text)) for use in uses
            )
            waiting.extend(happenings[span.span_id])
        elif span.type == TOOL and not _is_asked_for(span, waiting):
            happenings[span.span_id] = (Happening(name=f"tool {span.name}", detail=_arguments(span)),)
    return {span_id: calls for span_id, calls in happenings.items() if calls}


def _is_asked_for(span: Span, waiting: list[Happening]) -> bool:
    """Tell whether a model asked for what this tool's span shows; then it waits no longer."""
    given = _arguments(span)
    for at, call in enumerate(waiting):
        fits = not isinstance(given, dict) or is_part_of(call.detail, given)  # a graph may add arguments of its own
        if call.name == f"tool {span.name}" and fits:
            del waiting[at]
            return True
    return False


def _arguments(span: Span) -> JsonValue:
    given = _decoded(span.inputs)
    if isinstance(given, dict) and len(given) == 1:
        (key, inside), *_ = given.items()
        inside = _decoded(inside)
        return inside if key in WRAPPERS and isinstance(inside, dict) else given
    return given


def _decoded(value: JsonValue) -> JsonValue:
    """Return the value of a text that is JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
