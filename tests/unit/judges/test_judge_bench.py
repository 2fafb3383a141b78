"""How judges are asked, and what becomes of their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.judges.conftest import MODEL, case, result, rubric, run, said

from e2i_eval.checks.judges.judge_lookup import called
from e2i_eval.checks.judges.scorers import SCORERS
from e2i_eval.checks.judges.verdicts import judge_measurements, judge_notes
from e2i_eval.claude import Asking, CassetteStore, ClaudeWire, SessionBudget
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import UsageError
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.judge_rule import JudgeRule
from e2i_eval.core.judgement import Judgement
from e2i_eval.core.prices import PriceTable
from e2i_eval.core.run import RunError
from e2i_eval.core.stats.repeats import RepeatPlan, sum_up
from e2i_eval.core.verdict import Verdict
from e2i_eval.runner.judging import JudgeRunner
from e2i_eval.tracking.recorder import feedback
from e2i_eval.tracking.scorers import score

if TYPE_CHECKING:
    from pathlib import Path


def test_enough_and_not_enough(runner: JudgeRunner) -> None:
    """A score of at least ``min`` passes; less fails with the judge's reason."""
    judged = runner.judge(case(rubric("good", said(4)), rubric("bad", said(3, "It is rude."))), run(), result())

    good, bad = judged.verdicts
    assert (good.status, good.score, good.by) == ("pass", 0.75, MODEL)
    assert (bad.status, bad.findings[0].message, bad.findings[0].actual) == ("fail", "It is rude.", "3")
    assert feedback(bad, "run")["source"] == {"source_type": "LLM_JUDGE", "source_id": MODEL}


def test_the_median_of_several(runner: JudgeRunner) -> None:
    """One generous answer does not carry it."""
    rule = rubric("tone", said(2, "two"), said(5, "five"), said(3, "three"), repeat=3)

    (judgement,) = runner.judge(case(rule), run(), result()).judgements
    assert (judgement.score, judgement.reason, judgement.passed) == (3.0, "three", False)
    once = runner.judge(case(rubric("tone", said(3))), run(), result()).judgements[0]
    assert judgement.input_tokens == 3 * once.input_tokens > 0


def test_a_judge_that_breaks_is_an_error_and_the_next_is_asked(runner: JudgeRunner) -> None:
    """Neither a pass nor a fail, and never silent."""
    judged = runner.judge(case(rubric("broke", said(error=400)), rubric("next", said(5))), run(), result())

    assert [each.status for each in judged.verdicts] == ["error", "pass"]
    assert "400" in judged.judgements[0].error
    assert judged.judgements[0].passed is None


@pytest.mark.parametrize("mocked", [(said(7),), (said(4.5),)])
def test_a_score_off_the_scale_breaks_the_judge_or_counts(runner: JudgeRunner, mocked: tuple[object, ...]) -> None:
    """Off the scale is no judgement; between two numbers is one."""
    (verdict,) = runner.judge(case(rubric("tone", *mocked)), run(), result()).verdicts  # type: ignore[arg-type]

    assert verdict.status == ("error" if mocked[0] == said(7) else "pass")


def test_without_an_answer_in_mock_nobody_is_asked(runner: JudgeRunner) -> None:
    """It is a skip that is counted and named."""
    judged = runner.judge(case(rubric("tone")), run(), result())

    assert judged.verdicts[0].status == "skip"
    assert judge_measurements(judged.judgements)["judge.unjudged"] == 1
    assert any("1 judgement not made, which is no pass" in note for note in judge_notes(judged.judgements))


def test_an_answer_that_never_came_is_not_judged(runner: JudgeRunner) -> None:
    """What the target raised fails the case elsewhere."""
    raised = replace(run(None), error=RunError(type="ValueError", bases=(), message="", traceback=""))

    assert runner.judge(case(rubric("tone", said(5))), raised, result()).verdicts[0].status == "skip"


