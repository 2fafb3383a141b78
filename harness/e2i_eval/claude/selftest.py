"""The self-test: one scripted request of each kind of client proves that the transport patch holds.

Importing this module loads the SDK and its HTTP libraries.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import anthropic

from e2i_eval.claude.capture import Capture
from e2i_eval.core.case import Case, ScriptedAnswer

if TYPE_CHECKING:
    from e2i_eval.claude.open_captures import OpenCaptures
    from e2i_eval.core.clock import Clock

__all__ = ["complaints"]

ANSWER = "e2i-eval self-test"
NOWHERE = "http://127.0.0.1:9"
"""The discard port: without the transport patch, the request fails at once and never leaves the machine."""

REQUEST: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "max_tokens": 8,
    "messages": [{"role": "user", "content": "Are you scripted?"}],
}


def complaints(open_captures: OpenCaptures, clock: Clock) -> list[str]:
    """Return what does not work; nothing when the transport patch holds."""
    answers = (ScriptedAnswer(content=({"type": "text", "text": ANSWER},), times=2),)
    case = Case(id="e2i-eval/self-test", target="e2i-eval", inputs={}, script=answers)
    found: list[str] = []
    with open_captures.playing(Capture(case=case, is_scripted=True, clock=clock)) as capture:
        # Threads of its own: the caller may be inside an event loop, where another one cannot run.
        for ask in (_ask, _ask_async):
            thread = threading.Thread(target=_note_failure, args=(ask, found))
            thread.start()
            thread.join()
    return [*found, *(note.message for note in capture.notes if not found)]


def _note_failure(ask: Any, found: list[str]) -> None:  # noqa: ANN401 - either of the two below
    try:
        heard = ask()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is the finding
        found.append(f"{ask.__name__.strip('_')}: {type(error).__name__}: {error}")
        return
    if heard != ANSWER:
        found.append(f"{ask.__name__.strip('_')}: heard {heard!r}")


def _ask() -> str:
    http_client = anthropic.DefaultHttpxClient(trust_env=False)  # a user's proxy is none of the test's business
    with anthropic.Anthropic(api_key="none", base_url=NOWHERE, max_retries=0, http_client=http_client) as client:
        return _text(client.messages.create(**REQUEST))


def _ask_async() -> str:
    async def ask() -> str:
        http_client = anthropic.DefaultAsyncHttpxClient(trust_env=False)
        client = anthropic.AsyncAnthropic(api_key="none", base_url=NOWHERE, max_retries=0, http_client=http_client)
        async with client:
            return _text(await client.messages.create(**REQUEST))

    return asyncio.run(ask())


def _text(message: Any) -> str:  # noqa: ANN401 - the SDK's message
    return str(message.content[0].text)
