"""Faults in what is logged of single calls to Claude."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_eval.faults.fault import Fault
from e2i_eval.faults.needs import (
    A_CLAUDE_ERROR,
    A_SYSTEM_PROMPT,
    A_TOOL_CALL,
    CACHED_TOKENS,
    ONE_CALL,
    TWO_CALLS,
    another_case,
    demands,
)
from e2i_eval.faults.sent_span import INPUTS, OK, OUTPUTS, TOKENS, SentSpan, calls
from e2i_eval.faults.values import each_mapping, replaced_text, without

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.faults.sound import Sound
    from e2i_eval.json_value import JsonValue

__all__ = ["CALL_FAULTS"]

Spans = list[SentSpan]
INPUT_KEYS = ("input_tokens", "prompt_tokens")
OUTPUT_KEYS = ("output_tokens", "completion_tokens")
TOTAL_KEYS = ("total_tokens",)
STOP_KEYS = ("stop_reason", "finish_reason")
CACHE_READ_KEYS = ("cache_read_input_tokens", "cache_read_tokens", "cache_read")
OTHER_MODEL = "claude-haiku-4-5"
ALTERED = "something else"
WRITTEN_DOWN_AFTER_NS = 50_000_000
KEPT_CHARACTERS = 40
"""What is left of a text that is cut off."""


# missing


def lose_call(spans: Spans, _sound: Sound) -> Spans:
    """Drop the span of the first call, and what is inside it."""
    lost = {span.span_id for span in calls(spans)[:1]}
    return [span for span in spans if span.span_id not in lost and span.parent_id not in lost]


def lose_messages(spans: Spans, sound: Sound) -> Spans:
    """Keep nothing of what Claude was asked."""
    for text in sound.prompt_texts():
        _in_calls(spans, lambda value, text=text: replaced_text(value, text, ""))  # type: ignore[misc]
    return spans


def lose_system_prompt(spans: Spans, sound: Sound) -> Spans:
    """Keep nothing of the system prompt."""
    for text in sound.system_texts():
        _in_calls(spans, lambda value, text=text: replaced_text(value, text, ""))  # type: ignore[misc]
    return spans


def lose_completion(spans: Spans, _sound: Sound) -> Spans:
    """Keep nothing of what Claude answered."""
    for span in calls(spans):
        span.attributes[OUTPUTS] = ""
        span.as_text -= {OUTPUTS}
    return spans


def lose_tool_call(spans: Spans, sound: Sound) -> Spans:
    """Keep the answer's text, and not the tools it called."""
    names = {call["name"] for call in sound.tool_calls()}
    _in_outputs(spans, lambda value: without(value, lambda each: _is_tool_call(each, names)))
    return spans


def lose_tools(spans: Spans, sound: Sound) -> Spans:
    """Keep nothing of the tools that were offered."""
    names = {tool.get("name") for each in sound.answered for tool in each.request.get("tools", ())}
    _in_calls(spans, lambda value: without(value, lambda each: _is_offer(each, names)))
    return spans


def lose_usage(spans: Spans, _sound: Sound) -> Spans:
    """Keep no token counts."""
    for span in spans:
        span.attributes.pop(TOKENS, None)
    return spans


def lose_cache_read(spans: Spans, _sound: Sound) -> Spans:
    """Drop the tokens that came from the cache from every count."""
    _in_calls(spans, lambda value: each_mapping(value, lambda each: _without_keys(each, CACHE_READ_KEYS)))
    return spans


def lose_stop_reason(spans: Spans, _sound: Sound) -> Spans:
    """Keep nothing of why the answer ended."""
    _in_calls(spans, lambda value: each_mapping(value, lambda each: _without_keys(each, STOP_KEYS)))
    return spans


# wrong


