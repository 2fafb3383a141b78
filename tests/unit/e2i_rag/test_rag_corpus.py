"""The corpus is sound, and an unsound one is refused with one message that lists everything."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from e2i.rag.corpus import BRANDS, Corpus, CorpusError, load_corpus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """The platform's corpus."""
    return load_corpus()


def write(folder: Path, name: str, passages: str, *, document: str = "doc") -> None:
    """Write a document with the given passages."""
    head = f"document: {document}\nkind: kpi\nbrand: null\npassages:\n"
    (folder / name).write_text(head + textwrap.indent(textwrap.dedent(passages).strip(), "  "))


def test_there_are_passages_on_everything(corpus: Corpus) -> None:
    """A few hundred passages, every kind, every brand."""
    assert len(corpus.passages) >= 200
    assert {passage.kind for passage in corpus.passages} == {
        "product", "kpi", "glossary", "playbook", "method", "field_report",
    }  # fmt: skip
    assert {passage.brand for passage in corpus.passages} == {None, *BRANDS}


def test_field_reports_are_marked_synthetic(corpus: Corpus) -> None:
    """Invented reports say so, in their data and in their title; nothing else does."""
    for passage in corpus.passages:
        assert passage.synthetic == (passage.kind == "field_report") == passage.title.startswith("Synthetic"), passage


def test_passages_are_short(corpus: Corpus) -> None:
    """Each fits the encoder, which cuts at 256 tokens."""
    assert max(len(passage.indexed.split()) for passage in corpus.passages) < 120


def test_hostile_passages_are_there(corpus: Corpus) -> None:
    """The evaluation needs text that tries to give orders."""
    hostile = [passage for passage in corpus.passages if passage.id.startswith("field-adversarial")]

    assert len(hostile) >= 3
    assert any("Ignore your instructions" in passage.text for passage in hostile)
    assert any("</passage>" in passage.text for passage in hostile)


def test_sources_are_named(corpus: Corpus) -> None:
    """A passage knows the document it stands in."""
    passage = corpus.by_id["kis-mechanism"]

    assert passage.doc_uri == "e2i://corpus/kisqali"
    assert passage.brand == "Kisqali"


def test_glossary_terms_have_meanings(corpus: Corpus) -> None:
    """Every glossary entry can be used to expand a question."""
    assert len(corpus.glossary) == sum(passage.kind == "glossary" for passage in corpus.passages) >= 25
    assert dict(corpus.glossary)["TRx"] == "total prescriptions"


def test_a_duplicate_id_is_refused(tmp_path: Path) -> None:
    """An id is a citation key, so two passages cannot share it; both places are named."""
    write(tmp_path, "a.yaml", "- {id: one, title: One, text: First.}", document="a")
    write(tmp_path, "b.yaml", "- {id: one, title: Two, text: Second.}", document="b")

    with pytest.raises(CorpusError) as caught:
        load_corpus(tmp_path)

    assert str(caught.value) == (
        "the corpus cannot be used:\n- passage id 'one' stands in e2i://corpus/a and again in e2i://corpus/b"
    )


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Empty text, a misspelt key, a wrong brand and broken YAML are listed together, each with its file."""
    write(tmp_path, "a.yaml", "- {id: one, title: One, text: '  '}\n- {id: two, titel: Two, text: Second.}")
    write(tmp_path, "b.yaml", "- {id: three, title: T, text: T., brand: Placebex}")
    (tmp_path / "c.yaml").write_text("passages: [")

    with pytest.raises(CorpusError) as caught:
        load_corpus(tmp_path)

    message = str(caught.value)
    assert "- a.yaml: passages.0.text: String should have at least 1 character" in message
    assert "- a.yaml: passages.1.titel: Extra inputs are not permitted" in message
    assert "- b.yaml: passages.0.brand: Input should be 'Remibrutinib', 'Fabhalta' or 'Kisqali'" in message
    assert "- c.yaml: no valid YAML" in message


@pytest.mark.parametrize("wrong", ["Has Spaces", "UPPER", "under_score", "[bracket]", '"quoted"', "-dash"])
def test_an_id_must_be_safe_to_cite(tmp_path: Path, wrong: str) -> None:
    """Ids stand in tags and in square brackets."""
    write(tmp_path, "a.yaml", f"- {{id: '{wrong}', title: T, text: T.}}")

    with pytest.raises(CorpusError, match=r"passages\.0\.id"):
        load_corpus(tmp_path)


def test_an_empty_folder_is_no_corpus(tmp_path: Path) -> None:
    """Nothing to quote is an error and not an empty index."""
    with pytest.raises(CorpusError, match=r"no passages: .* holds no"):
        load_corpus(tmp_path)
