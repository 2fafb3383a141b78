"""Many cases at once never hear each other's answers."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anthropic
from langchain_anthropic import ChatAnthropic

from e2i_eval.core.case import Case, ScriptedAnswer, ScriptedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude import Capture, ClaudeWire

CASES = 40
CALLS = 3
BUSY = ScriptedAnswer(error=ScriptedError(status=529))


def script_of(case: int) -> list[ScriptedAnswer | str]:
    """A failure to be retried, then an answer for each call."""
    return [BUSY, *[f"case {case} call {call}" for call in range(CALLS)]]


def body(case: int, call: int) -> dict[str, Any]:
    """A request that names its case."""
    content = f"case {case} call {call}"
    return {"model": "claude-opus-4-8", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}


def check(capture: Capture, said: list[str], case: int) -> None:
    """Everything on the tape is the case's own."""
    assert said == [f"case {case} call {call}" for call in range(CALLS)]
    assert [item.request["messages"][0]["content"] for item in capture.exchanges] == [said[0], *said]
    assert [(item.call, item.attempt) for item in capture.exchanges] == [(0, 0), (0, 1), (1, 0), (2, 0)]
    assert capture.notes == ()


def test_forty_cases_in_eight_threads(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """Through one client that all threads share."""

    def run(case: int) -> None:
        with wire.capture(make_case(*script_of(case), name=str(case))) as capture:
            said = [claude.messages.create(**body(case, call)).content[0].to_dict()["text"] for call in range(CALLS)]
        check(capture, said, case)

    with anthropic.Anthropic() as claude, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(CASES))) == [None] * CASES


def test_forty_cases_in_one_loop(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """They do run at the same time: all begin before the first one ends."""
    running: list[int] = []
    most = 0

    async def run(case: int) -> None:
        nonlocal most
        with wire.capture(make_case(*script_of(case), name=str(case))) as capture:
            running.append(case)
            said = []
            for call in range(CALLS):
                model = ChatAnthropic(model_name="claude-opus-4-8", timeout=None, stop=None)
                chunks = [chunk.text async for chunk in model.astream(body(case, call)["messages"])]
                said.append("".join(chunks))
                most = max(most, len(running))
            running.remove(case)
        check(capture, said, case)

    async def run_all() -> None:
        await asyncio.gather(*(run(case) for case in range(CASES)))

    asyncio.run(run_all())

    assert most == CASES


def test_streams_of_one_loop_take_turns(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """As they do when a server writes them: none is read to its end in one go."""
    order: list[str] = []

    async def read(name: str, stream: anthropic.AsyncStream[Any]) -> None:
        async for _ in stream:
            order.append(name)  # noqa: PERF401 - the order is the point

    async def read_both() -> None:
        async with anthropic.AsyncAnthropic() as claude:
            # Both are open before either is read: the SDK's first call waits for a thread of its own.
            streams = [await claude.messages.create(**body(0, 0), stream=True) for _ in range(2)]
            await asyncio.gather(read("a", streams[0]), read("b", streams[1]))

    with wire.capture(make_case("a long answer in pieces", "another long answer in pieces")):
        asyncio.run(read_both())

    turns = sum(one != other for one, other in itertools.pairwise(order))
    assert turns > 3
