"""Asking: one request of the harness's own to Claude, for its judges.

It goes over the wire like any other, so it is mocked, replayed, recorded, paid from the same budget; and past the SDK's
``messages.create``, which a target's logging may have wrapped: a judge's question is nobody's trace.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Asking"]

PATH = "/v1/messages"
TIMEOUT_S = 120.0
MAX_RETRIES = 2
VERSION_HEADER = "anthropic-version"


class Asking:
    """Sends requests with a client of its own, made when the first one is asked."""

    def __init__(self) -> None:
        self._client: Any = None

    def __call__(self, body: JsonObject) -> JsonObject:
        """Return the message that answers ``body``.

        Sampling fields are left out where this version of the API refuses them.

        Raises:
            anthropic.AnthropicError: Claude could not be asked, or refused.
        """
        # Deferred: loads anthropic.
        fields = importlib.import_module("e2i_eval.claude.fields")
        client = self._made()
        version = str(client.default_headers.get(VERSION_HEADER, ""))
        kept = fields.without_sampling(body, version=version)
        message: JsonObject = client.post(PATH, cast_to=object, body=kept)
        return message

    def close(self) -> None:
        """Close the client; may be called twice."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _made(self) -> Any:  # noqa: ANN401  the SDK is not imported here
        if self._client is None:
            sdk: Any = importlib.import_module("anthropic")  # deferred: seconds of CPU
            self._client = sdk.Anthropic(timeout=TIMEOUT_S, max_retries=MAX_RETRIES)
        return self._client
