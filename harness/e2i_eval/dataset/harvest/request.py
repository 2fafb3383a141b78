"""A request: the body that was sent to Claude, rebuilt from what a span records of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.contract.formats.messages import as_message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.trace import Span

__all__ = ["Rebuilt", "rebuilt_request"]

NEEDED = ("model", "max_tokens", "messages")
"""Without one of these a body is no request."""

FIELDS = frozenset(
    {
        *NEEDED,
        "cache_control",
        "container",
        "context_management",
        "inference_geo",
        "mcp_servers",
        "metadata",
        "output_config",
        "output_format",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
"""Fields of the API; a span of the SDK lists options of the client beside them."""

WRAPPERS = ("request", "body", "kwargs", "input", "inputs")
"""Keys under which hand-made spans keep the whole request."""

STREAMED = ("stream", "astream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What could be rebuilt of a request.

    Attributes:
        body: the body as it was sent, as far as it is logged.
        missing: what it lacks to be asked again, for a person; empty when it is whole.
    """

    body: JsonObject
    missing: tuple[str, ...] = ()


def rebuilt_request(span: Span) -> Rebuilt:
    """Return the request a model span records of.

    Known are the API's own bodies (hand-made spans, the SDK's autolog) and LangChain's chat dictionaries with their
    ``invocation_params``. What no span records is named, and never guessed.
    """
    logged = _unwrapped(span.inputs)
    params = _mapping(span.attributes.get("invocation_params"))
    body = _from_chat(logged, params) if _is_chat(logged, params) else _from_body(logged)
    if span.name.rpartition(".")[2] in STREAMED or params.get("streaming") is True:
        body = {**body, "stream": True}
    missing = (name for name in NEEDED if not body.get(name))
    return Rebuilt(body=body, missing=tuple(f"the span does not record {name!r}" for name in missing))


def _is_chat(logged: JsonValue, params: JsonObject) -> bool:
    """Tell LangChain's messages from the API's: only the latter come with the model beside them."""
    return bool(params) or isinstance(logged, list) or "model" not in _mapping(logged)


def _from_body(logged: JsonValue) -> dict[str, Any]:
    return {name: value for name, value in _mapping(logged).items() if name in FIELDS and value is not None}


def _from_chat(logged: JsonValue, params: JsonObject) -> dict[str, Any]:
    extra = _mapping(params.get("model_kwargs"))
    sent = {name: value for name, value in {**params, **extra}.items() if name in FIELDS and value is not None}
    if params.get("stop"):
        sent["stop_sequences"] = params["stop"]
    read = [as_message(message) for message in _messages(logged)]
    if not read or any(message is None for message in read):
        return sent
    system, turns = _conversation([message for message in read if message is not None])
    return {**({"system": system} if system else {}), "messages": turns, **sent}


def _messages(logged: JsonValue) -> Sequence[JsonValue]:
    found = logged.get("messages") if isinstance(logged, dict) else logged
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        return list(found[0])  # LangChain asks for a batch, of one
    return found if isinstance(found, list) else []


def _conversation(messages: Sequence[JsonObject]) -> tuple[JsonValue, list[dict[str, Any]]]:
    """Split the system prompt off, and put tool results that follow each other into one message of the user."""
    system: list[JsonValue] = []
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "system":
            system.append(message.get("content"))
        elif message["role"] == "tool":
            _add_result(turns, message)
        else:
            turns.append({"role": message["role"], "content": _content(message)})
    return (system[0] if len(system) == 1 else system), turns


def _content(message: JsonObject) -> JsonValue:
    calls = [_tool_use(call) for call in message.get("tool_calls") or ()]
    content = message.get("content")
    if not calls and isinstance(content, str):
        return content
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    known = {block.get("id") for block in blocks if isinstance(block, dict)}
    return [*map(_block, blocks), *(call for call in calls if call["id"] not in known)]


def _block(block: JsonValue) -> JsonValue:
    if not isinstance(block, dict):
        return block
    return {name: value for name, value in block.items() if value is not None and name != "index"}


def _tool_use(call: JsonObject) -> dict[str, Any]:
    function = call.get("function") or call
    arguments = function.get("arguments", function.get("args"))
    return {
        "type": "tool_use",
        "name": function.get("name"),
        "input": json.loads(arguments) if isinstance(arguments, str) else arguments,
        "id": call.get("id"),
    }


def _add_result(turns: list[dict[str, Any]], message: JsonObject) -> None:
    result = {
        "type": "tool_result",
        "content": message.get("content"),
        "tool_use_id": message.get("tool_call_id"),
        "is_error": message.get("status") == "error",
    }
    last = turns[-1]["content"] if turns and turns[-1]["role"] == "user" else None
    if isinstance(last, list) and last and _mapping(last[-1]).get("type") == "tool_result":
        last.append(result)
    else:
        turns.append({"role": "user", "content": [result]})


def _unwrapped(inputs: JsonValue) -> JsonValue:
    if isinstance(inputs, str) and inputs[:1] in {"{", "["}:
        try:
            inputs = json.loads(inputs)
        except ValueError:
            return inputs
    if isinstance(inputs, dict) and "messages" not in inputs:
        return next((inputs[key] for key in WRAPPERS if "messages" in _mapping(inputs.get(key))), inputs)
    return inputs


def _mapping(value: JsonValue) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
