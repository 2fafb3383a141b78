"""Snapshots, messages, tokens, prices and paths: the pure parts of observation."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from e2i.mlops.agent_path import MISSING, at_path, number_at
from e2i.mlops.claude_message import answer_of, request_of
from e2i.mlops.prices import cost_of
from e2i.mlops.snapshot import MAX_VALUE_BYTES, encoded, snapshot
from e2i.mlops.tracking_client import RequestRejectedError
from e2i.mlops.usage import TokenUsage, usage_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Answer(BaseModel):
    """A structured answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """A value of an agent."""

    x: int


class Hostile:
    """An object that breaks whoever looks at it."""

    def __repr__(self) -> str:
        raise RuntimeError

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": Answer(text="x"), 1: (2, 3)}, {"a": {"text": "x"}, "1": [2, 3]}),
        (Point(1), {"x": 1}),
        ({"s": {1}}, {"s": [1]}),
        (np.float64(0.5), 0.5),
        (np.array([1, 2]), [1, 2]),
        (np.zeros((300, 2)), {"type": "ndarray", "shape": [300, 2]}),
        (pd.DataFrame({"a": [1]}), {"type": "DataFrame", "shape": [1, 1], "columns": ["a"]}),
        (Document("t", id="d"), {"id": "d", "page_content": "t", "metadata": {}}),
        (AIMessage("hi"), {"role": "ai", "content": "hi"}),
        (ValueError("no"), {"error": "ValueError", "message": "no"}),
        (b"xyz", {"type": "bytes", "bytes": 3}),
        (math.nan, None),
        (2**70, str(2**70)),
        ("\ud800", "?"),
        ({(1, 2): 3}, {"(1, 2)": 3}),
        (Hostile(), "<Hostile>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_snapshot_takes_anything(value: object, expected: object) -> None:
    """Whatever an agent keeps in its state becomes JSON, and nothing raises."""
    assert json.loads(encoded(value)) == expected


def test_a_cycle_ends() -> None:
    """A value that contains itself is cut off."""
    loop: list[Any] = [1]
    loop.append(loop)

    assert encoded(loop).startswith(b"[1,[1,")


def test_a_snapshot_does_not_follow_later_changes() -> None:
    """What is logged is what the value was."""
    value = [1]
    frozen = snapshot(value)
    value.append(2)

    assert bytes(encoded(frozen)) == b"[1]"


def test_a_data_set_is_cut_to_its_size_and_beginning() -> None:
    """A value that is too large for a trace says how large it was."""
    cut = json.loads(encoded(snapshot("x" * (MAX_VALUE_BYTES + 1))))

    assert (cut["truncated"], cut["bytes"]) == (True, MAX_VALUE_BYTES + 3)


def test_tool_results_become_one_user_turn() -> None:
    """Parallel tool results travel to Claude in one message, and are logged so."""
    calls = [{"id": "a", "name": "f", "args": {}}, {"id": "b", "name": "f", "args": {"x": 1}}]
    asked = {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "human", "content": "q"},
            {"role": "ai", "content": "", "tool_calls": calls},
            {"role": "tool", "content": "1", "tool_call_id": "a"},
            {"role": "tool", "content": "2", "tool_call_id": "b", "status": "error"},
        ],
        "params": {"model": "m", "temperature": None, "_type": "anthropic-chat", "model_kwargs": {"top_k": 3}},
    }

    assert request_of(asked, is_streamed=False) == {
        "system": "s",
        "messages": [
            {"role": "user", "content": "q"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "a", "name": "f", "input": {}},
                    {"type": "tool_use", "id": "b", "name": "f", "input": {"x": 1}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "1", "is_error": False},
                    {"type": "tool_result", "tool_use_id": "b", "content": "2", "is_error": True},
                ],
            },
        ],
        "model": "m",
        "top_k": 3,
    }


