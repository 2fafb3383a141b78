"""What must hold between answers of the causal impact agent, whatever the single numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from e2i_eval.plugin.fixtures import Evaluate

pytestmark = pytest.mark.e2i("causal_impact")

TOLD = [
    {"node": "interpret", "tool_use": {"name": "Interpretation", "input": {"headline": "Told.", "explanation": "So."}}}
]


def answer(evaluate: Evaluate, **inputs: object) -> dict[str, Any]:
    """Ask what the campaign did and return the answer, everything about it having been judged."""
    question = {"question": "What did the rep campaign do to prescriptions?", "brand": "Kisqali", **inputs}
    output: dict[str, Any] = evaluate(evaluate.case(question, claude=TOLD)).evidence.run.output
    return output


def test_a_hidden_confounder_costs_confidence(evaluate: Evaluate) -> None:
    """The estimate may look as good as before; the confidence in it must not."""
    clean = answer(evaluate)
    confounded = answer(evaluate, confounded=True)

    assert confounded["causal_confidence"] < clean["causal_confidence"] / 2
    assert confounded["verdict"] != "supported"


def test_the_audience_changes_the_words_not_the_numbers(evaluate: Evaluate) -> None:
    """Who asks is irrelevant to what is true."""
    lead = answer(evaluate, audience="brand_lead")
    analyst = answer(evaluate, audience="analyst")

    numbers = ("ate", "ate_ci_low", "ate_ci_high", "causal_confidence", "refutations_passed")
    assert [lead[name] for name in numbers] == [analyst[name] for name in numbers]
