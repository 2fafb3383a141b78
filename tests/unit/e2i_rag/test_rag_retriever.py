"""The retriever: what it finds, what it refuses to find, and what a callback sees of it."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from e2i.rag.retriever import CANDIDATES, retriever
from e2i.rag.trial import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.documents import Document

    from e2i.rag.corpus import Brand
    from e2i.rag.index import Index
    from e2i.rag.state import Strategy

QUESTION = "Which complement protein does iptacopan bind?"


class Watcher(BaseCallbackHandler):
    """Keeps what a tracing callback would see of a retriever."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.documents: list[Document] = []

    def on_retriever_start(self, serialized: dict[str, Any], query: str, **kwargs: Any) -> None:  # noqa: ANN401 - as LangChain declares it
        """Keep name, query and metadata."""
        del serialized
        self.started.append((kwargs["name"], query, kwargs["metadata"]))

    def on_retriever_end(self, documents: Sequence[Document], **kwargs: object) -> None:
        """Keep the documents."""
        del kwargs
        self.documents += documents


def ids(
    index: Index, query: str, strategy: Strategy = "hybrid", brand: Brand | None = None, k: int = CANDIDATES
) -> list[str]:
    """Return the ids found for ``query``."""
    return [str(found.id) for found in retriever(index, strategy=strategy, brand=brand, k=k).invoke(query)]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_finds_the_passage(index: Index, strategy: Strategy) -> None:
    """An easy question is answered by the first hit, by whatever strategy."""
    assert ids(index, QUESTION, strategy=strategy)[0] == "fab-mechanism"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_foreign_question_finds_nothing(index: Index, strategy: Strategy) -> None:
    """The floor holds for every strategy."""
    assert ids(index, "Who painted the ceiling of the Sistine Chapel?", strategy=strategy) == []


@pytest.mark.parametrize("query", ["", "?", "   ", "zzzz qqqq", "\x00", "的"])
def test_a_query_without_content_finds_nothing(index: Index, query: str) -> None:
    """No word, no hit, no error."""
    assert ids(index, query) == []


def test_documents_carry_ids_scores_and_sources(index: Index) -> None:
    """Scores fall, ranks count from 1, and the text is the passage's."""
    documents = retriever(index).invoke(QUESTION)

    assert len(documents) == CANDIDATES
    assert [found.metadata["rank"] for found in documents] == list(range(1, CANDIDATES + 1))
    scores = [found.metadata["score"] for found in documents]
    assert scores == sorted(scores, reverse=True)
    first = documents[0]
    assert first.page_content == index.corpus.by_id["fab-mechanism"].text
    assert first.metadata == {
        "doc_uri": "e2i://corpus/fabhalta",
        "chunk_id": "fab-mechanism",
        "title": "Fabhalta, mechanism of action",
        "brand": "Fabhalta",
        "kind": "product",
        "score": round(2 / 61, 6),
        "rank": 1,
    }
    json.dumps([found.metadata for found in documents])


def test_a_brand_hides_the_passages_of_others(index: Index) -> None:
    """Passages on no brand stay."""
    found = retriever(index, brand="Kisqali").invoke("What is the dose and how is a prescription counted?")

    assert {document.metadata["brand"] for document in found} == {"Kisqali", None}


def test_a_brand_can_make_a_question_foreign(index: Index) -> None:
    """A question about another brand's mechanism is not answered from general passages."""
    assert "fab-mechanism" not in ids(index, QUESTION, brand="Remibrutinib")


def test_k_limits_the_hits(index: Index) -> None:
    """The first k of the same ranking."""
    assert ids(index, QUESTION, k=3) == ids(index, QUESTION)[:3]


def test_a_callback_sees_query_and_documents(index: Index) -> None:
    """Name, query and role at the start; documents with ids and scores at the end."""
    watcher = Watcher()

    documents = retriever(index, strategy="dense").invoke(QUESTION, {"callbacks": [watcher]})

    ((name, query, metadata),) = watcher.started
    assert (name, query) == ("retriever", QUESTION)
    assert metadata["role"] == "retriever"
    assert metadata["strategy"] == "dense"
    assert watcher.documents == documents


def test_threads_and_tasks_get_the_same(index: Index) -> None:
    """One index serves many callers at once."""
    queries = [QUESTION, "What is detailing?", "When is a segment worth treating?", "Does it raise cholesterol?"] * 5
    alone = [ids(index, query) for query in queries]

    async def together() -> list[list[Document]]:
        return await asyncio.gather(*(retriever(index).ainvoke(query) for query in queries))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: ids(index, query), queries)) == alone
    assert [[str(found.id) for found in documents] for documents in asyncio.run(together())] == alone
