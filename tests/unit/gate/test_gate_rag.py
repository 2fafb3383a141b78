"""Rules on measures of retrieval, which only some cases ask for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from tests.unit.gate.conftest import Bench

    from e2i_eval.runner.report import CaseResult

ASKED = (Verdict(check="rag", status="pass"),)


def asking(case: CaseResult) -> CaseResult:
    """Return the result of a case that asks for the measures."""
    return replace(case, verdicts=ASKED)


@pytest.mark.parametrize(("rule", "status"), [(">=0.7", "pass"), (">=0.8", "fail")])
def test_a_limit_is_on_the_mean_of_the_cases_that_ask(bench: Bench, rule: str, status: str) -> None:
    """One that does not has nothing to measure; one that does and has no number fails the rule."""
    cases = (
        asking(bench.case("a/x", rag_groundedness=1.0)),
        asking(bench.case("a/y", rag_groundedness=0.5)),
        bench.case("a/z"),
    )

    assert bench.judge(f"rag_groundedness:{rule}", cases=cases).status == status
    unmeasured = bench.judge(f"rag_groundedness:{rule}", cases=(*cases, asking(bench.case("a/u"))))
    assert (unmeasured.status, unmeasured.reason) == ("fail", "rag_groundedness of a/u could not be measured")


def test_nothing_asked_for_is_nothing_judged(bench: Bench) -> None:
    """It is not called kept."""
    assert bench.judge("rag_citations:>=1", cases=(bench.case("a/x"),)).status == "inconclusive"


@pytest.mark.parametrize(("after", "status"), [({"rag_context_recall": 0.5}, "fail"), ({}, "fail")])
def test_a_change_is_judged_case_by_case(bench: Bench, after: dict[str, float], status: str) -> None:
    """A measure that is worse, or gone."""
    kept = bench.pair("a/x", {"rag_context_recall": 1.0}, {"rag_context_recall": 1.0})

    changed = bench.judge("rag_context_recall:-0%", pairs=(kept, bench.pair("a/y", {"rag_context_recall": 1.0}, after)))

    assert bench.judge("rag_context_recall:-0%", pairs=(kept,)).status == "pass"
    assert changed.status == status
