"""A person decides on each change."""

from __future__ import annotations

import pytest

from e2i_eval.dataset.update.change import Change, Edit
from e2i_eval.dataset.update.plan import FilePlan, digest_of
from e2i_eval.dataset.update.review import review
from e2i_eval.report.golden_lines import change_lines, would_change

TEXT = "a: 1\nb: 2\nc: [1]\n"


def plan(name: str, *edits: Edit) -> FilePlan:
    """Return a plan for a file."""
    changes = tuple(Change(kind="fix", edit=edit, before=None, reason="it is another value") for edit in edits)
    whole = FilePlan(
        file=name,
        digest=digest_of(TEXT.encode()),
        before=TEXT.encode(),
        after=b"",
        case_ids=(f"t/{name}",),
        changes=changes,
    )
    return whole.narrowed(changes)


A = Edit(kind="replace", path=("a",), value=9)
B = Edit(kind="replace", path=("b",), value=9)
GROWS = (Edit(kind="insert", path=("c", 1), value=2), Edit(kind="insert", path=("c", 2), value=3))


@pytest.mark.parametrize(
    ("answers", "texts", "counts"),
    [
        ("y n y", ["a: 9\nb: 2\nc: [1]\n", "a: 9\nb: 2\nc: [1]\n"], (2, 1, 0)),
        ("a n", ["a: 9\nb: 9\nc: [1]\n"], (2, 1, 0)),
        ("s yes", ["a: 9\nb: 2\nc: [1]\n"], (1, 2, 0)),
        ("y q", ["a: 9\nb: 2\nc: [1]\n"], (1, 0, 2)),
        ("maybe  y n n", ["a: 9\nb: 2\nc: [1]\n"], (1, 2, 0)),
        ("n", [], (0, 1, 2)),
        ("", [], (0, 0, 3)),
    ],
)
def test_each_answer_is_kept(answers: str, texts: list[str], counts: tuple[int, int, int]) -> None:
    """Yes and no to a change, all and skip to the rest of its file; at the end of the input it is over."""
    said = iter(answers.split(" ") if answers else [])

    found = review(
        [plan("one.yaml", A, B), plan("two.yaml", A)], lambda _plan, _place: None, lambda _: next(said, None)
    )

    assert [(each.after or b"").decode() for each in found.plans] == texts
    assert (found.accepted, found.refused, found.unseen) == counts


def test_what_depends_on_one_another_is_one_question() -> None:
    """The items of a list that grows come together, and each question shows its own change alone."""
    shown: list[str] = []

    review(
        [plan("one.yaml", A, *GROWS)],
        lambda each, place: shown.append("\n".join([place, *change_lines(each)])),
        lambda _: "y",
    )

    assert len(shown) == 2
    assert shown[0].startswith("1 of 2\none.yaml: it is another value\n--- a/one.yaml")
    assert "+a: 9" in shown[0]
    assert "+c: [1, 2, 3]" in shown[1]
    assert "+a: 9" not in shown[1]


def test_a_report_names_the_word_for_each_kind() -> None:
    """So that nobody has to look it up; when there is nothing, it says so."""
    gone = FilePlan(file="x.json", digest="", before=b"1\n2\n", after=None, reason="no case asks for it")

    assert list(would_change([])) == ["golden: nothing would change"]
    assert list(would_change([plan("one.yaml", A), gone])) == [
        "golden: 2 golden files would change; nothing was written",
        "  1 golden file: pytest --e2i-eval --e2i-golden=fix",
        "  1 golden file: pytest --e2i-eval --e2i-golden=trim",
    ]
    assert list(change_lines(gone)) == ["x.json: no case asks for it", "- the file with its 2 lines"]
