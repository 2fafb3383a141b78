"""Content blocks, in Anthropic's form and in the forms LangChain and OpenAI made of it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.model_call import ContentPart, canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["BLOCK_KINDS", "parts", "tool_input"]

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
        told = {key: value for key, value in block.items() if value is not None and key not in NOT_CONTENT}
        yield ContentPart(role=role, kind=kind, text=canonical(told))


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
