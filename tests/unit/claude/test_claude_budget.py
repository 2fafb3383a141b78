"""A budget is kept by all calls of a session together, and nothing is sent that may exceed it."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from e2i_eval.claude import CassetteStore, ClaudeWire, SessionBudget
from e2i_eval.claude.budget import BudgetError
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.exchange import Caller, Exchange, Usage, WireError
from e2i_eval.core.prices import PriceTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.core.case import Case

MODEL = "claude-sonnet-5-5"
MAX_TOKENS = 1_000
REQUEST: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": MAX_TOKENS,
    "messages": [{"role": "user", "content": "Where?"}],
}
ANSWER_USD = PriceTable.load().cost_usd(MODEL, Usage(input_tokens=10, output_tokens=MAX_TOKENS)) or 0.0


class Slow(BaseHTTPRequestHandler):
    """Answers with as many tokens as it may, once ``gate`` is open."""

    def do_POST(self) -> None:
        """Answer one request."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(request)  # type: ignore[attr-defined]
        self.server.gate.wait(20)  # type: ignore[attr-defined]
        body = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [{"type": "text", "text": "Here."}],
            "stop_reason": "max_tokens",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": request["max_tokens"]},
        }
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Keep the screen to pytest."""


@pytest.fixture
def claude() -> Iterator[Any]:
    """A server with ``asked``, ``gate`` and ``url``."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.asked, server.gate = [], threading.Event()  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        server.gate.set()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.gate.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


@pytest.fixture
def budget(tmp_path: Path) -> Callable[[float | None], SessionBudget]:
    """Makes budgets that share a folder."""
    return lambda max_usd: SessionBudget(max_usd, folder=tmp_path, prices=PriceTable.load())


def exchange(**facts: Any) -> Exchange:  # noqa: ANN401  fields of an exchange
    """An exchange that went well unless another place is given."""
    usual: dict[str, Any] = {
        "index": 0,
        "call": 0,
        "attempt": 0,
        "caller": Caller(),
        "request": REQUEST,
        "response": {},
        "status": 200,
        "started_at_s": 0.0,
        "duration_s": 1.0,
        "usage": Usage(input_tokens=10, output_tokens=MAX_TOKENS),
    }
    return Exchange(**{**usual, **facts})


def test_parallel_calls_cannot_overshoot(
    claude: Any,  # noqa: ANN401  the server
    budget: Callable[..., SessionBudget],
    make_case: Callable[..., Case],
) -> None:
    """Of sixteen calls at once, beside one of another process, as many are sent as surely fit."""
    max_usd = 5.5 * ANSWER_USD
    wire = ClaudeWire(mode="live", environ=os.environ, clock=SystemClock(), budget=budget(max_usd))
    other = budget(max_usd)
    held = other.hold(REQUEST, "messages")
    claude.gate.clear()

    def ask() -> str:
        with anthropic.Anthropic(base_url=claude.url, api_key="k", timeout=30) as client:
            try:
                client.messages.create(**REQUEST)
            except LookupError as error:
                return str(error)
            return "answered"

    wire.start()
    with wire.capture(make_case()) as capture, ThreadPoolExecutor(16) as pool:
        futures = [pool.submit(ask) for _ in range(16)]
        while len(capture.notes) + len(claude.asked) < len(futures):
            time.sleep(0.01)  # nobody is answered before everybody asked
        claude.gate.set()
        outcomes = [future.result() for future in futures]
    wire.stop()
    other.settle(held, exchange())

    assert outcomes.count("answered") == len(claude.asked) == 3
    assert {note.kind for note in capture.notes} == {"budget"}
    assert len(capture.notes) == 13
    assert "was not sent: of --e2i-max-cost=" in capture.notes[0].message
    assert budget(max_usd).spent_usd == pytest.approx(4 * ANSWER_USD)


