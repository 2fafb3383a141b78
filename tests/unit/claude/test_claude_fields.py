"""Fields the API does not know are refused; those it knows are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest
from langchain_anthropic import ChatAnthropic, convert_to_anthropic_tool
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from e2i_eval.claude.fields import rejected_fields
from e2i_eval.core.case import Case, ScriptedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude import ClaudeWire

NOW = "2026-10-21"
BEFORE = "2023-06-01"
CACHE = {"type": "ephemeral", "ttl": "1h"}

FULL: dict[str, Any] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 9,
    "stream": True,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": CACHE}],
    "messages": [
        {"role": "user", "content": "plain"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "block", "cache_control": None},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QQ=="}},
                {"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}, "title": "a"},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "so", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"anything": {"goes": 1}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "plain", "is_error": False},
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "x"}]},
            ],
        },
    ],
    "tools": [
        {
            "name": "f",
            "description": "d",
            "input_schema": {"type": "object", "properties": {"type": {"odd": True}}, "$defs": {}, "title": "T"},
            "cache_control": CACHE,
            "strict": True,
        },
        {"type": "custom", "name": "g", "input_schema": {"type": "object"}},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3, "allowed_domains": ["a.example"]},
    ],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["END"],
    "service_tier": "auto",
    "container": "container_1",
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object", "x": 1}}},
}


def judged(body: dict[str, Any], *, is_beta: bool = False, version: str = NOW) -> list[str]:
    """The refused fields of a messages request."""
    return rejected_fields(body, kind="messages", is_beta=is_beta, version=version)


@pytest.mark.parametrize("is_beta", [False, True])
def test_what_the_api_knows_passes(*, is_beta: bool) -> None:
    """Every common field at once."""
    assert judged(FULL, is_beta=is_beta) == []


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("colour", {"colour": 1}),
        ("betas", {"betas": ["x"]}),
        ("mcp_servers", {"mcp_servers": []}),
        ("metadata.team", {"metadata": {"user_id": "u", "team": "t"}}),
        ("thinking.budget_tokens", {"thinking": {"type": "adaptive", "budget_tokens": 9}}),
        ("messages.0.name", {"messages": [{"role": "user", "content": "x", "name": "y"}]}),
        ("messages.0.content.0.colour", {"messages": [{"role": "user", "content": [{"type": "text", "colour": 1}]}]}),
        (
            "system.0.cache_control.kind",
            {"system": [{"type": "text", "text": "", "cache_control": {**CACHE, "kind": 1}}]},
        ),
        ("tools.0.parameters", {"tools": [{"name": "f", "parameters": {}}]}),
        ("tool_choice.disable", {"tool_choice": {"type": "auto", "disable": True}}),
    ],
)
def test_what_it_does_not_know_is_named(path: str, change: dict[str, Any]) -> None:
    """With the path to it."""
    assert judged({**FULL, **change}) == [path]


def test_sampling_fields_depend_on_the_version() -> None:
    """They are refused whatever their value from the version on that dropped them."""
    body = {**FULL, "temperature": 1.0, "top_p": 1.0, "top_k": 5}

    assert judged(body) == ["temperature", "top_p", "top_k"]
    assert judged(body, version=BEFORE) == []


def test_beta_requests_know_more() -> None:
    """Fields of beta features pass only with the beta."""
    body = {**FULL, "mcp_servers": [{"type": "url", "url": "https://x.example", "name": "n"}]}

    assert judged(body) == ["mcp_servers"]
    assert judged(body, is_beta=True) == []


@pytest.mark.parametrize("name", ["betas", "workspace_id"])
def test_what_belongs_in_a_header_is_refused_in_a_body(name: str) -> None:
    """Although the SDK's types list it with the fields."""
    assert judged({**FULL, name: "x"}, is_beta=True) == [name]


def test_what_is_newer_than_the_sdk_is_not_judged() -> None:
    """A tool or block of an unknown kind may be right."""
    body = {**FULL, "tools": [{"type": "teleport_20301231", "name": "t", "where": "x"}]}

    assert judged(body) == []


def test_counting_has_fields_of_its_own() -> None:
    """`max_tokens` belongs to messages alone."""
    body = {"model": "m", "messages": [], "max_tokens": 3}

    assert rejected_fields(body, kind="count_tokens", is_beta=False, version=NOW) == ["max_tokens"]


