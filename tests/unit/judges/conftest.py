"""What the tests of judges share: a mocked wire, and a bench on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from e2i_eval.claude import Asking, ClaudeWire
from e2i_eval.core.case import Case, Expectation
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.judge_rule import JudgeAnswer, JudgeRule
from e2i_eval.core.prices import PriceTable
from e2i_eval.core.run import Run
from e2i_eval.runner.judging import JudgeRunner
from e2i_eval.runner.report import CaseResult
from e2i_eval.tracking.scorers import score

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonValue

MODEL = "claude-sonnet-5-5"
OUTPUT: JsonValue = {"answer": "It was paid on Monday.", "asked_at": "2026-01-02T03:04:05Z"}


@pytest.fixture
def wire() -> Iterator[ClaudeWire]:
    """A wire that plays Claude."""
    wire = ClaudeWire(mode="mock", environ=os.environ, clock=SystemClock())
    wire.start()
    yield wire
    wire.stop()


@pytest.fixture
def runner(wire: ClaudeWire) -> Iterator[JudgeRunner]:
    """A bench of mocked judges."""
    asking = Asking()
    yield JudgeRunner(
        claude=wire, ask=asking, scorer=score, price=PriceTable.load().cost_usd, model=MODEL, is_mocked=True
    )  # fmt: skip
    asking.close()


def said(score_: float = 5, reason: str = "because", error: int | None = None) -> JudgeAnswer:
    """Return what a judge says in mock mode."""
    return JudgeAnswer(score=score_, reason=reason, error=error)


def rubric(name: str = "tone", *mock: JudgeAnswer, repeat: int = 1, of: str = "") -> JudgeRule:
    """Return a judge by a rubric."""
    return JudgeRule(name=name, rubric="Says what to do next.", mock=mock, repeat=repeat, of=of)


def case(*rules: JudgeRule) -> Case:
    """Return a case with judges."""
    return Case(id="shop/refund", target="shop", inputs={"question": "Where?"}, expect=Expectation(judges=rules))


def run(output: JsonValue = OUTPUT) -> Run:
    """Return what a target gave back."""
    return Run(output=output, error=None, started_at_s=0.0, duration_s=0.0)


def result(case_id: str = "shop/refund") -> CaseResult:
    """Return a result without a verdict."""
    return CaseResult(case_id=case_id, target="shop", nodeid="file::one", where="file:1", verdicts=())