def test_what_was_not_needed_can_be_spent(budget: Callable[..., SessionBudget]) -> None:
    """The real cost takes the place of what was held, once."""
    kept = budget(1.2 * ANSWER_USD + 0.01)
    key = kept.hold(REQUEST, "messages")
    with pytest.raises(BudgetError):
        kept.hold(REQUEST, "messages")

    small = exchange(usage=Usage(input_tokens=10, output_tokens=1))
    kept.settle(key, small)
    kept.settle(key, small)

    kept.hold(REQUEST, "messages")
    assert kept.spent_usd == PriceTable.load().cost_usd(MODEL, Usage(input_tokens=10, output_tokens=1))


@pytest.mark.parametrize(
    ("facts", "is_paid"),
    [
        ({"status": 529, "usage": None}, False),
        ({"status": None, "usage": None, "error": WireError(type="ConnectError", message="")}, False),
        ({"status": None, "usage": None, "error": WireError(type="ReadTimeout", message="")}, True),
        ({"complete": False}, True),
        ({"usage": None}, True),
        ({"kind": "count_tokens", "usage": None}, False),
    ],
)
def test_what_nobody_knows_counts_in_full(
    budget: Callable[..., SessionBudget],
    facts: dict[str, Any],
    is_paid: bool,  # noqa: FBT001
) -> None:
    """A refusal and a request that never left are free; a broken answer costs what it may have cost."""
    kept = budget(1.0)

    kept.settle(kept.hold(REQUEST, "messages"), exchange(**facts))

    assert (kept.spent_usd >= ANSWER_USD) is is_paid
    assert (kept.spent_usd == 0.0) is not is_paid


def test_an_unknown_price_is_refused(budget: Callable[..., SessionBudget]) -> None:
    """It cannot be said what such a call costs."""
    with pytest.raises(BudgetError, match="the price of 'claude-nobody-1' is not known") as caught:
        budget(9.0).hold({**REQUEST, "model": "claude-nobody-1"}, "messages")

    assert "price file" in str(caught.value)


def test_nothing_said_allows_nothing(budget: Callable[..., SessionBudget]) -> None:
    """Recording asks first, by saying what it would cost."""
    with pytest.raises(BudgetError, match=r"at most 0\.\d+ USD") as caught:
        budget(None).hold(REQUEST, "messages")

    assert "--e2i-max-cost=1" in str(caught.value)


def test_the_bound_is_above_any_estimate(budget: Callable[..., SessionBudget]) -> None:
    """A prompt of one byte a token in the longest cache fits only where its price fits."""
    text = "x" * 100_000
    cached = {**REQUEST, "messages": [{"role": "user", "content": [{"text": text, "cache_control": {}}]}]}
    cost_usd = PriceTable.load().cost_usd(
        MODEL, Usage(input_tokens=0, cache_write_1h_tokens=100_000, output_tokens=MAX_TOKENS)
    )
    assert cost_usd is not None

    with pytest.raises(BudgetError):
        budget(cost_usd).hold(cached, "messages")


def test_a_refused_request_drops_nothing(
    tmp_path: Path,
    claude: Any,  # noqa: ANN401  the server
    budget: Callable[..., SessionBudget],
    make_case: Callable[..., Case],
) -> None:
    """A recording that the budget cut short keeps the entries that nobody asked for yet."""
    cassette_store = CassetteStore(tmp_path / "cassettes", prices=PriceTable.load())

    def run(*questions: str, max_usd: float) -> None:
        wire = ClaudeWire(
            mode="record",
            environ=os.environ,
            clock=SystemClock(),
            cassette_store=cassette_store,
            budget=budget(max_usd),
        )
        wire.start()
        with wire.capture(make_case()), anthropic.Anthropic(base_url=claude.url, api_key="k") as client:
            for question in questions:
                try:
                    client.messages.create(**{**REQUEST, "messages": [{"role": "user", "content": question}]})
                except LookupError:
                    break
        wire.stop()

    run("one", "two", max_usd=1.0)
    run("new", "two", max_usd=0.001)

    file = tmp_path / "cassettes" / "support" / "refund.json"
    asked = [each["request"]["messages"][0]["content"] for each in json.loads(file.read_text())["entries"]]
    assert asked == ["one", "two"]
    assert len(claude.asked) == 2