def test_thinking_is_kept_and_a_stream_is_put_together() -> None:
    """Blocks lose what only streaming needs; a tool's input comes from the finished call."""
    answered = {
        "id": "lc_run--1",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s", "index": 0},
            "so",
            {"type": "tool_use", "id": "t", "name": "f", "input": {}, "partial_json": '{"a":1}', "index": 2},
        ],
        "tool_calls": [{"id": "t", "name": "f", "args": {"a": 1}}],
        "stop_reason": "tool_use",
    }

    assert answer_of(answered) == {
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "so"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
    }


CLAUDE_SAYS = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 7,
    "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 3},
}
LANGCHAIN_SAYS = {
    "input_tokens": 117,
    "output_tokens": 5,
    "input_token_details": {
        "cache_read": 100,
        "cache_creation": 0,
        "ephemeral_5m_input_tokens": 4,
        "ephemeral_1h_input_tokens": 3,
    },
}
EXPECTED = TokenUsage(uncached_input=10, output_tokens=5, cache_read=100, cache_write_5m=4, cache_write_1h=3)


@pytest.mark.parametrize(("raw", "counted"), [(CLAUDE_SAYS, None), (None, LANGCHAIN_SAYS), (CLAUDE_SAYS, {})])
def test_both_reports_of_tokens_agree(raw: object, counted: object) -> None:
    """Claude's own block and LangChain's count of a stream give the same tokens."""
    usage = usage_of(raw, counted)

    assert usage == EXPECTED
    assert usage.input_tokens == 117
    assert usage.as_mlflow()["cache_creation_input_tokens_above_1hr"] == 3


def test_no_report_is_not_zero() -> None:
    """An answer without usage is unknown, not free."""
    assert usage_of(None, None) is None


def test_prices_include_the_cache() -> None:
    """Reading is cheap, writing costs extra by lifetime: sonnet 5.5 at 2 / 10 / 0.10 USD per million."""
    cost = cost_of("claude-sonnet-5-5-20261001", EXPECTED)

    assert cost is not None
    assert cost.input_usd == pytest.approx((10 * 2 + 4 * 2.5 + 3 * 4 + 100 * 0.10) / 1e6)
    assert cost.output_usd == pytest.approx(5 * 10 / 1e6)


def test_a_long_prompt_has_its_own_price() -> None:
    """Haiku 5.5 costs five times as much above 100,000 tokens."""
    short, long = (
        cost_of("claude-haiku-5-5", TokenUsage(uncached_input=n, output_tokens=0)) for n in (100_000, 100_001)
    )

    assert short is not None
    assert long is not None
    assert short.total_usd == pytest.approx(0.01)
    assert long.total_usd == pytest.approx(0.0500005)


def test_an_unknown_model_has_no_price() -> None:
    """Unknown is not free."""
    assert cost_of("claude-next", EXPECTED) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [(".", {"a": [{"b": 1}]}), ("a.0.b", 1), ("a.1.b", MISSING), ("x", MISSING), ("a.b", MISSING)],
)
def test_paths_lead_into_outputs(path: str, expected: object) -> None:
    """Keys and list positions are followed; a path that leads nowhere is told from None."""
    assert at_path({"a": [{"b": 1}]}, path) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, 1.0), (3, 3.0), (np.float32(0.5), 0.5), (math.nan, "NaN"), (-math.inf, "-Infinity"), ("3", None)],
)
def test_only_numbers_are_metrics(value: object, expected: object) -> None:
    """NumPy scalars count, text does not, and what JSON cannot say is spelled out."""
    assert number_at({"m": value}, "m") == expected


def test_a_refusal_passes_through_a_context_manager() -> None:
    """Python sets the traceback of an error there, which must not hide it behind another error."""

    @contextmanager
    def block() -> Iterator[None]:
        yield

    with pytest.raises(RequestRejectedError, match="HTTP 400 BAD: no"), block():
        raise RequestRejectedError(status=400, code="BAD", detail="no")
