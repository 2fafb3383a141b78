"""From a span to the model call it records, its settings included, whatever library wrote it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.formats.leaves import text_leaves
from e2i_eval.checks.contract.formats.messages import as_message, conversation, is_block, message_parts, parts
from e2i_eval.checks.contract.model_call import ContentPart, Form, ModelCall, Stated, Tool, canonical
from e2i_eval.core.trace import TokenTotals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.trace import Span


__all__ = ["SETTINGS", "body_prompt", "body_tools", "read_call", "settings"]

COPIES = frozenset({"mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.traceRequestId"})
"""Attributes that repeat a span's inputs and outputs."""

WRAPPERS = ("request", "body", "kwargs", "input", "inputs")
"""Keys under which hand-made spans keep the whole request."""

FINISH_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
"""OpenAI's finish reasons in the API's words."""


def read_call(span: Span) -> ModelCall:
    """Return what ``span`` records of its call."""
    inputs, outputs = _unwrapped(span.inputs), _decoded(span.outputs)
    attributes = {key: value for key, value in span.attributes.items() if key not in COPIES}
    form, message = _reply(outputs)
    return ModelCall(
        form="autolog" if _is_autolog(attributes) else _form(inputs, form),
        prompt=body_prompt(inputs),
        reply=None if message is None else message_parts(message),
        tools=_tools(inputs, attributes),
        settings=settings(inputs, attributes, outputs),
        message_id=_message_id(message),
        stop_reason=_stop_reason(message),
        usages=tuple(_usages(span, message)),
        asked=tuple(text_leaves([inputs, attributes])),
        answered=tuple(text_leaves([outputs, attributes])),
    )


def body_prompt(body: JsonValue) -> tuple[ContentPart, ...] | None:
    """Return the parts of a request: ``system`` and ``messages``, or a list of messages; None when it is neither."""
    if isinstance(body, (list, tuple)):
        messages = body[0] if len(body) == 1 and isinstance(body[0], (list, tuple)) else body
        return conversation(messages) if messages else None
    if not isinstance(body, dict) or not isinstance(body.get("messages"), (list, tuple)):
        return None
    system = body.get("system") or body.get("system_prompt") or body.get("instructions")
    rest = body_prompt(list(body["messages"])) if body["messages"] else ()
    return None if rest is None else (*parts("system", system), *rest)


def body_tools(tools: JsonValue) -> tuple[Tool, ...] | None:
    """Return the tools of a request in Anthropic's or OpenAI's form; None when there is no list of them."""
    if not isinstance(tools, (list, tuple)):
        return None
    return tuple(_tool(tool) for tool in tools if isinstance(tool, dict))


def _tool(tool: JsonObject) -> Tool:
    described = tool["function"] if isinstance(tool.get("function"), dict) else tool
    schema = described.get("input_schema") or described.get("parameters")
    name = str(described.get("name") or described.get("type"))
    return Tool(name=name, description=described.get("description"), schema=canonical(schema) if schema else None)


def _tools(inputs: JsonValue, attributes: JsonObject) -> tuple[Tool, ...] | None:
    """Prefer the request's own list over ``mlflow.chat.tools``, which leaves schemas out."""
    asked = inputs.get("tools") if isinstance(inputs, dict) else None
    bound = attributes.get("invocation_params")
    bound = bound.get("tools") if isinstance(bound, dict) else None
    return body_tools(asked or bound or attributes.get("mlflow.chat.tools"))


def _unwrapped(inputs: JsonValue) -> JsonValue:
    inputs = _decoded(inputs)
    if isinstance(inputs, dict) and "messages" not in inputs:
        for key in WRAPPERS:
            if isinstance(inputs.get(key), dict) and "messages" in inputs[key]:
                return inputs[key]
    return inputs


def _decoded(value: JsonValue) -> JsonValue:
    """Return the value of a text that is a JSON object or list, as hand-made spans often log."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _is_autolog(attributes: JsonObject) -> bool:
    return attributes.get("mlflow.message.format") == "langchain" and "invocation_params" in attributes


def _form(inputs: JsonValue, reply_form: Form) -> Form:
    prompt = body_prompt(inputs)
    if prompt is None:
        return "text"
    if isinstance(inputs, (list, tuple)) or any("lc" in m or "additional_kwargs" in m for m in _dicts(inputs)):
        return "langchain"
    return reply_form if reply_form != "text" else "openai"


def _dicts(inputs: JsonValue) -> Iterator[JsonObject]:
    yield from (message for message in inputs["messages"] if isinstance(message, dict))


def _reply(outputs: JsonValue) -> tuple[Form, JsonObject | None]:
    """Return the answer's message and its form; no message when the form is unknown."""
    if isinstance(outputs, (list, tuple)) and outputs:
        if all(is_block(each) for each in outputs):
            return "anthropic", {"role": "assistant", "content": list(outputs)}
        return _reply(outputs[-1])
    return _reply_object(outputs) if isinstance(outputs, dict) else ("text", None)


