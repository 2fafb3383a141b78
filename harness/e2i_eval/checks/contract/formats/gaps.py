"""What each form of span cannot record, as data: a demand for it can only be met by other logging."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.checks.contract.model_call import Form

__all__ = ["GAPS"]

GAPS: Mapping[Form, Mapping[str, str]] = {
    "anthropic": {
        "node": "raw SDK calls know no node; it is taken from the enclosing span where there is one",
    },
    "autolog": {
        "stop_reason": "finish_reason is always null for plain messages",
        "thinking": "kept only where the messages are dumped whole",
        "cache_write_tokens": "langchain-anthropic states 0 when the API itemises cache writes by lifetime",
    },
    "langchain": {
        "thinking": "kept only where the messages are dumped whole",
    },
    "openai": {
        "thinking": "chat dictionaries have no place for it",
    },
    "text": {
        "stop_reason": "not searched for in texts",
        "thinking": "not searched for in texts",
        "tools": "not searched for in texts",
    },
}
"""By form: the field group and why the form is silent about it."""
