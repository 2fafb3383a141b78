"""Messages: chat dictionaries of Anthropic, OpenAI and LangChain, read alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.formats.blocks import BLOCK_KINDS, parts, tool_input
from e2i_eval.checks.contract.model_call import ContentPart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["as_message", "conversation", "is_block", "message_parts"]

ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
PAIR = 2
"""Length of LangChain's short form of a message: ``["human", "Why?"]``."""

ORDER_IN_ANSWER = {"thinking": 0, "text": 1}
"""Chat dictionaries keep tool calls apart from the content, so the order between the two is not told by all."""


def conversation(messages: Sequence[JsonValue]) -> tuple[ContentPart, ...] | None:
    """Return the parts of ``messages`` with the system prompt first; None when they are not messages."""
    read = [as_message(message) for message in messages]
    if any(message is None for message in read):
        return None
    found = [part for message in read if message is not None for part in message_parts(message)]
    system = [part for part in found if part.role == "system"]
    return (*system, *(part for part in found if part.role != "system"))


def as_message(value: JsonValue) -> JsonObject | None:
    """Return ``value`` as a dictionary with ``role``; None when it is no message."""
    if isinstance(value, (list, tuple)) and len(value) == PAIR and _role(value[0]):
        return {"role": _role(value[0]), "content": value[1]}
    if not isinstance(value, dict):
        return None
    if value.get("lc") and isinstance(value.get("kwargs"), dict):
        return as_message({"type": value["id"][-1], **value["kwargs"]})
    role = _role(value.get("role")) or _role(value.get("type"))
    return {**value, "role": role} if role and ("content" in value or "tool_calls" in value) else None


def is_block(value: JsonValue) -> bool:
    """Tell whether ``value`` is a content block."""
    return isinstance(value, dict) and value.get("type") in BLOCK_KINDS and "role" not in value


def message_parts(message: JsonObject) -> tuple[ContentPart, ...]:
    """Return the parts of one message read by ``as_message``."""
    if message["role"] == "tool":
        inside = " ".join(str(part) for part in parts("user", message.get("content")))
        return (ContentPart(role="user", kind="tool_result", text=inside, id=message.get("tool_call_id")),)
    told = list(parts(message["role"], message.get("content")))
    calls = list(_tool_calls(message))
    ids = {call.id for call in calls}
    told = [part for part in told if part.kind != "tool_use" or part.id not in ids] + calls
    if message["role"] == "assistant":
        told.sort(key=lambda part: ORDER_IN_ANSWER.get(part.kind, len(ORDER_IN_ANSWER)))
    return tuple(told)


def _role(name: JsonValue) -> str | None:
    short = str(name).removesuffix("Chunk").removesuffix("Message").lower()
    return ROLES.get(short)


def _tool_calls(message: JsonObject) -> Iterator[ContentPart]:
    """Yield calls in OpenAI's form (``function.arguments`` is JSON text) and in LangChain's (``args``)."""
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call
        arguments = function.get("arguments", function.get("args"))
        name = str(function.get("name"))
        yield ContentPart(role="assistant", kind="tool_use", name=name, text=tool_input(arguments), id=call.get("id"))