def _reply_object(outputs: JsonObject) -> tuple[Form, JsonObject | None]:
    if isinstance(outputs.get("choices"), list) and outputs["choices"]:
        return "openai", _choice(outputs)
    if isinstance(outputs.get("generations"), list) and outputs["generations"]:
        return "langchain", _generation(outputs["generations"])
    message = as_message(outputs)
    if message is not None:
        return ("anthropic" if outputs.get("type") == "message" else "langchain"), {**message, "role": "assistant"}
    inner = outputs.get("message") or outputs.get("messages") or outputs.get("response")
    return _reply(inner) if isinstance(inner, (dict, list)) else ("text", None)


def _choice(outputs: JsonObject) -> JsonObject | None:
    choice = outputs["choices"][0]
    message = as_message({"role": "assistant", **(choice.get("message") or {})})
    if message is None:
        return None
    answer = {"id": outputs.get("id"), "finish_reason": choice.get("finish_reason"), "usage": outputs.get("usage")}
    return {**message, **answer}


def _generation(generations: list[JsonValue]) -> JsonObject | None:
    first = generations[0][0] if isinstance(generations[0], list) and generations[0] else generations[0]
    message = as_message(first.get("message")) if isinstance(first, dict) else None
    return None if message is None else {**message, "role": "assistant"}


def _message_id(message: JsonObject | None) -> str | None:
    if message is None:
        return None
    message_id = (message.get("response_metadata") or {}).get("id") or message.get("id")
    # LangChain and hand-made spans have ids of their own; only the API's identify the answer.
    return message_id if isinstance(message_id, str) and message_id.startswith("msg_") else None


def _stop_reason(message: JsonObject | None) -> str | None:
    if message is None:
        return None
    reason = message.get("stop_reason") or (message.get("response_metadata") or {}).get("stop_reason")
    finish = message.get("finish_reason")
    return reason or FINISH_REASONS.get(str(finish), finish)


def _usages(span: Span, message: JsonObject | None) -> Iterator[tuple[str, TokenTotals]]:
    if span.tokens is not None:
        yield "tokens", span.tokens
    for place, usage in _usage_objects(message or {}):
        if isinstance(usage, dict) and isinstance(usage.get("input_tokens"), int):
            yield f"outputs.{place}", _totals(usage)


def _usage_objects(message: JsonObject) -> Iterator[tuple[str, JsonValue]]:
    yield "usage", message.get("usage")
    yield "response_metadata.usage", (message.get("response_metadata") or {}).get("usage")
    yield "usage_metadata", message.get("usage_metadata")


def _totals(usage: JsonObject) -> TokenTotals:
    details = usage.get("input_token_details") or {}
    return TokenTotals(
        input_tokens=usage["input_tokens"],
        output_tokens=usage.get("output_tokens"),
        total_tokens=usage.get("total_tokens"),
        cache_read_tokens=usage.get("cache_read_input_tokens", details.get("cache_read")),
        cache_write_tokens=usage.get("cache_creation_input_tokens", details.get("cache_creation")),
    )


SETTINGS: Mapping[str, tuple[str, ...]] = {
    "model": ("model", "model_name", "mlflow.llm.model", "gen_ai.request.model", "ls_model_name"),
    "max_tokens": (
        "max_tokens",
        "max_completion_tokens",
        "max_tokens_to_sample",
        "gen_ai.request.max_tokens",
        "ls_max_tokens",
    ),
    "temperature": ("temperature", "gen_ai.request.temperature", "ls_temperature"),
    "top_p": ("top_p", "gen_ai.request.top_p"),
    "top_k": ("top_k", "gen_ai.request.top_k"),
    "stop_sequences": ("stop_sequences", "stop", "gen_ai.request.stop_sequences"),
    "tool_choice": ("tool_choice",),
    "thinking": ("thinking",),
}
"""Each setting of the API and the names under which libraries state it."""

HOLDERS = ("invocation_params", "model_kwargs", "kwargs", "params", "parameters", "options", "metadata")
"""Keys of inputs and attributes that hold settings."""


def settings(inputs: JsonValue, attributes: JsonObject, outputs: JsonValue) -> dict[str, tuple[Stated, ...]]:
    """Return every statement of every setting; a null states nothing."""
    found: dict[str, list[Stated]] = {}
    for place, holder in _holders(inputs, attributes):
        for name, aliases in SETTINGS.items():
            stated = [Stated(value=holder[key], place=f"{place}.{key}") for key in aliases if _told(holder, key)]
            found.setdefault(name, []).extend(stated)
    if isinstance(outputs, dict) and isinstance(outputs.get("model"), str):
        found["model"].append(Stated(value=outputs["model"], place="outputs.model"))
    return {name: tuple(stated) for name, stated in found.items() if stated}


def _told(holder: JsonObject, key: str) -> bool:
    return holder.get(key) not in (None, "", [])


def _holders(inputs: JsonValue, attributes: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for place, value in (("inputs", inputs), ("attributes", attributes)):
        # An empty holder still makes every setting known, so that the caller may append.
        yield place, value if isinstance(value, dict) else {}
        if isinstance(value, dict):
            for key in HOLDERS:
                if isinstance(value.get(key), dict):
                    yield f"{place}.{key}", value[key]
