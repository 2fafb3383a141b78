"""The measures of one case, with what pulls each of them down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.compare.data_path import value_at
from e2i_eval.checks.rag.citations import citations_in
from e2i_eval.checks.rag.groundedness import judged_sentences
from e2i_eval.checks.rag.ranking import context_precision, context_recall
from e2i_eval.checks.rag.retrieval import retrieval_of
from e2i_eval.core.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract import Contract
    from e2i_eval.checks.rag.retrieval import Retrieval
    from e2i_eval.core.case import RagRule
    from e2i_eval.core.evidence import Evidence

__all__ = ["RagMeasure", "measured", "rag_measurements"]

PREFIX = "rag_"
"""Of the names under which reports, MLflow and the gate know the measures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RagMeasure:
    """One measure.

    Attributes:
        name: as in the case file.
        value: 0 to 1; None when there is nothing to measure.
        why: what pulls it below 1, a line each; for None what is missing.
    """

    name: str
    value: float | None
    why: tuple[str, ...] = ()


def measured(rule: RagRule, evidence: Evidence, contract: Contract) -> tuple[RagMeasure, ...]:
    """Return what can be measured of a case: ranking where documents are labelled, and what the answer makes of it.

    Raises:
        UnknownError: the traces do not record what is needed.
    """
    retrieval = retrieval_of(evidence, contract)
    return (*_of_ranking(rule, retrieval), *_of_answer(_answer(rule, evidence), retrieval))


def rag_measurements(rule: RagRule, evidence: Evidence, contract: Contract) -> dict[str, float]:
    """Return the measures of a case that asks for them by ``expect.rag``; what is not known is absent, never zero."""
    try:
        found = measured(rule, evidence, contract)
    except UnknownError:
        return {}
    return {f"{PREFIX}{each.name}": each.value for each in found if each.value is not None}


def _answer(rule: RagRule, evidence: Evidence) -> str:
    if evidence.run.error is not None:
        return ""
    answer = value_at(evidence.run.output, rule.answer)
    return answer if isinstance(answer, str) else ""


def _of_ranking(rule: RagRule, retrieval: Retrieval) -> Iterator[RagMeasure]:
    if not rule.relevant:
        return
    order = tuple(
        f"{rank}. {each}{'' if each in rule.relevant else '  (not relevant)'}"
        for rank, each in enumerate(retrieval.ids, 1)
    )
    yield RagMeasure(name="context_precision", value=context_precision(retrieval.ids, rule.relevant), why=order)
    missing = tuple(f"not in the context: {each}" for each in rule.relevant if each not in retrieval.ids)
    yield RagMeasure(name="context_recall", value=context_recall(retrieval.ids, rule.relevant), why=missing)


def _of_answer(answer: str, retrieval: Retrieval) -> Iterator[RagMeasure]:
    citations = citations_in(answer, retrieval)
    wrong = tuple(f"[{each.key}] {each.wrong} ({each.claim})" for each in citations if each.wrong)
    yield _share("citations", len(citations), wrong, nothing="the answer cites nothing")
    sentences = judged_sentences(answer, retrieval)
    loose = tuple(f"{each.wrong} ({each.text})" for each in sentences if each.wrong)
    yield _share("groundedness", len(sentences), loose, nothing="the answer says nothing that words can be found of")


def _share(name: str, total: int, wrong: tuple[str, ...], *, nothing: str) -> RagMeasure:
    if not total:
        return RagMeasure(name=name, value=None, why=(nothing,))
    return RagMeasure(name=name, value=1 - len(wrong) / total, why=wrong)
