"""The answer journal: what was paid for is answered from the disk, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from e2i_eval.claude import AnswerJournal, ClaudeWire, Scrub, SessionBudget
from e2i_eval.core.case import Case
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.prices import PriceTable
from e2i_eval.testing.claude_server import ClaudeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "hunter2-is-my-password"
CASE = Case(id="support/one", target="support", inputs={})
REQUEST: dict[str, Any] = {"model": "claude-sonnet-5-5", "max_tokens": 64, "thinking": {"type": "adaptive"}}


@pytest.fixture(scope="module")
def server() -> Iterator[ClaudeServer]:
    """One server for all tests here."""
    with ClaudeServer() as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[], AnswerJournal]:
    """Opens the same journal, as each process of a run does."""
    return lambda: AnswerJournal(tmp_path / "answers", scrub=Scrub([SECRET]), key=lambda _case: "key")


def _create(url: str, messages: list[Any]) -> object:
    with anthropic.Anthropic(base_url=url, api_key="key-of-nobody", max_retries=0) as claude:
        return claude.messages.create(**REQUEST, messages=messages).model_dump()


def _stream(url: str, messages: list[Any]) -> object:
    client = anthropic.Anthropic(base_url=url, api_key="key-of-nobody", max_retries=0)
    with client as claude, claude.messages.stream(**REQUEST, messages=messages) as stream:
        return [event.model_dump() for event in stream]


def _stream_async(url: str, messages: list[Any]) -> object:
    async def ask() -> object:
        client = anthropic.AsyncAnthropic(base_url=url, api_key="key-of-nobody", max_retries=0)
        async with client as claude, claude.messages.stream(**REQUEST, messages=messages) as stream:
            return (await stream.get_final_message()).model_dump()

    return asyncio.run(ask())


def _quiet(ask: Callable[[str, list[Any]], object]) -> Callable[[str, list[Any]], object]:
    def asked(url: str, messages: list[Any]) -> object:
        try:
            return ask(url, messages)
        except Exception:  # noqa: BLE001  a dropped stream raises its library's own
            return None

    return asked


def _run(journal: AnswerJournal, ask: Callable[[str, list[Any]], object], url: str, *texts: str) -> list[object]:
    """Ask within the case, as one process of a run."""
    wire = ClaudeWire(mode="live", environ={}, clock=SystemClock(), answers=journal)
    wire.start()
    try:
        with wire.capture(CASE):
            return [ask(url, [{"role": "user", "content": text}]) for text in texts]
    finally:
        wire.stop()


@pytest.mark.parametrize("ask", [_create, _stream, _stream_async])
def test_what_was_paid_is_not_asked_again(
    journal: Callable[[], AnswerJournal], server: ClaudeServer, tmp_path: Path, ask: Callable[[str, list[Any]], object]
) -> None:
    """The next process hears the same answers, event by event; what it asks beyond them is sent."""
    first = _run(journal(), ask, server.url, f"{ask.__name__} a", f"{ask.__name__} b", f"{ask.__name__} a")
    paid = server.counts().paid

    again = _run(journal(), ask, server.url, f"{ask.__name__} a", f"{ask.__name__} c", f"{ask.__name__} a")

    assert again[0] == again[2] == first[0]
    assert server.counts().paid == paid + 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*.jsonl")} == {0o600}
    third = AnswerJournal(tmp_path / "answers", scrub=Scrub(), key=lambda _case: "another key")
    _run(third, ask, server.url, f"{ask.__name__} a")
    assert server.counts().paid == paid + 2  # the case is another one, so its answers are


def test_an_answer_is_on_disk_before_the_caller_has_it(
    journal: Callable[[], AnswerJournal], server: ClaudeServer, tmp_path: Path
) -> None:
    """Of a stream: before its last event is handed on."""
    wire = ClaudeWire(mode="live", environ={}, clock=SystemClock(), answers=journal())
    wire.start()
    on_disk: dict[str, bool] = {}
    try:
        client = anthropic.Anthropic(base_url=server.url, api_key="key-of-nobody")
        with wire.capture(CASE), client as claude:
            for event in claude.messages.create(
                **REQUEST, messages=[{"role": "user", "content": "on disk?"}], stream=True
            ):
                on_disk[event.type] = any(tmp_path.rglob("*.jsonl"))
    finally:
        wire.stop()

    assert on_disk["message_start"] is False
    assert on_disk["message_stop"] is True


def test_only_whole_answers_are_kept(journal: Callable[[], AnswerJournal], tmp_path: Path) -> None:
    """Errors, drops and error events are nobody's answer: they are asked again."""
    with ClaudeServer(seed=1, fault_rate=0.6, fault=["error", "drop", "error_event"]) as server:
        texts = [f"question {number}" for number in range(12)]
        heard = [each for ask in (_create, _stream) for each in _run(journal(), _quiet(ask), server.url, *texts)]
        counts = server.counts()
    lines = [line for file in tmp_path.rglob("*.jsonl") for line in file.read_text().splitlines() if line]

    assert {"500", "drop", "error_event"} <= counts.statuses.keys()
    assert len(lines) == counts.paid == sum(each is not None for each in heard)
    assert counts.repeated == {}


