"""A rehearsal sends nothing, writes nothing, and says what recording will take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.claude import CassetteStore, ClaudeWire, Forecast, SessionBudget, plan_of
from e2i_eval.claude.library import http
from e2i_eval.core.case import Case, ScriptedAnswer
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import E2iError
from e2i_eval.core.prices import PriceTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

URL = "https://api.anthropic.com/v1/messages"
MODEL = "claude-sonnet-5-5"
USAGE = {"input_tokens": 1000, "output_tokens": 100_000}
NO_SCRIPT = Case(id="support/refund", target="support", inputs={})


class Api(http.BaseTransport):
    """Answers, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def handle_request(self, request: http.Request) -> http.Response:
        """Answer any question."""
        self.asked.append(json.loads(request.content)["messages"][0]["content"])
        message = {"id": "m", "type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"}
        data = json.dumps({**message, "model": MODEL, "stop_sequence": None, "usage": USAGE}).encode()
        return http.Response(200, headers={"content-type": "application/json"}, stream=http.ByteStream(data))


@pytest.fixture
def budget(tmp_path: Path) -> SessionBudget:
    """Enough for everything."""
    return SessionBudget(1e6, folder=tmp_path, prices=PriceTable.load())


@pytest.fixture
def wire(tmp_path: Path, budget: SessionBudget) -> Iterator[ClaudeWire]:
    """A wire that records."""
    cassette_store = CassetteStore(tmp_path, prices=PriceTable.load())
    wire = ClaudeWire(mode="record", environ={}, clock=SystemClock(), cassette_store=cassette_store, budget=budget)
    wire.start()
    yield wire
    wire.stop()


@pytest.fixture
def api() -> Api:
    """The API."""
    return Api()


@pytest.fixture
def ask(api: Api) -> Callable[..., None]:
    """Asks questions until one has no answer."""

    def each(*questions: str, model: str = MODEL) -> None:
        with http.Client(transport=api) as client:
            for question in questions:
                body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": question}]}
                try:
                    client.post(URL, json=body)
                except LookupError:
                    return

    return each


def rehearsed(wire: ClaudeWire, case: Case, ask: Callable[[], None]) -> Forecast:
    """Rehearse a case."""
    with wire.rehearsal(case) as forecast:
        ask()
    return forecast()


def test_a_changed_case(wire: ClaudeWire, ask: Callable[..., None], api: Api, tmp_path: Path) -> None:
    """What changed and what lies behind it is counted, priced by how long the answers were; nothing is sent."""
    with wire.capture(NO_SCRIPT):
        ask("one", "two", "three")
    file = tmp_path / "support" / "refund.json"
    before = file.read_bytes()

    same = rehearsed(wire, NO_SCRIPT, lambda: ask("one", "two", "three"))
    changed = rehearsed(wire, NO_SCRIPT, lambda: ask("one", "zwei", "three"))
    longer = rehearsed(wire, NO_SCRIPT, lambda: ask("one", "two", "three", "four"))

    assert (same.recorded, same.changed, same.new, same.usd) == (3, 0, 0, 0.0)
    assert (changed.recorded, changed.changed, changed.new) == (3, 2, 0)
    assert changed.usd == pytest.approx(2 * 100_000 * 10 / 1e6, rel=0.01)
    assert (longer.changed, longer.new) == (0, 1)
    assert file.read_bytes() == before
    assert api.asked == ["one", "two", "three"]


def test_a_new_case_goes_as_its_script_says(wire: ClaudeWire, ask: Callable[..., None], api: Api) -> None:
    """Priced by what the script states; without a script only the first request is known."""
    answer = ScriptedAnswer(content=({"type": "text", "text": "a"},), usage=USAGE, times=2)
    scripted = Case(id="support/new", target="support", inputs={}, script=(answer,))

    foreseen = rehearsed(wire, scripted, lambda: ask("one", "two"))
    unknown = rehearsed(wire, NO_SCRIPT, lambda: ask("one", "two"))

    assert (foreseen.recorded, foreseen.changed, foreseen.new) == (0, 0, 2)
    assert foreseen.usd == pytest.approx(2 * (1000 * 2 + 100_000 * 10) / 1e6)
    assert (unknown.new, unknown.changed) == (1, 0)
    assert api.asked == []


def test_an_unknown_price_is_said(wire: ClaudeWire, ask: Callable[..., None]) -> None:
    """It is no zero."""
    forecast = rehearsed(wire, NO_SCRIPT, lambda: ask("one", model="claude-of-tomorrow"))

    assert forecast.usd is None
    assert plan_of([forecast]).unpriced == 1


def test_only_a_recording_is_rehearsed(tmp_path: Path) -> None:
    """Elsewhere there is nothing to be asked about."""
    wire = ClaudeWire(
        mode="replay", environ={}, clock=SystemClock(), cassette_store=CassetteStore(tmp_path, prices=PriceTable.load())
    )
    with pytest.raises(E2iError, match="does not record"), wire.rehearsal(NO_SCRIPT):
        pass


def forecast(**fields: Any) -> Forecast:  # noqa: ANN401  the fields' own
    """A forecast of nothing but what is given."""
    return Forecast(**{"recorded": 0, "changed": 0, "new": 0, "usd": 0.0, "bound_usd": 0.0, **fields})


def test_a_plan_in_words() -> None:
    """How many of how many, about how much, and where it stops: twice that, and the most one case can cost."""
    plan = plan_of(
        [
            forecast(recorded=60, changed=14, usd=0.21, bound_usd=0.30),
            forecast(recorded=2, new=1, usd=0.10, bound_usd=0.20),
        ]
    )

    assert str(plan) == (
        "14 of 62 recorded requests changed, 1 request not recorded yet; about 0.31 USD, and never more than 0.92 USD"
    )
    assert plan.is_needed
    assert not plan_of([forecast(recorded=3)]).is_needed
