"""Labelled questions and the metrics over them: that the measurement itself is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i.rag.labels import Label, LabelError, load_labels
from e2i.rag.quality import Scores, scored

if TYPE_CHECKING:
    from pathlib import Path

    from e2i.rag.index import Index


def label(name: str, *relevant: str) -> Label:
    """Return a labelled question."""
    return Label(id=name, split="test", question=f"{name}?", relevant=relevant)


def test_metrics_follow_their_definitions() -> None:
    """Two questions worked out by hand; a foreign one has no scores."""
    labels = [label("first", "a"), label("second", "b", "c"), label("foreign")]

    scores = scored(labels, {"first": ["x", "a"], "second": ["b"], "foreign": []})

    assert scores.keys() == {"first", "second"}
    assert scores["first"].recall_at_5 == 1.0
    assert scores["first"].mrr == 0.5
    assert scores["first"].ndcg_at_10 == pytest.approx(0.63093, abs=1e-5)
    assert scores["second"].recall_at_5 == 0.5
    assert scores["second"].ndcg_at_10 == pytest.approx(1 / (1 + 0.63093), abs=1e-5)


def test_a_rejected_question_counts_as_a_miss() -> None:
    """Retrieving nothing must not raise the mean."""
    scores = scored([label("first", "a"), label("second", "b")], {"first": ["a"], "second": []})

    assert scores["second"] == Scores(recall_at_5=0.0, ndcg_at_10=0.0, mrr=0.0)


def test_the_given_order_counts_and_not_the_names() -> None:
    """The order that is used is the one that is judged, although the tool breaks ties by descending id."""
    assert scored([label("first", "a")], {"first": ["a", "z"]})["first"].mrr == 1.0


def test_labels_fit_the_corpus(index: Index) -> None:
    """Enough questions of both sorts, ids unique, every relevant passage real."""
    labels = load_labels(known=index.ids)

    assert len({one.id for one in labels}) == len(labels)
    assert sum(bool(one.relevant) for one in labels) >= 40
    assert sum(not one.relevant for one in labels) >= 10


def test_an_unknown_passage_in_a_label_is_named(tmp_path: Path) -> None:
    """With file and question."""
    path = tmp_path / "labels.yaml"
    path.write_text("questions: [{id: one, split: test, question: Why, relevant: [missing]}]")

    with pytest.raises(LabelError, match=r"labels\.yaml: question 'one' names passages that do not exist: missing"):
        load_labels(path, known=["present"])


@pytest.mark.parametrize("text", ["questions: [{id: one, split: test, qestion: Why, relevant: []}]", "{", None])
def test_a_malformed_file_is_refused(tmp_path: Path, text: str | None) -> None:
    """A misspelt key is no label, half a document no file, and a missing file no labels."""
    path = tmp_path / "labels.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(LabelError, match=r"labels\.yaml"):
        load_labels(path)
