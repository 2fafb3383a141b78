"""Documents of a retrieval, and the context made of them, as spans record them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.contract.scope import Unresolved, found

if TYPE_CHECKING:
    from e2i_eval.checks.contract.contract import RagRules
    from e2i_eval.checks.contract.scope import ContractScope
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Span

__all__ = ["context_text", "documents_in", "id_of", "query_in", "score_of", "text_of"]

DOCUMENT_PATHS = ("documents", "output.documents", "output", "results")
"""Where a span's outputs may hold the documents, unless they are the list itself."""

QUERY_PATHS = ("query", "input", "question", "input.query")

TEXT_PATHS = ("page_content", "text", "content", "body", "metadata.text")
"""Where a document may hold its text."""


def context_text(path: str, scope: ContractScope, spans: list[Span]) -> str | None:
    """Return the context from the scope, or from ``spans.<name>.<side>.<path>``."""
    if path.startswith("spans."):
        _, name, side, *rest = path.split(".")
        values = [
            value
            for span in spans
            if span.name == name
            for value in found({"inputs": span.inputs, "outputs": span.outputs}, ".".join([side, *rest]))
        ]
        return str(values[-1]) if values and values[-1] else None
    try:
        value = scope.at(path)
    except Unresolved:
        return None
    return str(value) if value else None


def documents_in(outputs: JsonValue) -> list[JsonValue]:
    """Return the documents in the outputs of a retriever or a reranker, in order; empty when there are none."""
    if isinstance(outputs, (list, tuple)):
        return [each for each in outputs if isinstance(each, dict)]
    for path in DOCUMENT_PATHS:
        for value in found(outputs, path):
            if isinstance(value, (list, tuple)):
                return [each for each in value if isinstance(each, dict)]
    return []


def query_in(inputs: JsonValue) -> str | None:
    """Return the query in the inputs of a retriever; None when it is not logged."""
    if isinstance(inputs, str):
        return inputs or None
    return next((str(value) for path in QUERY_PATHS for value in found(inputs, path) if value), None)


def id_of(document: JsonValue, rules: RagRules) -> JsonValue:
    """Return the id of a document; None when it has none."""
    document = _inner(document)
    return next((value for path in rules.ids for value in found(document, path) if value not in (None, "")), None)


def text_of(document: JsonValue) -> str | None:
    """Return the text of a document; None when it is not logged."""
    texts = (value for path in TEXT_PATHS for value in found(_inner(document), path))
    return next((value for value in texts if isinstance(value, str) and value.strip()), None)


def score_of(document: JsonValue, rules: RagRules) -> float | None:
    """Return the score of a document; None when it has none."""
    values = (value for path in rules.scores for value in found(_inner(document), path))
    return next((float(value) for value in values if isinstance(value, (int, float))), None)


def _inner(document: JsonValue) -> JsonValue:
    """Return the fields of a document that LangChain dumped as a constructor."""
    return document["kwargs"] if isinstance(document, dict) and "lc" in document and "kwargs" in document else document
