"""The estimate of tokens is fixed, and what is stated wins over it."""

from __future__ import annotations

from typing import Any

import pytest

from e2i_eval.claude.tokens import estimate_input_tokens, stated_usage, wire_usage


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-4-6", 4 + 200),
        ("claude-opus-4-7", 4 + 260),
        ("claude-3-5-sonnet-20241022", 4 + 200),
        ("claude-opus-4-20250514", 4 + 200),
        ("claude-haiku-4-5-20251001", 4 + 200),
        ("claude-sonnet-5", 4 + 260),
        ("claude-fable-5-2", 4 + 260),
        ("claude-mythos-preview", 4 + 260),
    ],
)
def test_models_cut_text_differently(model: str, tokens: int) -> None:
    """3.5 bytes a token up to 4.6, 2.7 from 4.7 on."""
    request = {"model": model, "messages": [{"role": "user", "content": "x" * 700}]}

    assert estimate_input_tokens(request) == tokens


def test_all_text_counts_and_media_do_not() -> None:
    """System, tool calls and results, documents in plain text, tools; in bytes of UTF-8."""
    content: list[dict[str, Any]] = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "ää"}]},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "Q" * 4000}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    ]
    request = {
        "model": "claude-opus-4-6",
        "system": "s",
        "messages": [{"role": "user", "content": content}],
        "tools": [{}],
    }

    # s, ää (4 bytes), plain, f and {"a":1}, four line ends, and [{}] of the tools.
    assert estimate_input_tokens(request) == 4 + -(-(1 + 4 + 5 + 1 + 7 + 4 + 4) * 2 // 7)


@pytest.mark.parametrize(
    ("scripted", "usage", "estimated"),
    [
        ({"input_tokens": 1, "output_tokens": 2}, (1, 2, 0, 0, 0), False),
        ({"input_tokens": 1}, (1, 5, 0, 0, 0), True),
        (None, (5, 5, 0, 0, 0), True),
        ({"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 9}, (1, 2, 0, 9, 0), False),
        (
            {"input_tokens": 1, "output_tokens": 2, "cache_creation": {"ephemeral_1h_input_tokens": 9}},
            (1, 2, 0, 0, 9),
            False,
        ),
        ({"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 9}, (1, 2, 9, 0, 0), False),
    ],
)
def test_what_is_stated_wins(scripted: dict[str, Any] | None, usage: tuple[int, ...], *, estimated: bool) -> None:
    """The rest is estimated, and a sum of cache writes is made to agree with its parts."""
    request = {"model": "claude-opus-4-6", "messages": [{"role": "user", "content": "x"}]}
    body, is_estimated = wire_usage(scripted, request, [{"type": "text", "text": "y"}])
    read = stated_usage({"type": "message", "usage": body})

    assert is_estimated is estimated
    assert read is not None
    assert usage == (
        read.input_tokens,
        read.output_tokens,
        read.cache_read_tokens,
        read.cache_write_5m_tokens,
        read.cache_write_1h_tokens,
    )
    assert body["cache_creation_input_tokens"] == usage[3] + usage[4]


def test_errors_state_no_usage() -> None:
    """None is not zero."""
    assert stated_usage({"type": "error", "error": {}}) is None
