"""Faults: something else is logged of a call to Claude than happened, or a part of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_eval.faults.call_edit import INPUT_KEYS, OUTPUT_KEYS, STOP_KEYS, TOTAL_KEYS, counted, in_calls, in_outputs
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import A_CLAUDE_ERROR, A_TOOL_CALL, ONE_CALL, demands
from e2i_eval.faults.sent_span import INPUTS, OK, Spans, calls
from e2i_eval.faults.values import each_mapping, replaced_text

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["WRONG_IN_CALLS"]

OTHER_MODEL = "claude-haiku-4-5"
ALTERED = "something else"
WRITTEN_DOWN_AFTER_NS = 50_000_000
KEPT_CHARACTERS = 40
"""What is left of a text that is cut off."""

WRONG_IN_CALLS = FaultList(kind="wrong", place="log", checks=("logging",))
"""Counts, settings, answers, times; last what is cut off."""


@WRONG_IN_CALLS.spans(
    "input-tokens-halved",
    "Half of the input tokens are logged.",
    source="own: a count taken from one of two messages",
    says="input_tokens",
    needs=(ONE_CALL,),
)
def halve_input_tokens(spans: Spans, _control_run: ControlRun) -> Spans:
    """Count half the input."""
    return counted(spans, INPUT_KEYS, lambda count, _usage: count // 2)


@WRONG_IN_CALLS.spans(
    "output-tokens-guessed",
    "Output tokens are guessed from the text.",
    source="own: what libraries do where a stream brings no usage",
    says="output_tokens",
    needs=(ONE_CALL,),
)
def guess_output_tokens(spans: Spans, _control_run: ControlRun) -> Spans:
    """Count the answer's tokens by its characters, as is done where a stream brings no usage."""
    return counted(spans, OUTPUT_KEYS, lambda count, _usage: count // 3 + 1)


@WRONG_IN_CALLS.spans(
    "total-tokens-wrong",
    "The total of a call is not the sum of its parts.",
    source="another tracer, issue 8700: the token usage shown was twice what was billed",
    says="total",
    needs=(ONE_CALL, demands("total_tokens")),
)
def miscount_total(spans: Spans, _control_run: ControlRun) -> Spans:
    """Let the total be more than its parts."""
    return counted(spans, TOTAL_KEYS, lambda count, _usage: count + 1000)


@WRONG_IN_CALLS.spans(
    "model-misnamed",
    "Another model is logged than was asked.",
    source="own: an alias of the configuration is logged in place of the request's model",
    says="model",
    needs=(ONE_CALL, demands("model")),
)
def name_other_model(spans: Spans, control_run: ControlRun) -> Spans:
    """Name another model than was asked."""
    for model in {each.model for each in control_run.answered}:
        in_calls(spans, lambda value, model=model: replaced_text(value, model, OTHER_MODEL))  # type: ignore[misc]
    return spans


@WRONG_IN_CALLS.spans(
    "temperature-invented",
    "A temperature is logged that was never sent.",
    source="own: API version 2026-10-21 refuses a temperature, clients drop it, and handlers log the configuration",
    says="temperature",
    needs=(ONE_CALL,),
)
def invent_temperature(spans: Spans, _control_run: ControlRun) -> Spans:
    """Log the temperature of a configuration that was never sent."""
    for span in calls(spans):
        params = span.attributes.get("invocation_params")
        span.attributes["invocation_params"] = {**(params if isinstance(params, dict) else {}), "temperature": 0.7}
        if isinstance(asked := span.attributes.get(INPUTS), dict):
            asked["temperature"] = 0.7
    return spans


@WRONG_IN_CALLS.spans(
    "max-tokens-wrong",
    "Another limit of the answer is logged than was sent.",
    source="own: a default is logged where the call overrides it",
    says="max_tokens",
    needs=(ONE_CALL, demands("max_tokens")),
)
def change_max_tokens(spans: Spans, _control_run: ControlRun) -> Spans:
    """Log another limit than was sent."""

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {key: 64_000 if key == "max_tokens" else value for key, value in each.items()}

    in_calls(spans, lambda value: each_mapping(value, change))
    return spans


@WRONG_IN_CALLS.spans(
    "stop-reason-wrong",
    "A whole answer is logged as one that was cut off.",
    source="own: a mapping between the words of two APIs",
    says="stop",
    needs=(ONE_CALL,),
)
def change_stop_reason(spans: Spans, _control_run: ControlRun) -> Spans:
    """Say that the answer was cut off when it was not."""

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {key: "max_tokens" if key in STOP_KEYS and value else value for key, value in each.items()}

    in_calls(spans, lambda value: each_mapping(value, change))
    return spans


@WRONG_IN_CALLS.spans(
    "tool-arguments-altered",
    "A tool call is logged with other arguments.",
    source="own: arguments are logged after a tool has changed them in place",
    says="tool call",
    needs=(A_TOOL_CALL,),
)
def change_tool_arguments(spans: Spans, control_run: ControlRun) -> Spans:
    """Log other arguments than Claude called the tool with."""
    for call in control_run.tool_calls():
        in_outputs(spans, lambda value, call=call: _other_arguments(value, call["input"]))  # type: ignore[misc]
    return spans


@WRONG_IN_CALLS.spans(
    "failure-logged-as-success",
    "A call that failed is logged as one that went well.",
    source="miurla/morphic#930: spans of failed streams ended without an error",
    says="status",
    needs=(A_CLAUDE_ERROR, demands("status")),
)
def hide_failure(spans: Spans, _control_run: ControlRun) -> Spans:
    """Say of every call that all went well."""
    for span in calls(spans):
        span.status = OK
    return spans


@WRONG_IN_CALLS.spans(
    "duration-of-zero",
    "A call is stamped with the time at which it was written down.",
    source="own: spans that are made when a call has ended",
    says="start|begin|duration",
    needs=(ONE_CALL, demands("duration")),
)
def stamp_when_sent(spans: Spans, _control_run: ControlRun) -> Spans:
    """Give calls the time at which they were written down, after they had ended."""
    for span in calls(spans):
        span.start_ns = span.end_ns = span.end_ns + WRITTEN_DOWN_AFTER_NS
    return spans


@WRONG_IN_CALLS.spans(
    "prompt-cut-off",
    "A long message is cut off.",
    source="own: limits on the length of an attribute, as OpenTelemetry's SDKs have",
    kind="truncated",
    says="user|message",
    needs=(ONE_CALL,),
)
def cut_prompt(spans: Spans, control_run: ControlRun) -> Spans:
    """Cut the longest message off."""
    text = next(iter(control_run.prompt_texts()), "")
    in_calls(spans, lambda value: replaced_text(value, text, text[:KEPT_CHARACTERS]) if text else value)
    return spans


@WRONG_IN_CALLS.spans(
    "completion-cut-off",
    "Only the beginning of an answer is logged.",
    source="dynatrace-oss/dynatrace-ai-agent-instrumentation-examples#317: streamed answers were not put together",
    kind="truncated",
    says="completion|tool call|text",
    needs=(ONE_CALL,),
)
def cut_completion(spans: Spans, control_run: ControlRun) -> Spans:
    """Keep the first half of the answer, as when a stream is not read to its end."""
    text = next(iter(control_run.answer_texts()), "")
    in_outputs(spans, lambda value: replaced_text(value, text, text[: len(text) // 2]) if text else value)
    return spans


def _other_arguments(value: JsonValue, arguments: JsonValue) -> JsonValue:
    if value == arguments:
        return {**arguments, next(iter(arguments), "argument"): ALTERED}
    if isinstance(value, str) and value.startswith("{") and _loaded(value) == arguments:
        return json.dumps(_other_arguments(arguments, arguments))
    if isinstance(value, dict):
        return {key: _other_arguments(each, arguments) for key, each in value.items()}
    if isinstance(value, list):
        return [_other_arguments(each, arguments) for each in value]
    return value


def _loaded(text: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError:
        return None
