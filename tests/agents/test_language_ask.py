"""Asking Claude: every way an answer can go wrong has its status, and what a person must mend is raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest
from pydantic import BaseModel

from e2i.config import agent_config
from e2i.language import Reply, ask, chat_model

Script = Callable[..., list[dict[str, Any]]]


class Verdict(BaseModel):
    """An answer."""

    headline: str
    caveats: list[str] = []


def asked() -> Reply[Verdict]:
    """Ask Claude for a verdict."""
    return ask(chat_model(agent_config("causal_impact")), system="be brief", user="what happened?", answer=Verdict)


def called(**given: object) -> dict[str, Any]:
    """Return an entry in which Claude calls the tool with ``given``."""
    return {"tool_use": {"name": "Verdict", "input": given}}


def test_valid_answer_is_answered(claude: Script) -> None:
    """A tool call that validates is the answer, without a reason."""
    claude(called(headline="up", caveats=["noise"]))

    assert asked() == Reply(status="answered", answer=Verdict(headline="up", caveats=["noise"]))


def test_request_holds_what_was_asked_and_no_temperature(claude: Script) -> None:
    """One forced tool, system and user text as given, and no parameter that current models reject."""
    sent = claude(called(headline="up"))
    asked()

    assert sent[0]["system"] == "be brief"
    assert sent[0]["messages"] == [{"role": "user", "content": "what happened?"}]
    assert sent[0]["tool_choice"] == {"type": "tool", "name": "Verdict"}
    assert set(sent[0]) == {"model", "max_tokens", "system", "messages", "tools", "tool_choice"}


@pytest.mark.parametrize(
    ("entry", "status", "reason"),
    [
        pytest.param({"text": "no", "stop_reason": "refusal"}, "refused", "refused", id="refusal"),
        pytest.param({"stop_reason": "refusal"}, "refused", "refused", id="refusal-without-text"),
        pytest.param({**called(headline="u"), "stop_reason": "max_tokens"}, "truncated", "max_tokens", id="max-tokens"),
        pytest.param({**called(headline="u"), "stop_reason": "pause_turn"}, "truncated", "pause_turn", id="pause"),
        pytest.param(
            {**called(headline="u"), "stop_reason": "model_context_window_exceeded"},
            "truncated",
            "model_context_window_exceeded",
            id="context-window",
        ),
        pytest.param({**called(headline="u"), "stop_reason": None}, "truncated", "None", id="no-stop-reason"),
        pytest.param({"text": "up"}, "malformed", "did not call Verdict", id="text-only"),
        pytest.param({"tool_use": {"name": "Other", "input": {}}}, "malformed", "did not call", id="other-tool"),
        pytest.param(called(headline=7), "malformed", "headline", id="wrong-type"),
        pytest.param(called(), "malformed", "headline", id="missing-field"),
        pytest.param(called(headline="u", caveats=[1]), "malformed", "caveats.0", id="wrong-item"),
        pytest.param({"tool_use": {"name": "Verdict", "input": None}}, "malformed", "no message", id="null-input"),
        pytest.param({"raw": "<html>proxy</html>"}, "malformed", "no message", id="html-as-json"),
        pytest.param({"raw": "null"}, "malformed", "no message", id="null-body"),
        pytest.param({"raw": "{}"}, "malformed", "no message", id="empty-object"),
        pytest.param({"raw": "[1]"}, "malformed", "no message", id="list-body"),
        pytest.param({"error": {"status": 529}, "times": 3}, "unavailable", "529", id="overloaded"),
        pytest.param({"error": {"status": 500}, "times": 3}, "unavailable", "500", id="server-error"),
        pytest.param({"error": {"status": 429}, "times": 3}, "unavailable", "429", id="rate-limited"),
        pytest.param({"error": {"status": 408}, "times": 3}, "unavailable", "408", id="request-timeout"),
        pytest.param({"error": {"status": 409}, "times": 3}, "unavailable", "409", id="conflict"),
        pytest.param({"raises": httpx2.ConnectError("down"), "times": 3}, "unavailable", "reached", id="no-connection"),
        pytest.param({"raises": httpx2.ReadTimeout("slow"), "times": 3}, "unavailable", "reached", id="timeout"),
    ],
)
def test_what_goes_wrong_is_a_value(claude: Script, entry: dict[str, Any], status: str, reason: str) -> None:
    """Each way has its status, a reason for a person, and no answer."""
    claude(entry)
    reply = asked()

    assert reply.status == status
    assert reply.answer is None
    assert reason in reply.reason


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (413, anthropic.APIStatusError),
        (422, anthropic.UnprocessableEntityError),
    ],
)
def test_what_a_person_must_mend_is_raised(claude: Script, status: int, kind: type[Exception]) -> None:
    """A rejected request is raised after one attempt, with the API's message."""
    claude({"error": {"status": status, "message": "mend me"}})

    with pytest.raises(kind, match="mend me"):
        asked()


def test_too_long_a_prompt_is_raised(claude: Script) -> None:
    """A prompt beyond the window is a bad request, which no retry mends."""
    claude({"error": {"status": 400, "message": "prompt is too long: 300000 tokens > 200000 maximum"}})

    with pytest.raises(anthropic.BadRequestError, match="too long"):
        asked()


def test_a_retry_that_succeeds_is_answered(claude: Script) -> None:
    """The SDK's retries are invisible."""
    sent = claude({"error": {"status": 429, "retry_after": 1}}, {"error": {"status": 503}}, called(headline="up"))

    assert asked().status == "answered"
    assert sent[0] == sent[1] == sent[2]


def test_without_a_key_nobody_is_told_that_claude_answered_badly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing key is raised, not called malformed, where the SDK looks for it before sending."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")
    model = chat_model(agent_config("causal_impact"))

    def no_key(*_: object, **__: object) -> None:
        msg = '"Could not resolve authentication method. Expected one of api_key, auth_token"'
        raise TypeError(msg)

    monkeypatch.setattr("anthropic.Anthropic._validate_headers", no_key)
    with pytest.raises(TypeError, match="authentication"):
        ask(model, system="s", user="u", answer=Verdict)
