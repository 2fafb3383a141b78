"""Faults in what a trace says of the answer: its tags, its outputs, its context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.scope import scope_of
from e2i_eval.faults.fault import Need
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import A_TRACE, logs, wanted_names
from e2i_eval.faults.sent_span import OUTPUTS, TRACE_TAG, Spans, root

if TYPE_CHECKING:
    from e2i_eval.checks.contract.contract import SpanDemand
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["ANSWER_FAULTS"]

ANOTHER = "another"
CONTEXT = "context"
TELLS_THE_ANSWER = Need(
    what="no contract asks for the answer in the root span",
    is_met=lambda control_run: bool(_of_the_answer(control_run)),
)
TELLS_THE_CONTEXT = Need(
    what="no contract asks for the context in the root span",
    is_met=lambda control_run: any(CONTEXT in each.outputs for each in _of_the_answer(control_run)),
)

ANSWER_FAULTS = FaultList(kind="wrong", place="log", checks=("trace", "tags"))
"""Tags, then outputs."""


@ANSWER_FAULTS.spans(
    "tag-lost",
    "A tag that people search by is not there.",
    source="own: a renamed key",
    kind="missing",
    says="tag",
    needs=(A_TRACE, logs("tags")),
)
def lose_tag(spans: Spans, control_run: ControlRun) -> Spans:
    """Drop a tag that is asked for."""
    for name in wanted_names(control_run, "tags")[:1]:
        for span in spans:
            span.attributes.pop(TRACE_TAG + name, None)
    return spans


@ANSWER_FAULTS.spans(
    "tag-of-another-case",
    "A tag belongs to another request.",
    source="open-telemetry/opentelemetry-java-instrumentation#1276: context of one request leaked into the next",
    kind="misattributed",
    says="tag",
    needs=(A_TRACE, logs("tags", exactly=True)),
)
def answer_as_before(spans: Spans, control_run: ControlRun) -> Spans:
    """Tag an answer with another case's brand, customer or whatever tags say of the inputs."""
    for name in wanted_names(control_run, "tags", exactly=True)[:1]:
        for span in spans:
            if TRACE_TAG + name in span.attributes:
                span.attributes[TRACE_TAG + name] = ANOTHER
    return spans


@ANSWER_FAULTS.spans(
    "provenance-lies",
    "A fallback is logged as a computed answer, or the reverse.",
    source="seen on a platform of this kind: heuristics and canned answers were reported as completed",
    says="provenance",
    needs=(A_TRACE, logs("tags", exactly=True, name="*provenance*")),
)
def lie_about_provenance(spans: Spans, control_run: ControlRun) -> Spans:
    """Say of any answer that it was computed, or of a computed one that it was not."""
    for name in wanted_names(control_run, "tags", exactly=True, name="*provenance*")[:1]:
        for span in spans:
            if (logged := span.attributes.get(TRACE_TAG + name)) is not None:
                span.attributes[TRACE_TAG + name] = "fallback" if logged == "computed" else "computed"
    return spans


@ANSWER_FAULTS.spans(
    "answer-logged-otherwise",
    "The trace holds another answer than the caller got.",
    source="own: a handler reads the graph's state after somebody changed it",
    checks=("trace",),
    says="outputs",
    needs=(A_TRACE, TELLS_THE_ANSWER),
)
def log_other_answer(spans: Spans, control_run: ControlRun) -> Spans:
    """Log another answer than the caller got, as a handler does that reads a state which is changed later."""
    answered = {name.partition(".")[0] for demand in _of_the_answer(control_run) for name in demand.outputs}
    if (first := root(spans)) is not None and isinstance(outputs := first.attributes.get(OUTPUTS), dict):
        first.attributes[OUTPUTS] = {key: ANOTHER if key in answered else value for key, value in outputs.items()}
    return spans


@ANSWER_FAULTS.spans(
    "context-cut-off",
    "Half of the context that Claude was shown is logged.",
    source="own: limits on the length of an attribute",
    kind="truncated",
    checks=("trace",),
    says="context",
    needs=(A_TRACE, TELLS_THE_CONTEXT),
)
def cut_context(spans: Spans, _control_run: ControlRun) -> Spans:
    """Log half of the context that Claude was shown."""
    if (first := root(spans)) is not None and isinstance(outputs := first.attributes.get(OUTPUTS), dict):
        context = str(outputs.get(CONTEXT) or "")
        first.attributes[OUTPUTS] = {**outputs, CONTEXT: context[: len(context) // 2]}
    return spans


def _of_the_answer(control_run: ControlRun) -> list[SpanDemand]:
    """Return the demands on what the root span says was answered."""
    scope = scope_of(control_run.evidence, None)
    sections = [each for each in control_run.contract.sections if scope.holds(each.when)]
    demands = [each for section in sections for each in section.spans]
    return [each for each in demands if each.root and each.outputs and scope.holds(each.when)]
