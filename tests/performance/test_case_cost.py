"""What the harness itself costs a case: Claude's mock and the judging, recorded by pytest-benchmark."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import anthropic
import pytest

from e2i_eval.claude import ClaudeWire
from e2i_eval.core.case import Case, ScriptedAnswer
from e2i_eval.core.clock import SystemClock
from e2i_eval.dataset.case_file.reader import read_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).resolve().parents[2]
CASE_FILE = ROOT / "golden" / "cases" / "rag" / "kisqali-dose.yaml"
ANSWER = ScriptedAnswer(content=({"type": "text", "text": "It was paid on Monday."},))


@pytest.fixture
def wire() -> Iterator[ClaudeWire]:
    """The wire in mock mode."""
    wire = ClaudeWire(mode="mock", environ=os.environ, clock=SystemClock())
    wire.start()
    yield wire
    wire.stop()


def test_a_mocked_call(benchmark: BenchmarkFixture, wire: ClaudeWire) -> None:
    """One call through the SDK, script, capture and all."""
    client = anthropic.Anthropic()

    def ask() -> str:
        with wire.capture(Case(id="t/cost", target="t", inputs={}, script=(ANSWER,))) as capture:
            client.messages.create(
                model="claude-sonnet-5-5", max_tokens=64, messages=[{"role": "user", "content": "Where is my refund?"}]
            )
        return str(capture.exchanges[0].status)

    assert benchmark(ask) == "200"


def test_reading_a_case(benchmark: BenchmarkFixture) -> None:
    """One case file from bytes to a validated value."""
    case = benchmark(read_case, CASE_FILE, root=ROOT, known_targets=["rag"])

    assert case.id == "rag/kisqali-dose"
