"""A retrieval: the documents, the context made of them and the answer, as the traces show."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.rag_documents import context_text, documents_in, id_of, query_in, text_of
from e2i_eval.checks.contract.scope import scope_of
from e2i_eval.core.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from e2i_eval.checks.contract import Contract
    from e2i_eval.checks.contract.contract import RagRules
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Span

__all__ = ["Retrieval", "retrieval_of"]

NO_SECTION = 'the contract has no section [rag] that names the context; add it, e.g. context = "output.context"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """What was retrieved and shown to the model.

    Attributes:
        query: what was searched for; empty when no span records it.
        texts: text of each document by id; empty where no span records it.
        ids: documents that are in the context, in its order.
        context: the text the model was shown.
    """

    query: str
    texts: Mapping[str, str]
    ids: tuple[str, ...]
    context: str


def retrieval_of(evidence: Evidence, contract: Contract) -> Retrieval:
    """Return the retrieval of one case.

    Raises:
        UnknownError: the traces do not record it, or the contract does not say where the context is.
    """
    rules = contract.rag
    if evidence.traces is None:
        raise UnknownError(evidence.unknown or "the tracking server could not be asked")
    if rules is None or rules.context is None:
        raise UnknownError(NO_SECTION)
    spans = [span for trace in evidence.traces for span in trace.spans]
    context = context_text(rules.context, scope_of(evidence, None), spans)
    if not context:
        what = f"the final context is not logged ({rules.context})"
        raise UnknownError(what)
    retrievers = [span for span in spans if span.type == "RETRIEVER" and fnmatchcase(span.name, rules.retriever)]
    if not retrievers:
        what = f"no RETRIEVER span {rules.retriever!r} is logged"
        raise UnknownError(what)
    rerankers = [span for span in spans if span.type == "RERANKER" and fnmatchcase(span.name, rules.reranker or "*")]
    texts = _texts([*retrievers, *rerankers], rules)
    return Retrieval(
        query=next((query for span in retrievers if (query := query_in(span.inputs))), ""),
        texts=texts,
        ids=_ids_in(context, texts),
        context=_plain(context),
    )


def _texts(spans: Iterable[Span], rules: RagRules) -> dict[str, str]:
    """Return the longest text that is logged of each document; a reranker may log none, or only a part."""
    texts: dict[str, str] = {}
    for document in (each for span in spans for each in documents_in(span.outputs)):
        key = _key(id_of(document, rules))
        if key:
            texts[key] = max(texts.get(key, ""), text_of(document) or "", key=len)
    return texts


def _key(value: JsonValue) -> str:
    return "" if value is None else str(value)


def _ids_in(context: str, texts: Mapping[str, str]) -> tuple[str, ...]:
    plain = _plain(context)
    places = {key: _place(key, _plain(text), plain) for key, text in texts.items()}
    return tuple(sorted((key for key, at in places.items() if at >= 0), key=lambda key: places[key]))


def _place(key: str, text: str, context: str) -> int:
    """Return where a document begins in the context; -1 when it is not there.

    By its text; by its id when that is marked, because a context may hold a document cut or rewritten.
    """
    if text and (at := context.find(text)) >= 0:
        return at
    marked = re.search(rf"[\"'\[(<=:#]\s*{re.escape(key)}\s*[\"'\])>:]", context)
    return marked.start() if marked else -1


def _plain(text: str) -> str:
    """Return ``text`` without escapes of markup and with single spaces, which is how both sides are compared."""
    return " ".join(html.unescape(text).split())
