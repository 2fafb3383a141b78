"""The pace: requests of several callers against one lane."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from e2i_eval.claude import ClaudeWire, RateLimiter, SessionBudget
from e2i_eval.claude.rate_bucket import Reply
from e2i_eval.claude.rate_limiter import bucket_name
from e2i_eval.core.case import Case
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.exchange import waited_s
from e2i_eval.core.prices import PriceTable
from e2i_eval.testing import ManualClock
from e2i_eval.testing.claude_server import ClaudeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.core.exchange import Exchange

MODEL = "claude-sonnet-5-5"
CALLERS = 12
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def server() -> Iterator[ClaudeServer]:
    """One server for all tests here; each sets the plan it wants."""
    with ClaudeServer() as running:
        yield running


@pytest.fixture
def rate_limiter(tmp_path: Path) -> RateLimiter:
    """A pace with nothing under way."""
    return RateLimiter(tmp_path, clock=SystemClock())


def _ask(server: ClaudeServer, question: str) -> object:
    with anthropic.Anthropic(base_url=server.url, api_key="key-of-nobody", max_retries=8) as claude:
        return claude.messages.create(model=MODEL, max_tokens=64, messages=[{"role": "user", "content": question}])


def _exchanges(wire: ClaudeWire, ask: Callable[[str], Any]) -> tuple[Exchange, ...]:
    """Ask from many threads at once within one case, and return what passed."""
    wire.start()
    try:
        with wire.capture(Case(id="support/one", target="support", inputs={})) as capture:
            threads = [threading.Thread(target=_quietly, args=(ask, f"question {n}")) for n in range(CALLERS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(TIMEOUT_S)
        return capture.exchanges
    finally:
        wire.stop()


def _quietly(ask: Callable[[str], Any], question: str) -> None:
    try:
        ask(question)
    except anthropic.AnthropicError:
        return


def test_no_more_are_sent_at_once_than_the_lane_allows(rate_limiter: RateLimiter, server: ClaudeServer) -> None:
    """Four at first; the rest waits."""
    server.change(latency_s=0.1, fault_rate=0.0)
    wire = ClaudeWire(mode="live", environ={}, clock=SystemClock(), rate_limiter=rate_limiter)

    exchanges = _exchanges(wire, lambda question: _ask(server, question))

    counts = server.counts()
    assert len(exchanges) == CALLERS
    assert {exchange.status for exchange in exchanges} == {200}
    assert 2 <= counts.most_under_way <= 7  # four, and one more for every four answers
    assert waited_s(exchanges) > 0
    assert rate_limiter.buckets().popitem()[1].under_way == {}


def test_one_callers_retry_after_pauses_all(tmp_path: Path) -> None:
    """Another caller of the same key waits, in whatever process; one of another key does not."""
    clock = ManualClock()
    RateLimiter(tmp_path, clock=clock).enter("key").heard(429, {"retry-after": "7"})
    rate_limiter = RateLimiter(tmp_path, clock=clock)

    other = rate_limiter.enter("another key")
    same = rate_limiter.enter("key")

    assert other.waited_s == 0.0
    assert same.waited_s == pytest.approx(7.0, abs=0.01)


def test_the_event_loop_goes_on_while_a_request_waits(rate_limiter: RateLimiter) -> None:
    """A paused request is a task among others."""
    rate_limiter.heard("key", Reply(pause_s=0.2), sent_at_s=0.0)
    ticks = 0

    async def wait() -> float:
        nonlocal ticks
        waiting = asyncio.create_task(rate_limiter.enter_async("key"))
        while not waiting.done():
            ticks += 1
            await asyncio.sleep(0.01)
        return (await waiting).waited_s

    asyncio.run(wait())
    assert ticks > 2


def test_a_case_that_reads_a_stream_may_ask_in_between(rate_limiter: RateLimiter) -> None:
    """A full lane does not wait for a stream that waits for the lane."""
    for _ in range(4):
        rate_limiter.enter("key")

    rate_limiter.enter("key", is_nested=True)

    assert len(rate_limiter.buckets()["key"].under_way) == 5


def test_a_killed_worker_holds_nobody_up(tmp_path: Path) -> None:
    """What it had under way is dropped when there is no room left."""
    dead = RateLimiter(tmp_path, clock=SystemClock(), is_alive=lambda _process: False)
    for _ in range(4):
        dead.enter("key")

    dead.enter("key")

    assert len(dead.buckets()["key"].under_way) == 1


def test_a_lanes_name_does_not_tell_the_key() -> None:
    """Callers of one key share a lane, whichever header carries it."""
    name = bucket_name("api.anthropic.com", {"x-api-key": "sk-ant-secret"})

    assert "secret" not in name
    assert name == bucket_name("api.anthropic.com", {"x-api-key": "sk-ant-secret", "accept": "*/*"})
    assert name != bucket_name("api.anthropic.com", {"authorization": "sk-ant-secret"})


def test_the_budget_holds_in_live_with_parallel_callers_and_faults(tmp_path: Path, server: ClaudeServer) -> None:
    """What the server was paid for stays below the limit, by less than one more call could cost."""
    prices = PriceTable.load(None)
    max_usd = 0.0045
    budget = SessionBudget(max_usd, folder=tmp_path, prices=prices)
    server.change(latency_s=0.02, fault_rate=0.3, faults=["rate_limit", "overloaded", "reset"], retry_after_s=0.05)
    paid_before = server.counts().paid
    wire = ClaudeWire(
        mode="live",
        environ={},
        clock=SystemClock(),
        budget=budget,
        rate_limiter=RateLimiter(tmp_path, clock=SystemClock()),
    )

    exchanges = _exchanges(wire, lambda question: _ask(server, question))

    answered = [exchange for exchange in exchanges if exchange.status == 200]
    costs = [prices.cost_usd(exchange.model, exchange.usage) or 0.0 for exchange in answered if exchange.usage]
    refused = [exchange for exchange in exchanges if exchange.error and exchange.error.type == "ScriptMissError"]
    assert server.counts().paid - paid_before == len(answered) > 0
    assert sum(costs) <= max_usd
    assert refused
    assert budget.spent_usd <= max_usd