def halve_input_tokens(spans: Spans, _sound: Sound) -> Spans:
    """Count half the input."""
    return _counted(spans, INPUT_KEYS, lambda count, _usage: count // 2)


def count_cache_twice(spans: Spans, sound: Sound) -> Spans:
    """Add what came from the cache to an input that has it already."""
    read = sum(each.usage.cache_read_tokens for each in sound.answered[:1] if each.usage)
    return _counted(spans, INPUT_KEYS, lambda count, _usage: count + 2 * read)


def guess_output_tokens(spans: Spans, _sound: Sound) -> Spans:
    """Count the answer's tokens by its characters, as is done where a stream brings no usage."""
    return _counted(spans, OUTPUT_KEYS, lambda count, _usage: count // 3 + 1)


def miscount_total(spans: Spans, _sound: Sound) -> Spans:
    """Let the total be more than its parts."""
    return _counted(spans, TOTAL_KEYS, lambda count, _usage: count + 1000)


def name_other_model(spans: Spans, sound: Sound) -> Spans:
    """Name another model than was asked."""
    for model in {each.model for each in sound.answered}:
        _in_calls(spans, lambda value, model=model: replaced_text(value, model, OTHER_MODEL))  # type: ignore[misc]
    return spans


def invent_temperature(spans: Spans, _sound: Sound) -> Spans:
    """Log the temperature of a configuration that was never sent."""
    for span in calls(spans):
        params = span.attributes.get("invocation_params")
        span.attributes["invocation_params"] = {**(params if isinstance(params, dict) else {}), "temperature": 0.7}
        if isinstance(asked := span.attributes.get(INPUTS), dict):
            asked["temperature"] = 0.7
    return spans


def change_max_tokens(spans: Spans, _sound: Sound) -> Spans:
    """Log another limit than was sent."""

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {key: 64_000 if key == "max_tokens" else value for key, value in each.items()}

    _in_calls(spans, lambda value: each_mapping(value, change))
    return spans


def change_stop_reason(spans: Spans, _sound: Sound) -> Spans:
    """Say that the answer was cut off when it was not."""

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {key: "max_tokens" if key in STOP_KEYS and value else value for key, value in each.items()}

    _in_calls(spans, lambda value: each_mapping(value, change))
    return spans


def change_tool_arguments(spans: Spans, sound: Sound) -> Spans:
    """Log other arguments than Claude called the tool with."""
    for call in sound.tool_calls():
        _in_outputs(spans, lambda value, call=call: _other_arguments(value, call["input"]))  # type: ignore[misc]
    return spans


def hide_failure(spans: Spans, _sound: Sound) -> Spans:
    """Say of every call that all went well."""
    for span in calls(spans):
        span.status = OK
    return spans


def stamp_when_sent(spans: Spans, _sound: Sound) -> Spans:
    """Give calls the time at which they were written down, after they had ended."""
    for span in calls(spans):
        span.start_ns = span.end_ns = span.end_ns + WRITTEN_DOWN_AFTER_NS
    return spans


# truncated


def cut_prompt(spans: Spans, sound: Sound) -> Spans:
    """Cut the longest message off."""
    text = next(iter(sound.prompt_texts()), "")
    _in_calls(spans, lambda value: replaced_text(value, text, text[:KEPT_CHARACTERS]) if text else value)
    return spans


def cut_completion(spans: Spans, sound: Sound) -> Spans:
    """Keep the first half of the answer, as when a stream is not read to its end."""
    text = next(iter(sound.answer_texts()), "")
    _in_outputs(spans, lambda value: replaced_text(value, text, text[: len(text) // 2]) if text else value)
    return spans


# misattributed, swapped, duplicated, counted twice, unfinished


def swap_answers(spans: Spans, _sound: Sound) -> Spans:
    """Give the first and the last call each other's answer."""
    told = calls(spans)
    if len(told) > 1:
        first, last = told[0], told[-1]
        first.attributes[OUTPUTS], last.attributes[OUTPUTS] = last.attributes[OUTPUTS], first.attributes[OUTPUTS]
    return spans


def tell_other_prompt(spans: Spans, sound: Sound) -> Spans:
    """Log the prompt of another case, as state kept between calls does."""
    other = sound.other
    texts = [] if other is None else [str(each.request.get("messages")) for each in other.exchanges]
    for text, stranger in zip(sound.prompt_texts()[:1], texts, strict=False):
        _in_calls(spans, lambda value: replaced_text(value, text, stranger))  # noqa: B023  used at once
    return spans


def move_to_other_node(spans: Spans, sound: Sound) -> Spans:
    """Put calls into a node that did not make them."""
    quiet = [node for node in sound.nodes if node not in sound.asked_nodes()] or [ALTERED]
    asking = sound.asked_nodes()

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return {key: quiet[0] if key == "langgraph_node" and value in asking else value for key, value in each.items()}

    homes = {span.span_id: span for span in spans if span.name in quiet}
    for span in calls(spans):
        span.attributes = each_mapping(span.attributes, change)
        span.parent_id = next(iter(homes), span.parent_id)
    return spans


def log_twice(spans: Spans, _sound: Sound) -> Spans:
    """Log each call a second time, beside the first."""
    return [*spans, *(span.twin() for span in calls(spans))]


def count_inner_call_again(spans: Spans, _sound: Sound) -> Spans:
    """Let a wrapper add the tokens of the call inside it to its own."""
    inner = []
    for span in calls(spans):
        twin = span.twin()
        twin.parent_id = span.span_id
        inner.append(twin)
    _counted(spans, (*INPUT_KEYS, *OUTPUT_KEYS, *TOTAL_KEYS), lambda count, _usage: 2 * count)
    return [*spans, *inner]


def never_end(spans: Spans, _sound: Sound) -> Spans:
    """Leave the calls open, as a stream does whose reader went away."""
    for span in calls(spans):
        span.end_ns = 0
    return spans


def _in_calls(spans: Spans, change: Callable[[JsonValue], JsonValue]) -> None:
    for span in calls(spans):
        span.attributes = change(span.attributes)


def _in_outputs(spans: Spans, change: Callable[[JsonValue], JsonValue]) -> None:
    for span in calls(spans):
        if OUTPUTS in span.attributes:
            span.attributes[OUTPUTS] = change(span.attributes[OUTPUTS])


def _counted(spans: Spans, keys: tuple[str, ...], count: Callable[[int, dict[str, JsonValue]], int]) -> Spans:
    """Change counts under ``keys`` in every mapping that holds token counts."""

    def change(each: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if not any(key in each for key in (*INPUT_KEYS, *OUTPUT_KEYS)):
            return each
        return {
            key: count(value, each) if key in keys and isinstance(value, int) else value for key, value in each.items()
        }

    _in_calls(spans, lambda value: each_mapping(value, change))
    return spans


def _without_keys(each: dict[str, JsonValue], keys: tuple[str, ...]) -> dict[str, JsonValue]:
    return {key: value for key, value in each.items() if key not in keys}


def _is_tool_call(value: JsonValue, names: set[str]) -> bool:
    """Tell a tool call in Anthropic's, LangChain's or OpenAI's form."""
    named = _named(value)
    return named.get("name") in names and any(key in named for key in ("input", "args", "arguments"))


def _is_offer(value: JsonValue, names: set[JsonValue]) -> bool:
    named = _named(value)
    return named.get("name") in names and any(key in named for key in ("input_schema", "parameters", "description"))


def _named(value: JsonValue) -> dict[str, JsonValue]:
    """Return the part of a tool, or of a call of one, that has its name; empty for anything else."""
    if not isinstance(value, dict):
        return {}
    function = value.get("function")
    return function if isinstance(function, dict) else value


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


LOGGING = ("logging",)

CALL_FAULTS = (
    Fault(
        name="call-lost",
        kind="missing",
        place="log",
        summary="One call to Claude leaves no span.",
        source="another tracer, issue 2221: streamed calls of a chain were not counted",
        checks=LOGGING,
        tells="no span on the server",
        needs=(ONE_CALL,),
        spans=lose_call,
    ),
    Fault(
        name="prompt-lost",
        kind="missing",
        place="log",
        summary="The messages to Claude are logged empty.",
        source="openai/openai-agents-python#4692: the input of a streamed call was never set on its span",
        checks=LOGGING,
        tells="user|message",
        needs=(ONE_CALL, demands("messages")),
        spans=lose_messages,
    ),
    Fault(
        name="system-prompt-lost",
        kind="missing",
        place="log",
        summary="The system prompt is not logged.",
        source="own: Anthropic keeps it outside the messages, where a handler made for others does not look",
        checks=LOGGING,
        tells="system",
        needs=(ONE_CALL, A_SYSTEM_PROMPT, demands("system_prompt")),
        spans=lose_system_prompt,
    ),
    Fault(
        name="completion-lost",
        kind="missing",
        place="log",
        summary="Claude's answer is logged empty.",
        source="miurla/morphic#936: an empty answer looked like a good one in every trace",
        checks=LOGGING,
        tells="completion|tool call|text",
        needs=(ONE_CALL,),
        spans=lose_completion,
    ),
    Fault(
        name="tool-call-lost",
        kind="missing",
        place="log",
        summary="The answer is logged without the tool it called.",
        source="another tracer, issue 3284: tool calls of Claude showed as an empty answer",
        checks=LOGGING,
        tells="tool call",
        needs=(A_TOOL_CALL, demands("tool_calls")),
        spans=lose_tool_call,
    ),
    Fault(
        name="offered-tools-lost",
        kind="missing",
        place="log",
        summary="The tools Claude could have called are not logged.",
        source="another tracer for JavaScript, issue 906: tools were dropped from the parameters",
        checks=LOGGING,
        tells="tool",
        needs=(A_TOOL_CALL, demands("tools")),
        spans=lose_tools,
    ),
    Fault(
        name="usage-lost",
        kind="missing",
        place="log",
        summary="No token counts are logged.",
        source="agentgateway/agentgateway#1686: streamed answers were recorded without usage",
        checks=LOGGING,
        tells="tokens",
        needs=(ONE_CALL, demands("tokens")),
        spans=lose_usage,
    ),
    Fault(
        name="cache-read-lost",
        kind="missing",
        place="log",
        summary="Tokens read from the cache are dropped from the counts.",
        source="mlflow/mlflow#22679: cache_read_input_tokens was discarded before the trace was written",
        checks=LOGGING,
        tells="cache_read",
        needs=(CACHED_TOKENS, demands("cache_read_tokens")),
        spans=lose_cache_read,
    ),
    Fault(
        name="stop-reason-lost",
        kind="missing",
        place="log",
        summary="Why an answer ended is not logged.",
        source="traceloop/openllmetry#4361: streamed turns without content lost their stop reason",
        checks=LOGGING,
        tells="stop",
        needs=(ONE_CALL, demands("stop_reason")),
        spans=lose_stop_reason,
    ),
    Fault(
        name="input-tokens-halved",
        kind="wrong",
        place="log",
        summary="Half of the input tokens are logged.",
        source="own: a count taken from one of two messages",
        checks=LOGGING,
        tells="input_tokens",
        needs=(ONE_CALL,),
        spans=halve_input_tokens,
    ),
    Fault(
        name="cache-counted-twice",
        kind="counted twice",
        place="log",
        summary="Cached tokens are added to an input that has them already.",
        source="another tracer, issues 12306 and 10592: cached input tokens were counted twice",
        checks=LOGGING,
        tells="input_tokens",
        needs=(CACHED_TOKENS,),
        spans=count_cache_twice,
    ),
    Fault(
        name="output-tokens-guessed",
        kind="wrong",
        place="log",
        summary="Output tokens are guessed from the text.",
        source="own: what libraries do where a stream brings no usage",
        checks=LOGGING,
        tells="output_tokens",
        needs=(ONE_CALL,),
        spans=guess_output_tokens,
    ),
    Fault(
        name="total-tokens-wrong",
        kind="wrong",
        place="log",
        summary="The total of a call is not the sum of its parts.",
        source="another tracer, issue 8700: the token usage shown was twice what was billed",
        checks=LOGGING,
        tells="total",
        needs=(ONE_CALL, demands("total_tokens")),
        spans=miscount_total,
    ),
    Fault(
        name="model-misnamed",
        kind="wrong",
        place="log",
        summary="Another model is logged than was asked.",
        source="own: an alias of the configuration is logged in place of the request's model",
        checks=LOGGING,
        tells="model",
        needs=(ONE_CALL, demands("model")),
        spans=name_other_model,
    ),
    Fault(
        name="temperature-invented",
        kind="wrong",
        place="log",
        summary="A temperature is logged that was never sent.",
        source="own: API version 2026-10-21 refuses a temperature, clients drop it, and handlers log the configuration",
        checks=LOGGING,
        tells="temperature",
        needs=(ONE_CALL,),
        spans=invent_temperature,
    ),
    Fault(
        name="max-tokens-wrong",
        kind="wrong",
        place="log",
        summary="Another limit of the answer is logged than was sent.",
        source="own: a default is logged where the call overrides it",
        checks=LOGGING,
        tells="max_tokens",
        needs=(ONE_CALL, demands("max_tokens")),
        spans=change_max_tokens,
    ),
    Fault(
        name="stop-reason-wrong",
        kind="wrong",
        place="log",
        summary="A whole answer is logged as one that was cut off.",
        source="own: a mapping between the words of two APIs",
        checks=LOGGING,
        tells="stop",
        needs=(ONE_CALL,),
        spans=change_stop_reason,
    ),
    Fault(
        name="tool-arguments-altered",
        kind="wrong",
        place="log",
        summary="A tool call is logged with other arguments.",
        source="own: arguments are logged after a tool has changed them in place",
        checks=LOGGING,
        tells="tool call",
        needs=(A_TOOL_CALL,),
        spans=change_tool_arguments,
    ),
    Fault(
        name="failure-logged-as-success",
        kind="wrong",
        place="log",
        summary="A call that failed is logged as one that went well.",
        source="miurla/morphic#930: spans of failed streams ended without an error",
        checks=LOGGING,
        tells="status",
        needs=(A_CLAUDE_ERROR, demands("status")),
        spans=hide_failure,
    ),
    Fault(
        name="duration-of-zero",
        kind="wrong",
        place="log",
        summary="A call is stamped with the time at which it was written down.",
        source="own: spans that are made when a call has ended",
        checks=LOGGING,
        tells="start|begin|duration",
        needs=(ONE_CALL, demands("duration")),
        spans=stamp_when_sent,
    ),
    Fault(
        name="prompt-cut-off",
        kind="truncated",
        place="log",
        summary="A long message is cut off.",
        source="own: limits on the length of an attribute, as OpenTelemetry's SDKs have",
        checks=LOGGING,
        tells="user|message",
        needs=(ONE_CALL,),
        spans=cut_prompt,
    ),
    Fault(
        name="completion-cut-off",
        kind="truncated",
        place="log",
        summary="Only the beginning of an answer is logged.",
        source="dynatrace-oss/dynatrace-ai-agent-instrumentation-examples#317: streamed answers were not put together",
        checks=LOGGING,
        tells="completion|tool call|text",
        needs=(ONE_CALL,),
        spans=cut_completion,
    ),
    Fault(
        name="answers-swapped",
        kind="swapped",
        place="log",
        summary="Two calls are logged with each other's answer.",
        source="livekit/agents#3554: overlapping calls took each other's spans for their own",
        checks=LOGGING,
        tells="completion|tool call|text",
        needs=(TWO_CALLS,),
        spans=swap_answers,
    ),
    Fault(
        name="prompt-of-another-case",
        kind="misattributed",
        place="log",
        summary="The prompt of an earlier request is logged.",
        source="epam/ai-dial-sdk#448: requests on a kept connection were recorded under an earlier one's trace",
        checks=LOGGING,
        tells="user|message",
        needs=(ONE_CALL, another_case()),
        spans=tell_other_prompt,
    ),
    Fault(
        name="call-in-wrong-node",
        kind="misattributed",
        place="log",
        summary="A call is logged below a node that did not make it.",
        source="livekit/agents#3554: spans got the wrong parent where calls overlapped",
        checks=LOGGING,
        tells="node",
        needs=(ONE_CALL, demands("node")),
        spans=move_to_other_node,
    ),
    Fault(
        name="call-logged-twice",
        kind="duplicated",
        place="log",
        summary="Each call has two spans, side by side.",
        source="mlflow, langchain's and anthropic's autologs both on: two model spans for one call",
        checks=LOGGING,
        tells="logged twice",
        needs=(ONE_CALL,),
        spans=log_twice,
    ),
    Fault(
        name="nested-autologs-add-up",
        kind="counted twice",
        place="log",
        summary="A wrapper counts the tokens of the call inside it once more.",
        source="another tracer, issue 3956, braintrustdata/braintrust-sdk-python#312: nested spans counted twice",
        checks=LOGGING,
        tells="tokens",
        needs=(ONE_CALL,),
        spans=count_inner_call_again,
    ),
    Fault(
        name="call-never-ended",
        kind="unfinished",
        place="log",
        summary="The span of a call is never ended.",
        source="DataDog/dd-trace-py#6891: spans of streams that failed stayed open",
        checks=("trace",),
        tells="never ended",
        needs=(ONE_CALL,),
        spans=never_end,
    ),
)
"""In the order of their classes."""
