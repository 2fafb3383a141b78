"""An answer: what Claude said, or how the call failed, rebuilt from what a span records of it."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.contract.formats import read_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.model_call import ContentPart, ModelCall
    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.trace import Span, TokenTotals

__all__ = ["Failure", "HarvestedMessage", "rebuilt_answer"]

HTTP_ERROR = re.compile(r"Error code: (?P<status>[45]\d\d)(?: - (?P<body>\{.*\}))?", re.DOTALL)
"""How the SDK words an HTTP error: its status, and the body as Python writes it."""

STATUS_KEYS = ("e2i.http_status", "http.response.status_code", "http.status_code")
RETRY_KEYS = ("e2i.retries", "gen_ai.request.retries", "retries")
"""Attributes in which loggers record the HTTP exchange."""

TRANSPORT = {
    "APITimeoutError": "ReadTimeout",
    "AnthropicTimeoutError": "ReadTimeout",
    "APIConnectionError": "ConnectError",
    "AnthropicConnectionError": "ConnectError",
}
"""The SDK's errors without an HTTP status, and what the transport raises to get each."""

WIRE_ERRORS = frozenset({"RemoteProtocolError", "ReadError", "ReadTimeout", "ConnectError", "ConnectTimeout"})
"""Errors of the transport that reach the caller as they are: nothing is wrapped once a stream has begun."""

SDK_RETRIES = 2
RETRIED = frozenset({408, 409, 429})
FIRST_SERVER_ERROR = 500

USAGE = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation")
"""Of a usage object, what a script may state."""

BLOCK_KEYS = {
    "text": ("type", "text", "citations"),
    "thinking": ("type", "thinking", "signature"),
    "redacted_thinking": ("type", "data"),
    "tool_use": ("type", "id", "name", "input"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HarvestedMessage:
    """What Claude said.

    Attributes:
        content: blocks in the API's form.
        stop_reason: None where no span records it.
        usage: the API's usage fields; None where no span records them.
        missing: what could not be rebuilt, for a person.
    """

    content: tuple[JsonObject, ...] = ()
    stop_reason: str | None = None
    usage: JsonObject | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a call failed.

    Attributes:
        status: HTTP status; None when no response began, or a stream broke off.
        kind: the API's error type, or the transport's error class.
        message: the error's text.
        attempts: HTTP requests that failed like this, retries included.
        request_id: the API's id of the last of them; None where no span records it.
        missing: what is assumed because no span records it, for a person.
    """

    status: int | None
    kind: str
    message: str
    attempts: int = 1
    request_id: str | None = None
    missing: tuple[str, ...] = ()


def rebuilt_answer(span: Span) -> HarvestedMessage | Failure | None:
    """Return what a model span records of the answer; None when it records neither an answer nor an error."""
    call = read_call(span)
    if span.status == "ERROR":
        return _failure(span)
    blocks = _blocks(span.outputs)
    content = blocks if blocks is not None else _from_parts(call)
    if content is None:
        return None
    unknown = sorted({str(block.get("type")) for block in content} - set(BLOCK_KEYS))
    return HarvestedMessage(
        content=tuple(_known(block) for block in content if block.get("type") in BLOCK_KEYS),
        stop_reason=call.stop_reason,
        usage=_usage(span, call),
        missing=tuple(f"a block {kind!r} of the answer is left out" for kind in unknown),
    )


def _blocks(outputs: JsonValue) -> list[JsonObject] | None:
    """Return the content of an answer in the API's form; None when it is in another."""
    if not isinstance(outputs, dict) or outputs.get("type") != "message":
        return None
    content = outputs.get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else None


def _from_parts(call: ModelCall) -> list[JsonObject] | None:
    return None if call.reply is None else [_from_part(part) for part in call.reply]


def _from_part(part: ContentPart) -> JsonObject:
    if part.kind == "tool_use":
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": json.loads(part.text or "{}")}
    if part.kind == "thinking":
        return {"type": "thinking", "thinking": part.text}
    return {"type": part.kind, "text": part.text}


def _known(block: JsonObject) -> JsonObject:
    return {name: block[name] for name in BLOCK_KEYS[block["type"]] if block.get(name) is not None}


def _usage(span: Span, call: ModelCall) -> JsonObject | None:
    outputs = span.outputs if isinstance(span.outputs, dict) else {}
    usage = outputs.get("usage")
    if isinstance(usage, dict) and isinstance(usage.get("input_tokens"), int):
        return {name: usage[name] for name in USAGE if usage.get(name) is not None}
    totals = span.tokens or next((usage for _, usage in call.usages), None)
    return None if totals is None else _of_totals(totals)


def _of_totals(totals: TokenTotals) -> JsonObject | None:
    """Return the API's fields for counts in which the input includes what was read from and written to the cache."""
    if totals.input_tokens is None or totals.output_tokens is None:
        return None
    read, written = totals.cache_read_tokens or 0, totals.cache_write_tokens or 0
    uncached = totals.input_tokens - read - written
    usage: dict[str, Any] = {"input_tokens": uncached if uncached >= 0 else totals.input_tokens}
    usage |= {"cache_read_input_tokens": read} if read else {}
    usage |= {"cache_creation_input_tokens": written} if written else {}
    return {**usage, "output_tokens": totals.output_tokens}


def _failure(span: Span) -> Failure:
    exception = next((event.attributes for event in span.events if event.name == "exception"), {})
    name = str(exception.get("exception.type") or "").rpartition(".")[2]
    message = str(exception.get("exception.message") or span.status_message)
    found = HTTP_ERROR.search(message)
    stated = next((int(value) for value in _told(span, STATUS_KEYS)), None)
    status = int(found["status"]) if found else stated
    retries = next((int(value) for value in _told(span, RETRY_KEYS)), None)
    if status is None:
        return _broken(name, message, retries)
    body = _body(found["body"] if found else None)
    error = body["error"] if isinstance(body.get("error"), dict) else {}
    assumed, missing = _assumed(retries, is_retried=status in RETRIED or status >= FIRST_SERVER_ERROR)
    return Failure(
        status=status,
        kind=str(error.get("type") or ""),
        message=str(error.get("message") or ""),
        attempts=assumed + 1,
        request_id=str(body["request_id"]) if body.get("request_id") else None,
        missing=missing,
    )


def _broken(name: str, message: str, retries: int | None) -> Failure:
    """Return a failure without an HTTP status: no connection, or one that broke."""
    kind = TRANSPORT.get(name) or (name if name in WIRE_ERRORS else "")
    if not kind:
        unclear = f"the call ended in {name or 'an error'}, which is not known to be Claude's"
        return Failure(status=None, kind="", message=message, missing=(unclear,))
    assumed, missing = _assumed(retries, is_retried=name in TRANSPORT)
    return Failure(status=None, kind=kind, message=message, attempts=assumed + 1, missing=missing)


def _assumed(retries: int | None, *, is_retried: bool) -> tuple[int, tuple[str, ...]]:
    if retries is not None:
        return retries, ()
    if not is_retried:
        return 0, ()
    return SDK_RETRIES, (f"no span records how often the call was tried again: {SDK_RETRIES} times is assumed",)


def _body(text: str | None) -> JsonObject:
    """Return the body of an HTTP error from the text of the SDK's error; empty when it is cut."""
    try:
        body: Any = ast.literal_eval(text) if text else {}
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _told(span: Span, keys: tuple[str, ...]) -> Iterator[JsonValue]:
    yield from (span.attributes[key] for key in keys if str(span.attributes.get(key, "")).isdecimal())
