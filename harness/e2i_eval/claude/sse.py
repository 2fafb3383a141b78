"""Server-sent events: a message cut into the API's events, and put together again."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.prompt import compact_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.core.json_value import JsonObject

__all__ = ["Accumulator", "decode_events", "encode_event", "message_events"]

MIN_PIECE_CHARS = 8
MAX_PIECES = 8
"""A text is cut into at most this many deltas: enough to be a stream, few enough to cost nothing."""

PARTIAL_JSON_TYPES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
FINAL_USAGE_KEYS = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "output_tokens_details",
    "server_tool_use",
)
START_ONLY_DELTA_KEYS = ("stop_details", "container")


def message_events(message: JsonObject) -> Iterator[dict[str, Any]]:
    """Yield the events of ``message`` in the order the API sends them."""
    yield {"type": "message_start", "message": _opening(message)}
    for index, block in enumerate(message["content"]):
        deltas = _deltas(block)
        yield {"type": "content_block_start", "index": index, "content_block": _opening_block(block)}
        yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield _closing(message)
    yield {"type": "message_stop"}


def encode_event(event: JsonObject) -> bytes:
    """Return an event as it goes over the wire."""
    return f"event: {event['type']}\ndata: {compact_json(event)}\n\n".encode("utf-8", "replace")


def decode_events(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the events of ``body``; what a broken connection left incomplete is skipped."""
    data: list[str] = []
    for raw_line in body.splitlines():  # of bytes: text has line ends that are none to the protocol
        line = raw_line.decode("utf-8", "replace")
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            with suppress(json.JSONDecodeError):
                yield json.loads("\n".join(data))
            data = []


class Accumulator:
    """Puts events together into one message of the form a request without streaming gets.

    Attributes:
        message: what has arrived; None before ``message_start``.
        error: the ``error`` object of an error event; None where none came.
        complete: ``message_stop`` has arrived.
    """

    def __init__(self, events: Iterable[JsonObject] = ()) -> None:
        self.message: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.complete = False
        self._blocks: dict[int, dict[str, Any]] = {}
        self._partial_json: dict[int, str] = {}
        for event in events:
            self.add(event)

    def add(self, event: JsonObject) -> None:
        """Take in one event; kinds this version does not know change nothing."""
        kind = event.get("type")
        if kind == "message_start":
            self.message = {**event["message"], "content": list(event["message"].get("content") or ())}
        elif kind == "error":
            self.error = dict(event.get("error") or {})
        elif kind == "message_stop":
            self.complete = True
        elif self.message is not None:
            self._add_part(kind, event)

    def _add_part(self, kind: object, event: JsonObject) -> None:
        if kind == "content_block_start":
            self._open_block(event["index"], dict(event["content_block"]))
        elif kind == "content_block_delta":
            self._extend_block(event["index"], event["delta"])
        elif kind == "message_delta":
            self._close_message(event)

    def _open_block(self, index: int, block: dict[str, Any]) -> None:
        self._blocks[index] = block
        if self.message is not None:
            self.message["content"] = [self._blocks[number] for number in sorted(self._blocks)]

    def _extend_block(self, index: int, delta: JsonObject) -> None:
        block = self._blocks.setdefault(index, {})
        kind = delta.get("type")
        if kind == "text_delta":
            block["text"] = block.get("text", "") + delta["text"]
        elif kind == "thinking_delta":
            block["thinking"] = block.get("thinking", "") + delta["thinking"]
        elif kind == "signature_delta":
            block["signature"] = delta["signature"]
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        elif kind == "input_json_delta":
            self._extend_input(index, block, delta["partial_json"])

    def _extend_input(self, index: int, block: dict[str, Any], piece: str) -> None:
        whole = self._partial_json[index] = self._partial_json.get(index, "") + piece
        # Input is JSON only once it is whole; until then the block keeps the empty input it opened with.
        with suppress(json.JSONDecodeError):
            block["input"] = json.loads(whole)

    def _close_message(self, event: JsonObject) -> None:
        message = self.message or {}
        message.update(event.get("delta") or {})
        final = {key: value for key, value in (event.get("usage") or {}).items() if value is not None}
        message["usage"] = {**(message.get("usage") or {}), **final}


def _opening(message: JsonObject) -> dict[str, Any]:
    usage = {**message["usage"], "output_tokens": 1}
    return {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}


def _closing(message: JsonObject) -> dict[str, Any]:
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    delta |= {key: message[key] for key in START_ONLY_DELTA_KEYS if key in message}
    usage = {key: message["usage"][key] for key in FINAL_USAGE_KEYS if key in message["usage"]}
    return {"type": "message_delta", "delta": delta, "usage": usage}


def _opening_block(block: JsonObject) -> dict[str, Any]:
    kind = block.get("type")
    if kind == "text":
        return {**block, "text": ""} | ({"citations": []} if block.get("citations") else {})
    if kind == "thinking":
        return {**block, "thinking": "", "signature": ""}
    if kind in PARTIAL_JSON_TYPES:
        return {**block, "input": {}}
    return dict(block)  # redacted thinking and results of server tools come whole


def _deltas(block: JsonObject) -> list[dict[str, Any]]:
    kind = block.get("type")
    if kind == "text":
        citations = [{"type": "citations_delta", "citation": item} for item in block.get("citations") or ()]
        return [*({"type": "text_delta", "text": piece} for piece in _pieces(block["text"])), *citations]
    if kind == "thinking":
        pieces = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"])]
        return [*pieces, {"type": "signature_delta", "signature": block["signature"]}]
    if kind in PARTIAL_JSON_TYPES:
        # With blanks, as Claude writes it: LangChain keeps the raw text.
        parts = ["", *_pieces(json.dumps(block["input"], ensure_ascii=False))]
        return [{"type": "input_json_delta", "partial_json": part} for part in parts]
    return []


def _pieces(text: str) -> list[str]:
    size = max(MIN_PIECE_CHARS, math.ceil(len(text) / MAX_PIECES))
    return [text[start : start + size] for start in range(0, len(text), size)]