def test_a_part_that_is_not_there_is_an_error(runner: JudgeRunner) -> None:
    """A judge is never shown something else instead."""
    (verdict,) = runner.judge(case(rubric("tone", said(5), of="answr")), run(), result()).verdicts

    assert verdict.status == "error"
    assert "answr" in verdict.reason


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_of_mlflow_asks_over_the_wire(runner: JudgeRunner, name: str) -> None:
    """It says yes and no as it is answered, and what it used is counted."""
    needs = {key: ("x",) if key != "expected_response" else "x" for key in SCORERS[name].needs[:1]}
    rule = JudgeRule(name="it", scorer=name, scale=(0, 1), min=1, mock=(said(1),), **needs)  # type: ignore[arg-type]

    yes = runner.judge(case(rule), run(), result())
    no = runner.judge(case(replace(rule, mock=(said(0, "No."),))), run(), result())
    broke = runner.judge(case(replace(rule, mock=(said(error=401),))), run(), result())

    assert [yes.verdicts[0].status, no.verdicts[0].status] == ["pass", "fail"]
    assert no.judgements[0].reason == "No."
    assert no.judgements[0].input_tokens > 0
    assert broke.verdicts[0].status == "error"
    assert "401" in broke.verdicts[0].reason


def test_a_scorer_that_goes_past_the_wire_is_no_judge(monkeypatch: pytest.MonkeyPatch, runner: JudgeRunner) -> None:
    """Another version of MLflow may send its requests otherwise: then nothing was asked over the wire."""
    monkeypatch.setattr("mlflow.genai.judges.adapters.gateway_adapter.send_chat_request", None)
    monkeypatch.delattr("mlflow.genai.judges.adapters.gateway_adapter.send_chat_request")
    rule = JudgeRule(name="it", scorer="mlflow.Safety", scale=(0, 1), min=1, mock=(said(1),))

    (verdict,) = runner.judge(case(rule), run(), result()).verdicts
    assert verdict.status == "error"
    assert "send_chat_request" in verdict.reason


def test_replay_without_a_recording_is_an_error_of_the_judge(tmp_path: Path) -> None:
    """Nothing is recorded, nothing is sent, nothing passes; record without a budget spends nothing."""
    import os  # noqa: PLC0415  the wire changes it

    prices = PriceTable.load()
    for mode, told in (("replay", "nothing was recorded"), ("record", "would have been paid for")):
        cassette_store = CassetteStore(tmp_path, prices=prices)
        budget = SessionBudget(None, folder=tmp_path, prices=prices)
        wire = ClaudeWire(
            mode=mode,  # type: ignore[arg-type]
            environ=os.environ,
            clock=SystemClock(),
            cassette_store=cassette_store,
            budget=budget,
        )
        wire.start()
        asking = Asking()
        os.environ.setdefault("ANTHROPIC_API_KEY", "none")
        try:
            runner = JudgeRunner(
                claude=wire, ask=asking, scorer=score, price=prices.cost_usd, model=MODEL, is_mocked=False
            )
            (verdict,) = runner.judge(case(rubric("tone", said(5))), run(), result()).verdicts
        finally:
            asking.close()
            wire.stop()
            os.environ.pop("ANTHROPIC_API_KEY", None)
        assert verdict.status == "error"
        assert told in verdict.reason


def test_a_shared_judge_is_completed_by_the_case() -> None:
    """What the case says wins; a judge that nobody described is told with the nearest name."""
    shared = {"tone": JudgeRule(name="tone", rubric="Polite.", min=4, of="answer")}
    own = JudgeRule(name="tone", min=5, mock=(said(5),), given=frozenset({"min"}))

    (rule,) = called((own,), shared, where="file:1")
    assert (rule.rubric, rule.min, rule.of, rule.mock) == ("Polite.", 5, "answer", (said(5),))
    with pytest.raises(UsageError, match="did you mean 'tone'"):
        called((JudgeRule(name="tune"),), shared, where="file:1")


def test_a_broken_judge_leaves_a_case_inconclusive() -> None:
    """With anything else wrong, or not judged, it is what that is."""
    broken = Verdict(check="judge.tone", status="error", reason="the judge broke: 529")

    def status(*verdicts: Verdict, plan: RepeatPlan | None = None) -> str:
        return sum_up([replace(result(), verdicts=verdicts)], plan or RepeatPlan()).status

    assert status(broken) == "inconclusive"
    assert status(broken, Verdict(check="output", status="fail")) == "fail"
    assert status(broken, Verdict(check="logging", status="error")) == "error"
    assert status(Verdict(check="judge.tone", status="fail")) == "fail"


def test_a_judgement_survives_its_json() -> None:
    """Also one without a score."""
    for judgement in (
        Judgement(judge="a", case="t/x", score=4.0, passed=True, reason="r", model="m", input_tokens=3, cost_usd=0.1),
        Judgement(judge="a", case="t/x", error="broke", cost_usd=None),
    ):
        assert from_json(Judgement, to_json(judgement)) == judgement
