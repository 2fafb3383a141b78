"""How well retrieval works on the labelled questions, and that the measurement itself is right."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from e2i.rag.quality import Floor, Label, LabelError, compared, load_labels, measured, table

if TYPE_CHECKING:
    from pathlib import Path

    from e2i.rag.index import Index


def label(name: str, *relevant: str) -> Label:
    """Return a labelled question."""
    return Label(id=name, split="test", question=f"{name}?", relevant=relevant)


def test_metrics_follow_their_definitions() -> None:
    """Two questions and a foreign one, worked out by hand."""
    found = {"first": ["x", "a"], "second": ["b"], "foreign": []}

    quality = measured([label("first", "a"), label("second", "b", "c"), label("foreign")], lambda one: found[one.id])

    assert quality.recall_at_5 == pytest.approx((1 + 0.5) / 2)
    assert quality.mrr == pytest.approx((0.5 + 1) / 2)
    assert quality.ndcg_at_10 == pytest.approx((0.63093 + 1 / (1 + 0.63093)) / 2, abs=1e-4)
    assert (quality.accepted, quality.foreign_rejected) == (1.0, 1.0)


def test_a_rejected_question_counts_as_a_miss() -> None:
    """Retrieving nothing must not raise the mean."""
    quality = measured([label("first", "a"), label("second", "b")], lambda one: ["a"] if one.id == "first" else [])

    assert quality.recall_at_5 == quality.mrr == quality.ndcg_at_10 == quality.accepted == 0.5
    assert quality.foreign_rejected is None


def test_the_given_order_counts_and_not_the_names() -> None:
    """Ties are broken by position, although the tool would break them by id."""
    quality = measured([label("first", "a")], lambda _: ["a", "z"])

    assert quality.mrr == 1.0


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


def test_a_malformed_label_is_refused(tmp_path: Path) -> None:
    """A misspelt key is no label."""
    path = tmp_path / "labels.yaml"
    path.write_text(textwrap.dedent("questions: [{id: one, split: test, qestion: Why, relevant: []}]"))

    with pytest.raises(LabelError, match="qestion"):
        load_labels(path)


@pytest.fixture(scope="module")
def unseen(index: Index) -> list[Label]:
    """The questions nobody looked at when the floors were set."""
    return [one for one in load_labels(known=index.ids) if one.split == "test"]


@pytest.mark.parametrize("floor", ["on", "off"])
def test_hybrid_is_the_best_strategy(
    index: Index, unseen: list[Label], floor: Floor, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the floor, and also without: the ranking itself is better. The figures are printed."""
    rows = compared(index, unseen, floor=floor)

    with capsys.disabled():
        print(f"\nfloor {floor}, {len(unseen)} questions\n{table(rows)}")
    hybrid = rows["hybrid"]
    for other in (rows["sparse"], rows["dense"]):
        assert hybrid.recall_at_5 >= other.recall_at_5
        assert hybrid.ndcg_at_10 >= other.ndcg_at_10
        assert hybrid.mrr >= other.mrr
    assert hybrid.recall_at_5 > 0.8
    assert hybrid.ndcg_at_10 > 0.72
    assert rows["hybrid, local"].ndcg_at_10 > hybrid.ndcg_at_10 - 0.06


def test_the_floor_tells_foreign_questions(index: Index, unseen: list[Label]) -> None:
    """It keeps nearly all that can be answered and turns away most of what cannot; without it nothing is."""
    hybrid = compared(index, unseen)["hybrid"]
    unguarded = compared(index, unseen, floor="off")["hybrid"]

    assert hybrid.accepted > 0.95
    assert (hybrid.foreign_rejected or 0.0) >= 0.8
    assert unguarded.foreign_rejected == 0.0
