"""The answer a server derives from a request: always the same for the same body, and of the form that was asked for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.answer import message_of
from e2i_eval.claude.prompt import prompt_text
from e2i_eval.claude.tokens import estimate_input_tokens
from e2i_eval.core.case import ScriptedAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.json_value import JsonObject

__all__ = ["body_digest", "derived_answer"]

SAMPLES: dict[str, Any] = {"integer": 7, "number": 7.5, "boolean": True, "array": [], "null": None}
CACHED_SHARE = 2
"""With a cache breakpoint, one in so many input tokens is stated as read from the cache, and as many as written."""


def body_digest(request: JsonObject) -> str:
    """Return a short digest of a request's body, whatever the order of its members."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def derived_answer(request: JsonObject, answers: Sequence[JsonObject] = ()) -> dict[str, Any]:
    """Return the message that answers ``request``: a prepared one that fits, else one derived from the body.

    A request with tools is answered with a call of the first (or of the one it insists on) until it brings a result.
    """
    digest = body_digest(request)
    prompt = prompt_text(request)
    prepared = next((each for each in answers if str(each.get("contains", "")) in prompt), None)
    content = _prepared(prepared) if prepared else _content(request, digest)
    usage = (prepared or {}).get("usage") or _usage(request)
    return message_of(ScriptedAnswer(content=content, usage=usage), request, digest).body


def _prepared(answer: JsonObject) -> tuple[JsonObject, ...]:
    return tuple(answer.get("content") or ({"type": "text", "text": str(answer.get("text", ""))},))


def _content(request: JsonObject, digest: str) -> tuple[JsonObject, ...]:
    thinks = (request.get("thinking") or {}).get("type") in {"enabled", "adaptive"}
    thinking: list[JsonObject] = [{"type": "thinking", "thinking": f"Considering {digest}."}] if thinks else []
    tool = _tool(request)
    if tool is None:
        return (*thinking, {"type": "text", "text": f"Answer {digest} to {len(prompt_text(request))} characters."})
    call = {"type": "tool_use", "name": tool["name"], "input": _sample(tool.get("input_schema") or {})}
    return (*thinking, call)


def _tool(request: JsonObject) -> JsonObject | None:
    """Return the tool to call; None when none is offered, none wanted, or one was called already."""
    tools = [tool for tool in request.get("tools") or () if "input_schema" in tool]
    choice = request.get("tool_choice") or {}
    if not tools or choice.get("type") == "none":
        return None
    if choice.get("type") == "tool":
        return next((tool for tool in tools if tool["name"] == choice.get("name")), None)
    last = (request.get("messages") or [{}])[-1].get("content")
    is_told = isinstance(last, list) and any(block.get("type") == "tool_result" for block in last)
    return None if is_told and choice.get("type") != "any" else tools[0]


def _sample(schema: JsonObject) -> Any:  # noqa: ANN401  whatever the schema asks for
    """Return a value that fits the common part of JSON Schema."""
    if "const" in schema or schema.get("enum"):
        return schema.get("const", (schema.get("enum") or [None])[0])
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _sample(schema[key][0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        names = schema.get("required") or list(schema.get("properties") or {})
        return {name: _sample((schema.get("properties") or {}).get(name, {})) for name in names}
    if kind == "array":
        return [_sample(schema.get("items") or {})] * int(schema.get("minItems", 0))
    return schema.get("minimum", SAMPLES[kind]) if kind in SAMPLES else "sample"


def _usage(request: JsonObject) -> JsonObject | None:
    if "cache_control" not in json.dumps(request):
        return None
    whole = estimate_input_tokens(request)
    part = whole // (2 * CACHED_SHARE)
    return {"input_tokens": whole - 2 * part, "cache_read_input_tokens": part, "cache_creation_input_tokens": part}
