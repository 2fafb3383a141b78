"""The prompt of a request: all text Claude is given to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["compact_json", "content_text", "prompt_text"]

TEXT_KEYS = ("title", "context", "text", "thinking", "content", "source")
"""Keys of a content block whose values are read; ``data`` is read of plain-text sources only."""

CALL_TYPES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


def prompt_text(request: JsonObject) -> str:
    """Return the text of the system prompt and the messages, one part a line; media are left out."""
    parts = [*_texts(request.get("system"))]
    messages = request.get("messages")
    for message in messages if isinstance(messages, Sequence) else ():
        parts.extend(_texts(message.get("content")) if isinstance(message, Mapping) else ())
    return "\n".join(parts)


def content_text(content: JsonValue) -> str:
    """Return the text of content blocks, tool calls as their name and compact JSON."""
    return "\n".join(_texts(content))


def compact_json(value: JsonValue) -> str:
    """Return ``value`` as JSON without blanks and without ASCII escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _block_texts(value)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)


def _block_texts(block: JsonObject) -> Iterator[str]:
    if block.get("type") in CALL_TYPES:
        yield str(block.get("name", ""))
        yield compact_json(block.get("input"))
        return
    if block.get("media_type") == "text/plain":
        yield from _texts(block.get("data"))
    for key in TEXT_KEYS:
        yield from _texts(block.get(key))
