"""Judging what retrieval logged: documents with ids and scores, their reranking, the context in the prompt."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.difference import difference, excerpt
from e2i_eval.checks.contract.rag_documents import context_text, documents_in, id_of, query_in, score_of
from e2i_eval.checks.contract.wire_call import wire_calls
from e2i_eval.core.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.contract import RagRules
    from e2i_eval.checks.contract.demand_check import Judged
    from e2i_eval.checks.contract.scope import ContractScope
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Span

__all__ = ["judge_rag"]


def judge_rag(rules: RagRules, evidence: Evidence, scope: ContractScope) -> Iterator[Judged]:
    """Yield the outcomes of the contract's ``rag`` section."""
    if evidence.traces is None or not scope.holds(rules.when):
        return
    spans = [span for trace in evidence.traces for span in trace.spans]
    retrievers = [span for span in spans if span.type == "RETRIEVER" and fnmatchcase(span.name, rules.retriever)]
    if not retrievers:
        yield _absent("RETRIEVER", rules.retriever, rules)
    for span in retrievers:
        yield from _retriever(span, rules)
    if rules.reranker is not None and scope.holds(rules.reranker_when):
        known = {id_of(document, rules) for span in retrievers for document in documents_in(span.outputs)}
        yield from _rerankers(spans, known, rules)
    if rules.context is not None:
        yield _context(rules, evidence, scope, spans)


def _absent(type_: str, name: str, rules: RagRules) -> Finding:
    message = f"no {type_} span {name!r} is logged"
    return Finding(message=message, field=f"{type_} span", expected=f"1 {type_} span", actual="none", where=rules.where)


def _retriever(span: Span, rules: RagRules) -> Iterator[Judged]:
    if not query_in(span.inputs):
        yield _wrong(span, rules, "query", "a query in the inputs", str(span.inputs), "does not record the query")
    yield from _described(span, rules)


def _described(span: Span, rules: RagRules) -> Iterator[Judged]:
    """Every document has an id and a score, and no id comes twice."""
    documents = documents_in(span.outputs)
    ids = [id_of(document, rules) for document in documents]
    for index, document in enumerate(documents):
        if ids[index] is None:
            yield _wrong(
                span, rules, f"documents.{index}", "an id", excerpt(str(document)), "has a document without id"
            )
        if score_of(document, rules) is None:
            what = "has a document without score"
            yield _wrong(span, rules, f"documents.{index}", "a score", excerpt(str(document)), what)
    repeated = sorted({str(each) for each in ids if each is not None and ids.count(each) > 1})
    if repeated:
        yield _wrong(span, rules, "documents", "each id once", ", ".join(repeated), "has a document twice")
    yield None


def _rerankers(spans: list[Span], known: set[JsonValue], rules: RagRules) -> Iterator[Judged]:
    rerankers = [span for span in spans if span.type == "RERANKER" and fnmatchcase(span.name, rules.reranker or "*")]
    if not rerankers:
        yield _absent("RERANKER", rules.reranker or "*", rules)
    for span in rerankers:
        yield from _described(span, rules)
        yield from _order(span, known, rules)


def _order(span: Span, known: set[JsonValue], rules: RagRules) -> Iterator[Judged]:
    documents = documents_in(span.outputs)
    foreign = [str(id_of(document, rules)) for document in documents if id_of(document, rules) not in known]
    if foreign:
        expected, actual = "documents that were retrieved", ", ".join(foreign)
        yield _wrong(span, rules, "documents", expected, actual, "ranks documents nobody retrieved")
    scores = [score for document in documents if (score := score_of(document, rules)) is not None]
    if any(before < after for before, after in pairwise(scores)):
        actual = ", ".join(f"{score:g}" for score in scores)
        yield _wrong(span, rules, "scores", "scores that never rise", actual, "is not in the order of its scores")
    if not documents and known:
        yield _wrong(span, rules, "documents", "the reranked documents", str(span.outputs), "records no documents")


def _context(rules: RagRules, evidence: Evidence, scope: ContractScope, spans: list[Span]) -> Judged:
    path = rules.context or ""
    context = context_text(path, scope, spans)
    field = f"context ({path})"
    if not context:
        message = "the final context is not logged"
        return Finding(message=message, field=field, expected="a text", actual=None, where=rules.where)
    calls = wire_calls(evidence.exchanges)
    prompts = [part.text for call in calls for part in call.truth.prompt or ()]
    if any(context in prompt for prompt in prompts):
        return None
    nearest = max(prompts, key=lambda prompt: len(set(prompt.split()) & set(context.split())), default="")
    at = nearest.find(context[:20])
    expected, actual, diff = difference(context, nearest[max(at, 0) :])
    message = "the final context is in no prompt on the wire"
    return Finding(
        message=f"{message}\n{diff}" if diff else message,
        field=field,
        expected=f"in a prompt: {expected}",
        actual=actual or "no call to Claude",
        call=str(calls[-1]) if calls else None,
        where=rules.where,
    )


def _wrong(span: Span, rules: RagRules, field: str, expected: str, actual: str, what: str) -> Finding:
    message = f"{span} {what}"
    return Finding(message=message, field=field, expected=expected, actual=actual, span=str(span), where=rules.where)
