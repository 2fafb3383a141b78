"""A request that nothing answers says who asked, what was left, and what comes nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from e2i_eval.core.case import Case, ScriptedAnswer, ScriptedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2i_eval.claude import ClaudeWire


def test_a_miss_arrives_unchanged_after_one_attempt(
    wire: ClaudeWire, make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    """Neither the SDK nor LangChain wraps or retries it."""
    with wire.capture(make_case()) as capture, pytest.raises(LookupError, match="no scripted answer fits") as caught:
        ask()

    assert isinstance(caught.value, anthropic.AnthropicError)
    assert type(caught.value).__name__ == "ScriptMissError"
    assert len(capture.exchanges) == 1
    assert [note.kind for note in capture.notes] == ["miss"]
    assert capture.notes[0].message == str(caught.value)


def test_a_miss_is_remembered_when_the_agent_swallows_it(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """The exchange has an error, and the note stays."""
    with wire.capture(make_case()) as capture, anthropic.Anthropic() as claude:
        try:
            claude.messages.create(**request_body)
        except anthropic.AnthropicError:
            answer = "I do not know."

    assert answer == "I do not know."
    assert [note.kind for note in capture.notes] == ["miss"]
    assert capture.exchanges[0].error is not None
    assert capture.exchanges[0].error.type == "ScriptMissError"


def test_the_nearest_contains_is_shown_as_a_diff(
    wire: ClaudeWire, request_body: dict[str, Any], tmp_path: Path
) -> None:
    """A changed prompt is seen at a glance, with the line of the entry that waits for it."""
    script = (
        ScriptedAnswer(contains="Where is my return?", content=({"type": "text", "text": "here"},), line=9),
        ScriptedAnswer(contains="Cancel it", content=({"type": "tool_use", "name": "cancel"},), line=12),
    )
    case = Case(
        id="support/refund",
        target="support",
        inputs={},
        script=script,
        path=tmp_path / "refund.yaml",
        lines={"claude": 4},
    )
    with wire.capture(case) as capture, anthropic.Anthropic() as claude, pytest.raises(LookupError) as caught:
        claude.messages.create(**request_body)

    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'refund.yaml'}:4: no scripted answer fits call 1 (code outside any node) of claude-opus-4-8",
        "  unused answers:",
        "    - line 9 (any node, contains 'Where is my return?'): 'here'",
        "    - line 12 (any node, contains 'Cancel it'): 'cancel()'",
        "    --- contains of line 9",
        "    +++ nearest in the prompt",
        "    @@ -1 +1 @@",
        "    -Where is my return?",
        "    +Where is my refund?",
        "  fix: add an entry to `claude:`, e.g. {text: ...}",
    ]
    assert capture.notes[0].line == 9


def test_one_call_too_many_is_compared_with_the_last(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """The diff shows what the agent asked in addition."""
    again = {**request_body, "system": "Be brief.\nBe kind."}
    with wire.capture(make_case("a")), anthropic.Anthropic() as claude:
        claude.messages.create(**{**request_body, "system": "Be brief."})
        with pytest.raises(LookupError) as caught:
            claude.messages.create(**again)

    lines = str(caught.value).splitlines()
    assert "  unused answers: none" in lines
    assert "    +Be kind." in lines


def test_a_retry_without_an_answer_says_so(
    wire: ClaudeWire, make_case: Callable[..., Case], request_body: dict[str, Any]
) -> None:
    """An error that is to be final must be repeated for each attempt."""
    case = make_case(ScriptedAnswer(error=ScriptedError(status=529)))
    with wire.capture(case), anthropic.Anthropic() as claude, pytest.raises(LookupError, match="retry 1") as caught:
        claude.messages.create(**request_body)

    assert "give the failing entry `times`" in str(caught.value)


def test_leftovers_are_noted_at_the_end(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """Also when the target failed, and with the entry's line."""
    entry = ScriptedAnswer(node="plan", content=({"type": "text", "text": "do it"},), times=3, line=7)
    with pytest.raises(ZeroDivisionError), wire.capture(make_case(entry)) as capture:
        _ = 1 / 0

    (note,) = capture.notes
    assert (note.kind, note.line) == ("leftover", 7)
    assert note.message == ("support/refund: nobody asked for line 7 (node plan, used 0 of 3 times): 'do it'")


def test_other_endpoints_are_no_silent_success(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """Message batches are not played."""
    with (
        wire.capture(make_case()) as capture,
        anthropic.Anthropic() as claude,
        pytest.raises(LookupError, match="GET /v1/messages/batches is not mocked"),
    ):
        claude.messages.batches.list()

    assert [note.kind for note in capture.notes] == ["miss"]


def test_a_call_outside_any_case_is_refused(wire: ClaudeWire, request_body: dict[str, Any]) -> None:
    """The wire remembers it, as no case can."""
    with anthropic.Anthropic() as claude, pytest.raises(LookupError, match="while no case was running"):
        claude.messages.create(**request_body)

    assert [note.kind for note in wire.notes] == ["miss"]
