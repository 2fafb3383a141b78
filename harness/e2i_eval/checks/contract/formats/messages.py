"""Messages and their content blocks: chat dictionaries of Anthropic, OpenAI and LangChain, read alike."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.model_call import ContentPart, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.core.json_value import JsonObject, JsonValue


__all__ = ["BLOCK_KINDS", "as_message", "conversation", "is_block", "message_parts", "parts", "tool_input"]

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
"""Chat dictionaries keep tool calls apart from the content, so not all of them keep the order between the two."""


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
    stated = list(parts(message["role"], message.get("content")))
    calls = list(_tool_calls(message))
    ids = {call.id for call in calls}
    stated = [part for part in stated if part.kind != "tool_use" or part.id not in ids] + calls
    if message["role"] == "assistant":
        stated.sort(key=lambda part: ORDER_IN_ANSWER.get(part.kind, len(ORDER_IN_ANSWER)))
    return tuple(stated)


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


TEXT = "text"
BLOCK_KINDS = {
    "text": TEXT,
    "input_text": TEXT,
    "output_text": TEXT,
    "thinking": "thinking",
    "redacted_thinking": "thinking",
    "reasoning": "thinking",
    "tool_use": "tool_use",
    "tool_call": "tool_use",
    "tool_result": "tool_result",
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "document": "document",
    "file": "document",
    "input_file": "document",
}
"""Block types by the kind of part they are; any other type is a kind of its own."""

NOT_CONTENT = frozenset({"cache_control", "index", "citations"})
"""Keys of a block that say how to treat it, not what it says."""

DIGEST_CHARS = 16


def parts(role: str, content: JsonValue) -> Iterator[ContentPart]:
    """Yield the parts of a message's ``content``: a text, a block, or a list of either; empty texts are left out."""
    if isinstance(content, str):
        if content.strip():
            yield ContentPart(role=role, kind=TEXT, text=content)
    elif isinstance(content, dict):
        yield from _block(role, content)
    elif isinstance(content, (list, tuple)):
        for each in content:
            yield from parts(role, each)


def tool_input(arguments: JsonValue) -> str:
    """Return a tool call's arguments, given as an object or as the JSON text of one, as canonical JSON."""
    if isinstance(arguments, str):
        try:
            return canonical(json.loads(arguments))
        except ValueError:
            return arguments
    return canonical(arguments or {})


def _block(role: str, block: JsonObject) -> Iterator[ContentPart]:
    kind = BLOCK_KINDS.get(str(block.get("type")), str(block.get("type")))
    if kind == TEXT:
        yield from parts(role, block.get("text"))
    elif kind == "thinking":
        thought = block.get("thinking") or block.get("data") or block.get("reasoning") or ""
        yield ContentPart(role=role, kind=kind, text=str(thought))
    elif kind == "tool_use":
        arguments = block.get("input") or block.get("args") or block.get("partial_json")
        yield ContentPart(
            role=role, kind=kind, name=str(block.get("name")), text=tool_input(arguments), id=block.get("id")
        )
    elif kind == "tool_result":
        inside = " ".join(str(part) for part in parts(role, block.get("content")))
        yield ContentPart(role=role, kind=kind, text=inside, id=block.get("tool_use_id"))
    elif kind in {"image", "document"}:
        yield ContentPart(role=role, kind=kind, text=_digest(block))
    else:
        stated = {key: value for key, value in block.items() if value is not None and key not in NOT_CONTENT}
        yield ContentPart(role=role, kind=kind, text=canonical(stated))


def _digest(block: JsonObject) -> str:
    """Return a short hash of a file's content; empty when the block only refers to it."""
    source = block.get("source") or block.get("image_url") or block.get("file") or block
    if isinstance(source, dict):
        source = source.get("data") or source.get("base64") or source.get("url") or source.get("file_data") or ""
    data = str(source)
    if data.startswith("data:"):
        data = data.partition(",")[2]
    if not data or "://" in data:
        return ""
    return hashlib.sha256(data.encode()).hexdigest()[:DIGEST_CHARS]
