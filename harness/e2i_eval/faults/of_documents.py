"""Faults in what is logged of a retrieval and a reranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.faults.fault_list import FaultList
from e2i_eval.faults.needs import DOCUMENTS, RERANKED
from e2i_eval.faults.sent_span import INPUTS, OUTPUTS, Spans
from e2i_eval.faults.values import each_mapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.faults.control_run import ControlRun

__all__ = ["DOCUMENT_FAULTS"]

DOCUMENT_FAULTS = FaultList(kind="missing", place="log", checks=("trace",))
"""Retrieved documents, then reranked ones."""


@DOCUMENT_FAULTS.spans(
    "retrieval-lost",
    "What was retrieved is not logged.",
    source="seen on a platform of this kind: retrieval with all back ends down reported success",
    says="RETRIEVER",
    needs=(DOCUMENTS,),
)
def lose_retrieval(spans: Spans, _control_run: ControlRun) -> Spans:
    """Lose what was retrieved."""
    return [span for span in spans if span.type != "RETRIEVER"]


@DOCUMENT_FAULTS.spans(
    "query-lost",
    "What was searched for is not logged.",
    source="own: a retriever that is called with an object",
    says="query",
    needs=(DOCUMENTS,),
)
def lose_query(spans: Spans, _control_run: ControlRun) -> Spans:
    """Lose what was searched for."""
    for span in spans:
        if span.type == "RETRIEVER":
            span.attributes[INPUTS] = {}
    return spans


@DOCUMENT_FAULTS.spans(
    "document-ids-lost",
    "Retrieved documents have no id.",
    source="own: documents are logged as texts",
    says="without id",
    needs=(DOCUMENTS,),
)
def lose_document_ids(spans: Spans, control_run: ControlRun) -> Spans:
    """Log documents that nobody can find again."""
    names = {name.rpartition(".")[2] for name in (control_run.contract.rag.ids if control_run.contract.rag else ())}
    return _in_documents(spans, lambda each: {key: value for key, value in each.items() if key not in names})


@DOCUMENT_FAULTS.spans(
    "document-scores-lost",
    "Retrieved documents have no score.",
    source="own: LangChain's retrievers return documents without their scores",
    says="without score",
    needs=(DOCUMENTS,),
)
def lose_document_scores(spans: Spans, control_run: ControlRun) -> Spans:
    """Log documents without how well they fit."""
    names = {name.rpartition(".")[2] for name in (control_run.contract.rag.scores if control_run.contract.rag else ())}
    return _in_documents(spans, lambda each: {key: value for key, value in each.items() if key not in names})


@DOCUMENT_FAULTS.spans(
    "reranking-lost",
    "How documents were reranked is not logged.",
    source="own: a reranker that is a plain function",
    says="RERANKER",
    needs=(RERANKED,),
)
def lose_reranking(spans: Spans, _control_run: ControlRun) -> Spans:
    """Lose how the documents were reranked."""
    return [span for span in spans if span.type != "RERANKER"]


@DOCUMENT_FAULTS.spans(
    "scores-reordered",
    "Reranked documents are logged in another order than their scores.",
    source="own: documents are logged before they are sorted, scores after",
    kind="wrong",
    says="order of its scores",
    needs=(RERANKED,),
)
def reverse_scores(spans: Spans, _control_run: ControlRun) -> Spans:
    """Log reranked documents in another order than their scores say."""
    for span in spans:
        if span.type == "RERANKER":
            span.attributes[OUTPUTS] = _reversed_lists(span.attributes.get(OUTPUTS))
    return spans


def _in_documents(spans: Spans, change: Callable[[dict[str, JsonValue]], dict[str, JsonValue]]) -> Spans:
    for span in spans:
        if span.type == "RETRIEVER":
            span.attributes[OUTPUTS] = each_mapping(span.attributes.get(OUTPUTS), change)
    return spans


def _reversed_lists(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return value[::-1]
    if isinstance(value, dict):
        return {key: _reversed_lists(each) for key, each in value.items()}
    return value
