"""Rules on what the cases exercise of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.checks.coverage import CoveredPart, TargetCoverage
from e2i_eval.core.errors import UsageError
from e2i_eval.gate.rules.decide import decide
from e2i_eval.gate.rules.gate_input import GateInput
from e2i_eval.gate.rules.gate_scope import GateScope
from e2i_eval.gate.rules.rule import parse_rule
from e2i_eval.gate.rules.rulebook import AppliedRule
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from e2i_eval.core.decision import Decision

ONE = CaseResult(case_id="a/one", target="a", nodeid="a/one", where="one.yaml:1", verdicts=())
HALF = TargetCoverage(
    target="a",
    runs=1,
    parts=(
        CoveredPart(kind="branches", name="load → work", cases=1, known="trace"),
        CoveredPart(kind="branches", name="load → decline", cases=0, known=""),
    ),
)


def judged(text: str, *coverage: TargetCoverage, scope: GateScope | None = None) -> Decision:
    """Judge one rule on target ``a``."""
    rule = parse_rule(text, where="here", targets=["a"])
    report = Report(session={"claude": "mock"}, environment={}, cases=(ONE,), coverage=coverage)
    gate_input = GateInput(report=report, scope=scope or GateScope(expected=("a/one",)))
    (decision,) = decide([AppliedRule(rule=rule, target="a")], gate_input)
    return decision


@pytest.mark.parametrize(
    ("text", "status"),
    [("coverage_branches:>=1", "fail"), ("coverage_branches:>=0.5", "pass"), ("coverage_retries:>=1", "pass")],
)
def test_the_share_is_judged(text: str, status: str) -> None:
    """A kind of which the graph has nothing is nothing to judge."""
    assert judged(text, HALF).status == status


def test_what_is_missing_is_named() -> None:
    """With what to do about it."""
    decision = judged("coverage_branches:>=1", HALF)

    assert decision.reason == "1 of 2 branches are exercised, 0.5 is beyond >=1"
    assert decision.explanation == ("no case exercises load → decline",)
    assert decision.measured == 0.5


def test_a_part_of_the_targets_cases_fails_nothing() -> None:
    """It says that it proves nothing."""
    decision = judged("coverage_branches:>=1", HALF, scope=GateScope(expected=("a/one",), left_out={"a": 3}))

    assert decision.status == "pass"
    assert "proves nothing" in decision.reason


@pytest.mark.parametrize(
    "coverage",
    [
        (),
        (TargetCoverage(target="a", runs=1, why_none="it is a plain callable"),),
        (TargetCoverage(target="a", runs=1, parts=HALF.parts[:1], unknown=("one does not declare where it leads",)),),
    ],
)
def test_what_is_unknown_fails(coverage: Any) -> None:  # noqa: ANN401  a tuple of coverages
    """Never a silent pass, also where all that is known is exercised."""
    assert judged("coverage_branches:>=1", *coverage).status == "fail"


@pytest.mark.parametrize("text", ["coverage_nodes:-1%", "coverage_nodes:<1", "coverage_nodes:>=0", "coverage_nodes:>1"])
def test_rules_without_sense_are_refused(text: str) -> None:
    """A change has no baseline; a limit that never fails or never passes guards nothing."""
    with pytest.raises(UsageError):
        parse_rule(text, where="here", targets=["a"])