def test_the_mock_answers_as_the_api_and_notes_it(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """A temperature is a 400, once, and a finding even if the agent swallows it."""
    with (
        wire.capture(make_case("unused")) as capture,
        anthropic.Anthropic() as claude,
        pytest.raises(anthropic.BadRequestError, match="temperature: Extra inputs are not permitted"),
    ):
        claude.messages.create(**request_body, extra_body={"temperature": 0})

    assert [note.kind for note in capture.notes] == ["unknown_field", "leftover"]
    assert "temperature" in capture.notes[0].message
    assert capture.exchanges[0].status == 400


def test_langchains_temperature_is_refused(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """It reaches the wire although the SDK has no such parameter."""
    model = ChatAnthropic(model_name="claude-opus-4-8", timeout=None, stop=None, temperature=0)
    with wire.capture(make_case("unused")) as capture, pytest.raises(anthropic.BadRequestError, match="temperature"):
        model.invoke("x")

    assert capture.notes[0].kind == "unknown_field"


def test_an_older_version_header_allows_it(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """A team that stays on the old version is not told off."""
    with wire.capture(make_case("fine")) as capture, anthropic.Anthropic() as claude:
        claude.messages.create(
            **request_body, extra_body={"temperature": 0}, extra_headers={"anthropic-version": BEFORE}
        )

    assert capture.notes == ()


class Verdict(BaseModel):
    """A structured answer."""

    score: float
    reasons: list[str]


@tool
def lookup(order: int, note: str | None = None) -> str:
    """Look an order up."""
    return f"{order}{note}"


HISTORY = [
    SystemMessage([{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]),
    HumanMessage(
        [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}]
    ),
    AIMessage(
        [{"type": "thinking", "thinking": "so", "signature": "s"}, {"type": "text", "text": "ok"}],
        tool_calls=[{"name": "lookup", "args": {"order": 7}, "id": "toolu_1"}],
    ),
    ToolMessage("7", tool_call_id="toolu_1", status="error"),
]
SCORE = ScriptedAnswer(content=({"type": "tool_use", "name": "Verdict", "input": {"score": 1.0, "reasons": []}},))
SCORE_TEXT = ScriptedAnswer(content=({"type": "text", "text": '{"score": 1.0, "reasons": []}'},))


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda m: m.invoke(HISTORY), SCORE_TEXT),
        (lambda m: m.bind_tools([lookup], tool_choice="any", parallel_tool_calls=False).invoke(HISTORY), SCORE_TEXT),
        (lambda m: m.bind_tools([lookup], strict=True, cache_control={"type": "ephemeral"}).invoke("x"), SCORE_TEXT),
        (lambda m: m.with_structured_output(Verdict).invoke("x"), SCORE),
        (lambda m: m.with_structured_output(Verdict, method="json_schema").invoke("x"), SCORE_TEXT),
        (lambda m: m.bind_tools([{"type": "web_search_20250305", "name": "web_search"}]).invoke("x"), SCORE_TEXT),
        (lambda m: m.bind_tools([{**convert_to_anthropic_tool(lookup), "defer_loading": True}])
            .invoke("x"), SCORE_TEXT),
        (lambda m: m.bind(stop=["END"], service_tier="auto").invoke("x"), SCORE_TEXT),
        (lambda m: m.bind(thinking={"type": "adaptive"}, effort="high").invoke("x"), SCORE_TEXT),
        (lambda m: m.bind(betas=["context-management-2025-06-27"], context_management={"edits": []})
            .invoke("x"), SCORE_TEXT),
        (lambda m: m.bind(betas=["mcp-client-2025-04-04"], mcp_servers=[
            {"type": "url", "url": "https://x.example", "name": "n"}]).invoke("x"), SCORE_TEXT),
        (lambda m: list(m.stream("x")), SCORE_TEXT),
    ],
)  # fmt: skip
def test_no_false_alarm_on_langchain(
    wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[[ChatAnthropic], object], answer: ScriptedAnswer
) -> None:
    """Whatever ChatAnthropic really sends is known."""
    with wire.capture(make_case(answer)) as capture:
        ask(ChatAnthropic(model_name="claude-opus-4-8", timeout=None, stop=None))

    assert capture.notes == ()
    assert capture.exchanges[0].status == 200
