"""Tokens: what an answer states, and the estimate where a script states nothing."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.prompt import compact_json, content_text, prompt_text
from e2i_eval.core.exchange import Usage

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["estimate_input_tokens", "estimate_output_tokens", "stated_usage", "wire_usage"]

FIXED_TOKENS = 4
"""What a request or an answer costs beside its text."""

BYTES_PER_TOKEN_OLD = 3.5
BYTES_PER_TOKEN_NEW = 2.7
FIRST_NEW_TOKENIZER = (4, 7)
"""Models from this version on cut text into more tokens."""

MODEL_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?")


def estimate_input_tokens(request: JsonObject) -> int:
    """Estimate the input tokens of a request from the UTF-8 bytes of its prompt and its tools.

    It is deterministic and grows with the prompt, which is what a comparison needs; it is no tokenizer.
    Images and PDF files are not counted.
    """
    text = prompt_text(request)
    if tools := request.get("tools"):
        text += compact_json(tools)
    return _estimate(request.get("model"), text)


def estimate_output_tokens(model: JsonValue, content: JsonValue) -> int:
    """Estimate the output tokens of content blocks in the same way."""
    return _estimate(model, content_text(content))


def wire_usage(scripted: JsonObject | None, request: JsonObject, content: JsonValue) -> tuple[dict[str, Any], bool]:
    """Return the ``usage`` object of an answer, and whether any of it is estimated.

    What the script states wins. Cache writes without a breakdown count as five-minute writes.
    """
    stated = dict(scripted or {})
    estimated = not {"input_tokens", "output_tokens"} <= stated.keys()
    breakdown = _cache_creation(stated)
    usage: dict[str, Any] = {
        "input_tokens": estimate_input_tokens(request) if "input_tokens" not in stated else stated["input_tokens"],
        "cache_creation_input_tokens": sum(breakdown.values()),
        "cache_read_input_tokens": 0,
        "cache_creation": breakdown,
        "output_tokens": 0,
        "service_tier": "standard",
    }
    if "output_tokens" not in stated:
        stated["output_tokens"] = estimate_output_tokens(request.get("model"), content)
    return {**usage, **stated, "cache_creation": breakdown}, estimated


def stated_usage(response: JsonObject, *, estimated: bool = False) -> Usage | None:
    """Return the usage a message states; None where it states none."""
    usage = response.get("usage")
    if not usage or response.get("type") != "message":
        return None
    breakdown = _cache_creation(usage)
    return Usage(
        input_tokens=usage.get("input_tokens") or 0,
        output_tokens=usage.get("output_tokens") or 0,
        cache_read_tokens=usage.get("cache_read_input_tokens") or 0,
        cache_write_5m_tokens=breakdown["ephemeral_5m_input_tokens"],
        cache_write_1h_tokens=breakdown["ephemeral_1h_input_tokens"],
        estimated=estimated,
    )


def _cache_creation(usage: JsonObject) -> dict[str, int]:
    parts = usage.get("cache_creation") or {}
    hour = parts.get("ephemeral_1h_input_tokens") or 0
    total = usage.get("cache_creation_input_tokens") or 0
    minutes = parts.get("ephemeral_5m_input_tokens") or max(0, total - hour)
    return {"ephemeral_5m_input_tokens": minutes, "ephemeral_1h_input_tokens": hour}


def _estimate(model: JsonValue, text: str) -> int:
    return FIXED_TOKENS + math.ceil(len(text.encode("utf-8", "replace")) / _bytes_per_token(str(model or "")))


def _bytes_per_token(model: str) -> float:
    found = MODEL_VERSION.search(model)
    if found is None:  # a name without a version is a new one
        return BYTES_PER_TOKEN_NEW
    version = (int(found[1]), int(found[2] or 0))
    return BYTES_PER_TOKEN_NEW if version >= FIRST_NEW_TOKENIZER else BYTES_PER_TOKEN_OLD
