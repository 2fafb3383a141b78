"""Measures of retrieval, citations and groundedness, each with evidence that breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2i_eval.checks.contract.contract import Contract, RagRules
from e2i_eval.checks.rag import rag_check, rag_measurements
from e2i_eval.checks.rag.ranking import context_precision, context_recall
from e2i_eval.checks.rag.wording import Wording, sentences
from e2i_eval.core.errors import CaseFileError
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run, RunError
from e2i_eval.core.trace import Span, Trace
from e2i_eval.dataset.made_case import make_case

if TYPE_CHECKING:
    from e2i_eval.core.case import RagRule

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)

TEXTS = {
    "dose": "The starting dose of ribociclib is 400 mg once daily. Treatment lasts for 3 years.",
    "ecg": "An ECG is taken before the first dose and repeated after two weeks.",
    "price": "Wholesale prices are set in each country.",
}
CONTEXT = "\n".join(f'<passage key="{key}">\n{text}\n</passage>' for key, text in TEXTS.items())
ANSWER = "The dose is 400 mg once daily [dose]. An ECG is repeated after 2 weeks [ecg]."
CONTRACT = Contract(rag=RagRules(context="output.context"))
ALL = {name: {"min": 1.0} for name in ("context_precision", "context_recall", "citations", "groundedness")}


def span_of(kind: str, ids: list[str], *, with_text: bool = True) -> Span:
    """Return the span of a retriever or a reranker that found these documents."""
    documents = [{"id": each, "score": 1.0, **({"page_content": TEXTS[each]} if with_text else {})} for each in ids]
    return Span(
        span_id=kind,
        parent_id=None,
        name=kind.lower(),
        type=kind,
        status="OK",
        started_at_s=0.0,
        duration_s=0.1,
        inputs={"query": "What is the dose of Kisqali?"},
        outputs=documents,
    )


def evidence_of(
    rag: dict[str, Any], *, answer: object = ANSWER, context: str = CONTEXT, spans: tuple[Span, ...] | None = None
) -> Evidence:
    """Return evidence of an answer from three passages."""
    case = make_case("rag/dose", target="rag", inputs={}, expect={"rag": rag})
    run = Run(output={"answer": answer, "context": context}, error=None, started_at_s=0.0, duration_s=0.1)
    told = (span_of("RETRIEVER", list(TEXTS)),) if spans is None else spans
    trace = Trace(trace_id="t", state="OK", experiment_id="0", started_at_s=0.0, duration_s=1.0, spans=told)
    return Evidence(case=case, run=run, traces=(trace,))


def rule_of(evidence: Evidence) -> RagRule:
    """Return what the case asks for."""
    rule = evidence.case.expect.rag
    assert rule is not None
    return rule


def measures(evidence: Evidence) -> dict[str, float]:
    """Return the measurements without their prefix."""
    return {
        name.removeprefix("rag_"): value
        for name, value in rag_measurements(rule_of(evidence), evidence, CONTRACT).items()
    }


def test_a_good_answer_has_full_marks() -> None:
    """And the verdict passes with the numbers in it."""
    evidence = evidence_of({"relevant": ["dose", "ecg"], **ALL})
    check = rag_check(rule_of(evidence), CONTRACT)

    verdict = check.judge(evidence)

    assert measures(evidence) == dict.fromkeys(ALL, 1.0)
    assert (verdict.status, verdict.score) == ("pass", 1.0)
    assert verdict.reason == "context precision 1.00, context recall 1.00, citations 1.00, groundedness 1.00"


@pytest.mark.parametrize(
    ("relevant", "answer", "measure", "value", "why"),
    [
        (["ecg"], ANSWER, "context_precision", 0.5, "1. dose  (not relevant)"),
        (["price", "dose"], ANSWER, "context_precision", (1 + 2 / 3) / 2, "2. ecg  (not relevant)"),
        (["missing"], ANSWER, "context_precision", 0.0, "3. price  (not relevant)"),
        (["dose", "missing"], ANSWER, "context_recall", 0.5, "not in the context: missing"),
        (["dose"], ANSWER.replace("[ecg]", "[price]"), "citations", 0.5, "the number 2 is not there"),
        (["dose"], ANSWER.replace("[ecg]", "[invented]"), "citations", 0.5, "is in no document of the context"),
        (["dose"], ANSWER.replace("[ecg]", "[ecg, price]"), "citations", 2 / 3, "[price] holds nothing of the claim"),
        (["dose"], ANSWER.replace("400", "600"), "citations", 0.5, "the number 600 is not there"),
        (["dose"], ANSWER.replace("[ecg]", "[9]"), "citations", 0.5, "[9] is in no document"),
        (["dose"], ANSWER.replace("400", "600"), "groundedness", 0.5, "the number 600 is not there"),
        (["dose"], f"{ANSWER} As Dr Miller says.", "groundedness", 2 / 3, "the name dr, miller is not there"),
        (
            ["dose"],
            f"{ANSWER} Patients prefer capsules swallowed whole.",
            "groundedness",
            2 / 3,
            "5 of 5 terms are not there",
        ),
    ],
)
def test_each_measure_is_pulled_down(relevant: list[str], answer: str, measure: str, value: float, why: str) -> None:
    """By what the finding then names."""
    evidence = evidence_of({"relevant": relevant, measure: {"min": 1.0}}, answer=answer)
    check = rag_check(rule_of(evidence), CONTRACT)

    verdict = check.judge(evidence)

    assert measures(evidence)[measure] == pytest.approx(value)
    assert verdict.status == "fail"
    assert why in verdict.findings[0].message
    assert verdict.findings[0].field == f"rag.{measure}"


@pytest.mark.parametrize(
    ("answer", "citations"),
    [
        ("The dose is 400 mg [1]. An ECG comes first [2].", 1.0),
        ("The dose is 400 mg. [dose]\nAn ECG comes first. [ecg]", 1.0),
        ("The dose is 400 mg [dose], and an ECG comes first [ecg].", 1.0),
        ("The dose is 400 mg [ecg], and an ECG comes first [dose].", 0.0),
        ("The dose is 400 mg and an ECG comes first [dose][ecg].", 1.0),
        ("Kisqali is taken once daily [dose].", 1.0),
    ],
)
def test_citations_belong_to_what_stands_before_them(answer: str, citations: float) -> None:
    """By id or by number, behind a clause or behind the full stop; a name of the question is not made up."""
    assert measures(evidence_of({"citations": {"min": 1}}, answer=answer))["citations"] == citations


def test_the_context_is_what_the_model_saw() -> None:
    """Not what was retrieved: in its order, without what was cut, whatever escapes it is written with."""
    shown = CONTEXT.split("</passage>")
    context = shown[1] + shown[0].replace("'", "&#x27;")
    reranked = (span_of("RETRIEVER", list(TEXTS)), span_of("RERANKER", ["price", "dose", "ecg"], with_text=False))
    evidence = evidence_of(
        {"relevant": ["dose", "price"], "context_recall": {"min": 0}}, context=context, spans=reranked
    )

    found = measures(evidence)

    assert (found["context_precision"], found["context_recall"]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        ({"spans": ()}, "error", "no RETRIEVER span"),
        ({"context": ""}, "error", "the final context is not logged"),
        ({"answer": "No idea."}, "fail", "the answer cites nothing"),
        ({"answer": None}, "fail", "the answer cites nothing"),
        ({"spans": (span_of("RETRIEVER", ["dose", "ecg"], with_text=False),)}, "error", "no span records the text"),
    ],
)
def test_what_cannot_be_measured_is_no_pass(change: dict[str, Any], status: str, why: str) -> None:
    """And leaves no number behind."""
    evidence = evidence_of({"citations": {"min": 0.0}}, **change)
    check = rag_check(rule_of(evidence), CONTRACT)

    verdict = check.judge(evidence)

    assert verdict.status == status
    assert why in " ".join([verdict.reason, *(finding.message for finding in verdict.findings)])
    assert "citations" not in measures(evidence)


def test_a_contract_without_a_context_and_a_target_that_raised() -> None:
    """Both are said; the server not answering is an error."""
    evidence = evidence_of(ALL | {"relevant": ["dose"]})
    raised = replace(
        evidence, run=replace(evidence.run, error=RunError(type="ValueError", bases=(), message="", traceback=""))
    )

    check = rag_check(rule_of(evidence), CONTRACT)
    unknowing = rag_check(rule_of(evidence), Contract())

    assert "the contract has no section [rag]" in unknowing.judge(evidence).reason
    assert check.judge(raised).status == "fail"
    assert check.judge(replace(evidence, traces=None, unknown="gone")).reason == "unknown: gone"


@pytest.mark.parametrize(
    ("rag", "message"),
    [
        ({}, "demands nothing"),
        ({"relevant": ["a"]}, "demands nothing"),
        ({"context_recall": {"min": 1.0}}, "has 'context_recall' and no 'relevant' ids"),
        ({"relevant": [], "citations": {"min": 1.0}}, "relevant"),
        ({"citations": {}}, "demands nothing; give it min or max"),
        ({"citations": {"min": 2.0}}, "less than or equal to 1"),
        ({"citations": {"min": 0.9, "max": 0.1}}, "can never hold"),
        ({"citatoins": {"min": 1.0}}, "did you mean 'citations'?"),
    ],
)
def test_a_mistake_in_the_case_is_told(rag: dict[str, Any], message: str) -> None:
    """A measure that could never fail or never be taken is refused."""
    with pytest.raises(CaseFileError) as refused:
        make_case("rag/dose", target="rag", inputs={}, expect={"rag": rag})

    assert message in str(refused.value)


@QUICK
@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_precision_falls_when_a_relevant_document_comes_later(marks: list[bool]) -> None:
    """It is one when the relevant come first, and never rises when a pair is swapped for the worse."""
    ids = [str(at) for at in range(len(marks))]
    relevant = {each for each, mark in zip(ids, marks, strict=True) if mark}
    sorted_ids = sorted(ids, key=lambda each: each not in relevant)
    value = context_precision(ids, relevant)

    assert 0 <= value <= 1
    assert context_precision(sorted_ids, relevant) == (1.0 if relevant else 0.0)
    for at in range(len(ids) - 1):
        if marks[at] and not marks[at + 1]:
            later = [*ids[:at], ids[at + 1], ids[at], *ids[at + 2 :]]
            assert context_precision(later, relevant) < value


def test_recall_without_labels_is_undefined() -> None:
    """There is no share of nothing."""
    with pytest.raises(ValueError, match="no document is labelled"):
        context_recall(["a"], [])


@pytest.mark.parametrize(
    ("text", "numbers", "names"),
    [
        ("It costs 1,000.50 dollars, i.e. 2.50 % more.", {"1000.5", "2.5"}, set()),
        ("MONALEESA-2 enrolled 668 women in Europe [study-17].", {"2", "668"}, {"monaleesa-2", "europe"}),
        ("Version 1.2.3 came.", {"1.2.3"}, set()),
        ("It is 400mg of B12 twice.", {"400"}, {"b12"}),
    ],
)
def test_numbers_and_names(text: str, numbers: set[str], names: set[str]) -> None:
    """In one spelling; keys of citations are none."""
    found = Wording.of(text)

    assert found.numbers == numbers
    assert found.names == names


def test_sentences() -> None:
    """Items of lists are some; a full stop in a number is none."""
    assert sentences("It is 2.5 mg. [a] Then:\n- one thing\n- another.") == (
        "It is 2.5 mg [a].",
        "Then:",
        "one thing",
        "another.",
    )
