"""An answer: what the API's server would send for a scripted entry."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.tokens import wire_usage

if TYPE_CHECKING:
    from e2i_eval.core.case import ScriptedAnswer, ScriptedError
    from e2i_eval.core.json_value import JsonObject

__all__ = ["AnswerMessage", "derived_id", "error_body", "message_of"]

ID_LENGTH = 24

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
SERVER_ERROR_STATUS = 500

ID_PREFIXES = {"tool_use": "toolu", "server_tool_use": "srvtoolu", "mcp_tool_use": "mcptoolu"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerMessage:
    """The body of a successful answer; ``estimated`` means that its usage is not the script's."""

    body: dict[str, Any]
    estimated: bool


def message_of(answer: ScriptedAnswer, request: JsonObject, seed: str) -> AnswerMessage:
    """Return the message for ``answer``; ids it leaves out are derived from ``seed``."""
    content = [_complete_block(block, f"{seed}/{index}") for index, block in enumerate(answer.content)]
    usage, estimated = wire_usage(answer.usage, request, content)
    stop_reason = answer.stop_reason or _stop_reason(content)
    body = {
        "id": derived_id("msg", seed),
        "type": "message",
        "role": "assistant",
        "model": request.get("model", ""),
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": _stop_sequence(request) if stop_reason == "stop_sequence" else None,
        "usage": usage,
    }
    return AnswerMessage(body=body, estimated=estimated)


def error_body(error: ScriptedError, request_id: str) -> dict[str, Any]:
    """Return the body of an HTTP error in the API's form."""
    kind = error.type or _error_type(error.status)
    message = error.message or f"scripted {kind.replace('_', ' ')}"
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def derived_id(prefix: str, seed: str) -> str:
    """Return an id in the API's form that is the same in every run with the same ``seed``."""
    digest = hashlib.blake2b(f"{prefix}/{seed}".encode(), digest_size=ID_LENGTH // 2).hexdigest()
    return f"{prefix}_{digest}"


def _complete_block(block: JsonObject, seed: str) -> dict[str, Any]:
    whole = dict(block)
    kind = whole.get("type")
    if kind in ID_PREFIXES:
        if not whole.get("id"):
            whole["id"] = derived_id(ID_PREFIXES[kind], seed)
        whole.setdefault("input", {})
    elif kind == "thinking" and not whole.get("signature"):
        whole["signature"] = derived_id("sig", seed)
    return whole


def _stop_reason(content: list[dict[str, Any]]) -> str:
    return "tool_use" if any(block.get("type") == "tool_use" for block in content) else "end_turn"


def _stop_sequence(request: JsonObject) -> str | None:
    return next(iter(request.get("stop_sequences") or ()), None)


def _error_type(status: int) -> str:
    return ERROR_TYPES.get(status, "api_error" if status >= SERVER_ERROR_STATUS else "invalid_request_error")
