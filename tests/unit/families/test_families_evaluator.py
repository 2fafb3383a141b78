"""What the evaluator does for the families: more checks, judging what is there, a target built anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks import NamedCheck
from e2i_eval.claude.script import Script
from e2i_eval.core.case import Case, ScriptedAnswer, ScriptedError
from e2i_eval.core.verdict import Verdict
from e2i_eval.runner.config.settings import read_settings
from e2i_eval.runner.evaluation import Evaluator, SessionRef
from e2i_eval.runner.target import BuiltTarget
from e2i_eval.testing import InMemoryTracking, ManualClock, ScriptedClaude

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.runner.config.settings import TargetSettings

CASE = Case(id="shop/one", target="shop", inputs={"price": 2})


class Shop:
    """A target that counts how often it was built and called."""

    def __init__(self) -> None:
        self.built = 0
        self.called = 0

    def build(self, settings: TargetSettings) -> BuiltTarget:
        """Build it."""
        self.built += 1
        return BuiltTarget(name=settings.name, function=self.call, flush=None)

    def call(self, inputs: JsonObject) -> object:
        """Answer."""
        self.called += 1
        return dict(inputs)


def always(evidence: Evidence) -> Verdict:
    """Fail, and say of which case."""
    return Verdict(check="never", status="fail", reason=evidence.case.id)


NEVER = NamedCheck(name="never", judge=always)


class Stage:
    """An evaluator with everything outside faked."""

    def __init__(self, folder: Path, *, standing: tuple[NamedCheck, ...] = ()) -> None:
        (folder / "pyproject.toml").write_text('[tool.e2i_eval.targets.shop]\nentry = "shop:build"\n')
        self.shop = Shop()
        self.tracking = InMemoryTracking()
        self.evaluator = Evaluator(
            settings=read_settings(folder, {}, cache=folder, invocation=folder),
            session=SessionRef(session_id="s", name="s", uri="", scratch=str(folder), tags={}, params={}),
            claude=ScriptedClaude(),
            tracking=self.tracking,
            clock=ManualClock(),
            price=lambda _model, _usage: 0.0,
            secrets=(),
            build=self.shop.build,
            standing=lambda _target: standing,
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """An evaluator."""
    return Stage(tmp_path)


def test_checks_of_a_family_are_judged_and_recorded_with_the_others(stage: Stage) -> None:
    """One check more fails the case, on the server too."""
    assert stage.evaluator.evaluate(CASE, "node").result.status == "pass"
    found = stage.evaluator.evaluate(CASE, "node", checks=(NEVER,)).result

    assert found.status == "fail"
    assert "never" in {verdict.check for verdict in stage.tracking.runs[found.run_id].verdicts}


def test_standing_checks_judge_every_case(tmp_path: Path) -> None:
    """What a target must show always is looked for without anybody asking."""
    found = Stage(tmp_path, standing=(NEVER,)).evaluator.evaluate(CASE, "node").result

    assert found.verdicts[-1].check == "never"


def test_conclusion_calls_nothing_and_counts_nothing(stage: Stage) -> None:
    """It is a case of its own with a run of its own, on evidence that is there."""
    basis = stage.evaluator.evaluate(CASE, "node")
    case = Case(id="shop/truth/one", target="shop", inputs={})
    found = stage.evaluator.conclude(case, "other", (NEVER,), basis)

    assert stage.shop.called == 1
    assert (found.case_id, found.nodeid, found.status) == ("shop/truth/one", "other", "fail")
    assert [verdict.reason for verdict in found.verdicts] == ["shop/truth/one"]
    assert found.measurements == {"claude_calls": 0.0, "cost_usd": 0.0}
    assert stage.tracking.runs[found.run_id].status == "FAILED"


def test_conclusion_that_cannot_be_recorded_is_no_pass(stage: Stage) -> None:
    """With the server gone it is unknown whether anybody will ever see it."""
    basis = stage.evaluator.evaluate(CASE, "node")
    stage.tracking._left = 0  # noqa: SLF001  the fake's own way to die
    passing = NamedCheck(name="fine", judge=lambda _: Verdict(check="fine", status="pass"))

    assert stage.evaluator.conclude(CASE, "node", (passing,), basis).status == "error"


def test_target_is_built_anew_for_a_block_alone(stage: Stage) -> None:
    """Outside of it the target is the one it was."""
    stage.evaluator.evaluate(CASE, "node")
    with stage.evaluator.rebuilt("shop"):
        stage.evaluator.evaluate(CASE, "node")
        assert stage.shop.built == 2
    stage.evaluator.evaluate(CASE, "node")

    assert stage.shop.built == 2


def test_endless_answer_is_never_used_up_nor_left_over() -> None:
    """Claude stays overloaded however often it is asked, be it not at all."""
    script = Script((ScriptedAnswer(error=ScriptedError(status=529), is_endless=True),))
    assert script.left_over() == ()
    assert all(next(script.candidates(None)).left == 1 for _ in range(3))
