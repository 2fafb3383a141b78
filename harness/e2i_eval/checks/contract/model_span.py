"""A model span: a span that stands for one call to a model, with what it records and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.formats import read_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.checks.contract.model_call import ModelCall
    from e2i_eval.core.trace import Span, Trace

__all__ = ["MODEL_TYPES", "ModelSpan", "model_spans"]

MODEL_TYPES = frozenset({"CHAT_MODEL", "LLM"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpan:
    """A span that stands for one call.

    Attributes:
        span: the span.
        trace: its trace.
        call: what it records.
        node: the LangGraph node of the span or of its nearest ancestor that names one; None where none does.
    """

    span: Span
    trace: Trace
    call: ModelCall
    node: str | None

    @property
    def ended_at_s(self) -> float:
        """Seconds since the epoch; the start of a span that never ended."""
        return self.span.started_at_s + (self.span.duration_s or 0.0)

    def __str__(self) -> str:
        return str(self.span)


def model_spans(traces: Iterable[Trace], other_models: Iterable[str] = ()) -> tuple[ModelSpan, ...]:
    """Return the spans that each stand for one call, in order of start.

    A model span inside another one of the same call is detail. A span that holds several different calls (an agent
    loop logged as LLM, a roll-up of tokens) stands for none of them: those inside it do.
    """
    ignored = tuple(other_models)
    found = [span for trace in traces for span in _of_trace(trace)]
    found = [each for each in found if not _is_other(each, ignored)]
    return tuple(sorted(found, key=lambda each: each.span.started_at_s))


def _of_trace(trace: Trace) -> Iterator[ModelSpan]:
    models = {span.span_id: span for span in trace.spans if span.type in MODEL_TYPES or span.tokens is not None}
    below: dict[str | None, list[Span]] = {}
    for span in models.values():
        parent = next((each.span_id for each in trace.ancestors(span) if each.span_id in models), None)
        below.setdefault(parent, []).append(span)
    yield from (_model_span(trace, span) for span in _standing(below.get(None, []), below))


def _standing(spans: Iterable[Span], below: dict[str | None, list[Span]]) -> Iterator[Span]:
    for span in spans:
        inside = below.get(span.span_id, [])
        if inside and _is_wrapper(span, inside):
            yield from _standing(inside, below)
        else:
            yield span


def _is_wrapper(span: Span, inside: list[Span]) -> bool:
    if span.type not in MODEL_TYPES:
        return True
    prompts = {read_call(each).prompt for each in inside}
    return len(prompts) > 1


def _model_span(trace: Trace, span: Span) -> ModelSpan:
    node = next((each.node for each in (span, *trace.ancestors(span)) if each.node is not None), None)
    return ModelSpan(span=span, trace=trace, call=read_call(span), node=node)


def _is_other(span: ModelSpan, globs: tuple[str, ...]) -> bool:
    stated = [str(each.value) for each in span.call.settings.get("model", ())]
    return any(fnmatchcase(model, glob) for model in stated for glob in globs)