def test_an_answer_with_a_secret_is_masked_or_not_kept(
    journal: Callable[[], AnswerJournal], server: ClaudeServer, tmp_path: Path
) -> None:
    """Known values and patterns of keys are nowhere on the disk."""
    server.change(answers=[{"contains": "password", "text": f"It is {SECRET}."}])

    _run(journal(), _create, server.url, f"my password is {SECRET}")

    server.change(answers=[])
    assert [file for file in tmp_path.rglob("*") if file.is_file() and SECRET in file.read_text()] == []


def test_a_turn_has_its_own_answers(journal: Callable[[], AnswerJournal], server: ClaudeServer) -> None:
    """Repetitions do not answer for each other; the same repetition, tried again, does."""
    opened = journal()
    _run(opened, _create, server.url, "which turn?")
    paid = server.counts().paid

    _run(opened, _create, server.url, "which turn?")
    assert server.counts().paid == paid + 1
    opened.begin(CASE.id, 0)
    _run(opened, _create, server.url, "which turn?")

    assert server.counts().paid == paid + 1


def test_what_was_spent_counts_towards_the_budget(
    journal: Callable[[], AnswerJournal], server: ClaudeServer, tmp_path: Path
) -> None:
    """What the answers cost, or what the interrupted run knew of with what it had under way."""
    answer: Any = _run(journal(), _create, server.url, "what does it cost?")[0]
    prices = PriceTable.load(None)
    usage = answer["usage"]
    cost_usd = (usage["input_tokens"] * 2 + usage["output_tokens"] * 10) / 1e6
    file = next(tmp_path.rglob("*.jsonl"))
    file.write_text(file.read_text() + '{"request": {"mod')

    assert journal().spent_usd(prices) == pytest.approx(cost_usd)
    budget = SessionBudget(1.0, folder=tmp_path, prices=prices)
    budget.resume(at_least_usd=cost_usd)
    assert budget.spent_usd == pytest.approx(cost_usd)
    budget.hold(REQUEST, "messages")
    held_usd = sum(json.loads((tmp_path / "budget.json").read_text())["held_usd"].values())
    budget.resume(at_least_usd=cost_usd)
    assert budget.spent_usd == pytest.approx(cost_usd + held_usd)


def test_an_answer_that_cannot_be_kept_is_told_and_not_asked_again(
    journal: Callable[[], AnswerJournal], server: ClaudeServer, tmp_path: Path
) -> None:
    """A full disk is no reason to pay once more."""
    (tmp_path / "answers").write_text("in the way")
    opened = journal()
    paid = server.counts().paid

    _run(opened, _create, server.url, "is the disk full?")

    assert server.counts().paid == paid + 1
    assert "paid answers could not be kept" in opened.lost[0]
