"""Faults: something of a call to Claude is not logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.faults.call_edit import STOP_KEYS, in_calls, in_outputs, without_keys
from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import A_SYSTEM_PROMPT, A_TOOL_CALL, CACHED_TOKENS, ONE_CALL, demands
from e2i_eval.faults.sent_span import OUTPUTS, TOKENS, Spans, calls
from e2i_eval.faults.values import each_mapping, replaced_text, without

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["MISSING_IN_CALLS"]

CACHE_READ_KEYS = ("cache_read_input_tokens", "cache_read_tokens", "cache_read")

MISSING_IN_CALLS = FaultList(kind="missing", place="log", checks=("logging",))
"""Spans, prompts, answers, tools, counts."""


@MISSING_IN_CALLS.spans(
    "call-lost",
    "One call to Claude leaves no span.",
    source="another tracer, issue 2221: streamed calls of a chain were not counted",
    says="no span on the server",
    needs=(ONE_CALL,),
)
def lose_call(spans: Spans, _control_run: ControlRun) -> Spans:
    """Drop the span of the first call, and what is inside it."""
    lost = {span.span_id for span in calls(spans)[:1]}
    return [span for span in spans if span.span_id not in lost and span.parent_id not in lost]


@MISSING_IN_CALLS.spans(
    "prompt-lost",
    "The messages to Claude are logged empty.",
    source="openai/openai-agents-python#4692: the input of a streamed call was never set on its span",
    says="user|message",
    needs=(ONE_CALL, demands("messages")),
)
def lose_messages(spans: Spans, control_run: ControlRun) -> Spans:
    """Keep nothing of what Claude was asked."""
    for text in control_run.prompt_texts():
        in_calls(spans, lambda value, text=text: replaced_text(value, text, ""))  # type: ignore[misc]
    return spans


@MISSING_IN_CALLS.spans(
    "system-prompt-lost",
    "The system prompt is not logged.",
    source="own: Anthropic keeps it outside the messages, where a handler made for others does not look",
    says="system",
    needs=(ONE_CALL, A_SYSTEM_PROMPT, demands("system_prompt")),
)
def lose_system_prompt(spans: Spans, control_run: ControlRun) -> Spans:
    """Keep nothing of the system prompt."""
    for text in control_run.system_texts():
        in_calls(spans, lambda value, text=text: replaced_text(value, text, ""))  # type: ignore[misc]
    return spans


@MISSING_IN_CALLS.spans(
    "completion-lost",
    "Claude's answer is logged empty.",
    source="miurla/morphic#936: an empty answer looked like a good one in every trace",
    says="completion|tool call|text",
    needs=(ONE_CALL,),
)
def lose_completion(spans: Spans, _control_run: ControlRun) -> Spans:
    """Keep nothing of what Claude answered."""
    for span in calls(spans):
        span.attributes[OUTPUTS] = ""
        span.as_text -= {OUTPUTS}
    return spans


@MISSING_IN_CALLS.spans(
    "tool-call-lost",
    "The answer is logged without the tool it called.",
    source="another tracer, issue 3284: tool calls of Claude showed as an empty answer",
    says="tool call",
    needs=(A_TOOL_CALL, demands("tool_calls")),
)
def lose_tool_call(spans: Spans, control_run: ControlRun) -> Spans:
    """Keep the answer's text, and not the tools it called."""
    names = {call["name"] for call in control_run.tool_calls()}
    in_outputs(spans, lambda value: without(value, lambda each: _is_tool_call(each, names)))
    return spans


@MISSING_IN_CALLS.spans(
    "offered-tools-lost",
    "The tools Claude could have called are not logged.",
    source="another tracer for JavaScript, issue 906: tools were dropped from the parameters",
    says="tool",
    needs=(A_TOOL_CALL, demands("tools")),
)
def lose_tools(spans: Spans, control_run: ControlRun) -> Spans:
    """Keep nothing of the tools that were offered."""
    names = {tool.get("name") for each in control_run.answered for tool in each.request.get("tools", ())}
    in_calls(spans, lambda value: without(value, lambda each: _is_offer(each, names)))
    return spans


@MISSING_IN_CALLS.spans(
    "usage-lost",
    "No token counts are logged.",
    source="agentgateway/agentgateway#1686: streamed answers were recorded without usage",
    says="tokens",
    needs=(ONE_CALL, demands("tokens")),
)
def lose_usage(spans: Spans, _control_run: ControlRun) -> Spans:
    """Keep no token counts."""
    for span in spans:
        span.attributes.pop(TOKENS, None)
    return spans


@MISSING_IN_CALLS.spans(
    "cache-read-lost",
    "Tokens read from the cache are dropped from the counts.",
    source="mlflow/mlflow#22679: cache_read_input_tokens was discarded before the trace was written",
    says="cache_read",
    needs=(CACHED_TOKENS, demands("cache_read_tokens")),
)
def lose_cache_read(spans: Spans, _control_run: ControlRun) -> Spans:
    """Drop the tokens that came from the cache from every count."""
    in_calls(spans, lambda value: each_mapping(value, lambda each: without_keys(each, CACHE_READ_KEYS)))
    return spans


@MISSING_IN_CALLS.spans(
    "stop-reason-lost",
    "Why an answer ended is not logged.",
    source="traceloop/openllmetry#4361: streamed turns without content lost their stop reason",
    says="stop",
    needs=(ONE_CALL, demands("stop_reason")),
)
def lose_stop_reason(spans: Spans, _control_run: ControlRun) -> Spans:
    """Keep nothing of why the answer ended."""
    in_calls(spans, lambda value: each_mapping(value, lambda each: without_keys(each, STOP_KEYS)))
    return spans


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
