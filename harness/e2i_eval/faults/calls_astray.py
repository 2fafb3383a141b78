"""Faults: calls to Claude are logged in the wrong place, twice, or without an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.faults.call_edit import INPUT_KEYS, OUTPUT_KEYS, TOTAL_KEYS, counted, in_calls
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import CACHED_TOKENS, ONE_CALL, TWO_CALLS, another_case, demands
from e2i_eval.faults.sent_span import OUTPUTS, Spans, calls
from e2i_eval.faults.values import each_mapping, replaced_text

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["CALLS_ASTRAY"]

ALTERED = "something else"

CALLS_ASTRAY = FaultList(kind="counted twice", place="log", checks=("logging",))
"""In the order of their classes."""


@CALLS_ASTRAY.spans(
    "cache-counted-twice",
    "Cached tokens are added to an input that has them already.",
    source="another tracer, issues 12306 and 10592: cached input tokens were counted twice",
    says="input_tokens",
    needs=(CACHED_TOKENS,),
)
def count_cache_twice(spans: Spans, control_run: ControlRun) -> Spans:
    """Add what came from the cache to an input that has it already."""
    read = sum(each.usage.cache_read_tokens for each in control_run.answered[:1] if each.usage)
    return counted(spans, INPUT_KEYS, lambda count, _usage: count + 2 * read)


@CALLS_ASTRAY.spans(
    "answers-swapped",
    "Two calls are logged with each other's answer.",
    source="livekit/agents#3554: overlapping calls took each other's spans for their own",
    kind="swapped",
    says="completion|tool call|text",
    needs=(TWO_CALLS,),
)
def swap_answers(spans: Spans, _control_run: ControlRun) -> Spans:
    """Give the first and the last call each other's answer."""
    logged = calls(spans)
    if len(logged) > 1:
        first, last = logged[0], logged[-1]
        first.attributes[OUTPUTS], last.attributes[OUTPUTS] = last.attributes[OUTPUTS], first.attributes[OUTPUTS]
    return spans


@CALLS_ASTRAY.spans(
    "prompt-of-another-case",
    "The prompt of an earlier request is logged.",
    source="epam/ai-dial-sdk#448: requests on a kept connection were recorded under an earlier one's trace",
    kind="misattributed",
    says="user|message",
    needs=(ONE_CALL, another_case()),
)
def log_other_prompt(spans: Spans, control_run: ControlRun) -> Spans:
    """Log the prompt of another case, as state kept between calls does."""
    other = control_run.other
    texts = [] if other is None else [str(each.request.get("messages")) for each in other.exchanges]
    for text, stranger in zip(control_run.prompt_texts()[:1], texts, strict=False):
        in_calls(spans, lambda value: replaced_text(value, text, stranger))  # noqa: B023  used at once
    return spans


@CALLS_ASTRAY.spans(
    "call-in-wrong-node",
    "A call is logged below a node that did not make it.",
    source="livekit/agents#3554: spans got the wrong parent where calls overlapped",
    kind="misattributed",
    says="node",
    needs=(ONE_CALL, demands("node")),
)
def move_to_other_node(spans: Spans, control_run: ControlRun) -> Spans:
    """Put calls into a node that did not make them."""
    quiet = [node for node in control_run.nodes if node not in control_run.asked_nodes()] or [ALTERED]
    asking = control_run.asked_nodes()

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {key: quiet[0] if key == "langgraph_node" and value in asking else value for key, value in each.items()}

    homes = {span.span_id: span for span in spans if span.name in quiet}
    for span in calls(spans):
        span.attributes = each_mapping(span.attributes, change)
        span.parent_id = next(iter(homes), span.parent_id)
    return spans


@CALLS_ASTRAY.spans(
    "call-logged-twice",
    "Each call has two spans, side by side.",
    source="mlflow, langchain's and anthropic's autologs both on: two model spans for one call",
    kind="duplicated",
    says="logged twice",
    needs=(ONE_CALL,),
)
def log_twice(spans: Spans, _control_run: ControlRun) -> Spans:
    """Log each call a second time, beside the first."""
    return [*spans, *(span.twin() for span in calls(spans))]


@CALLS_ASTRAY.spans(
    "nested-autologs-add-up",
    "A wrapper counts the tokens of the call inside it once more.",
    source="another tracer, issue 3956, braintrustdata/braintrust-sdk-python#312: nested spans counted twice",
    says="tokens",
    needs=(ONE_CALL,),
)
def count_inner_call_again(spans: Spans, _control_run: ControlRun) -> Spans:
    """Let a wrapper add the tokens of the call inside it to its own."""
    inner = []
    for span in calls(spans):
        twin = span.twin()
        twin.parent_id = span.span_id
        inner.append(twin)
    counted(spans, (*INPUT_KEYS, *OUTPUT_KEYS, *TOTAL_KEYS), lambda count, _usage: 2 * count)
    return [*spans, *inner]


@CALLS_ASTRAY.spans(
    "call-never-ended",
    "The span of a call is never ended.",
    source="DataDog/dd-trace-py#6891: spans of streams that failed stayed open",
    kind="unfinished",
    checks=("trace",),
    says="never ended",
    needs=(ONE_CALL,),
)
def never_end(spans: Spans, _control_run: ControlRun) -> Spans:
    """Leave the calls open, as a stream does whose reader went away."""
    for span in calls(spans):
        span.end_ns = 0
    return spans
