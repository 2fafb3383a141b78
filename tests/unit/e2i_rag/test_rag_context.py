"""Context and citations: passages stay data, and an answer stands on what it cites."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i.rag.citations import cited_keys, first_sentence, resolved_share, unfounded_numbers
from e2i.rag.context import context_of, delimited, estimated_tokens
from e2i.rag.corpus import Passage


def passage(text: str, *, key: str = "key", title: str = "Title") -> Passage:
    """Return a passage with the given text."""
    return Passage(
        id=key, title=title, text=text, kind="field_report", brand=None, doc_uri="e2i://corpus/x", synthetic=True
    )


def test_a_passage_is_delimited_with_key_and_source() -> None:
    """Claude sees what to cite, where it comes from, and that it is invented."""
    assert delimited([passage("A fact.")]) == (
        '<passages>\n<passage key="key" source="field_report, synthetic" title="Title">\n'
        "A fact.\n</passage>\n</passages>"
    )


MARKUP = st.text(st.sampled_from("<>&\"'/=apsge ;"), min_size=1)


@given(MARKUP, MARKUP)
def test_no_text_can_leave_its_passage(text: str, title: str) -> None:
    """Read back as a document, there is one passage with the very text and title, whatever tags they hold."""
    shown = ET.fromstring(delimited([passage(text, title=title)]))

    (only,) = shown
    assert (only.tag, only.get("title"), only.text) == ("passage", title, f"\n{text}\n")
    assert list(only) == []


def test_the_context_holds_whole_passages_within_its_budget() -> None:
    """What does not fit is left out, never cut."""
    long = [passage("word " * 100, key=f"p{number}") for number in range(10)]

    context = context_of(long, max_tokens=600)

    assert context.ids == ("p0", "p1")
    assert context.tokens == estimated_tokens(context.text) <= 600
    assert context.text == delimited(long[:2])


def test_the_first_passage_is_always_shown() -> None:
    """A context without any passage would be a question without its answer."""
    assert context_of([passage("word " * 100)], max_tokens=1).ids == ("key",)


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        ("Yes [a-1].", ("a-1",)),
        ("Yes [a, b] and [b; c], [a].", ("a", "b", "c")),
        ("Yes.", ()),
        ("Yes [].", ()),
        ("Yes [ ].", ()),
    ],
)
def test_citations_are_found(answer: str, keys: tuple[str, ...]) -> None:
    """Each once, in order of first use."""
    assert cited_keys(answer) == keys


def test_resolved_share() -> None:
    """Half of two is a half; nothing cited resolves to nothing."""
    assert resolved_share(("a", "x"), {"a"}) == 0.5
    assert resolved_share((), {"a"}) == 0.0


@pytest.mark.parametrize(
    ("answer", "unfounded"),
    [
        ("It takes 3 years at 400 mg [p-99].", ()),
        ("It takes 4 years.", ("4",)),
        ("About 5100 patients, 63.9 months.", ()),
        ("About 5,100 patients, 63.8 months.", ("63.8",)),
        ("In 40 mg", ("40",)),
        ("three years", ()),
    ],
)
def test_numbers_must_stand_in_a_source(answer: str, unfounded: tuple[str, ...]) -> None:
    """Citation keys are no numbers, and part of a number is another number."""
    assert unfounded_numbers(answer, "3 years, 400 mg, 5,100 patients", "63.9 months") == unfounded


def test_first_sentence() -> None:
    """A decimal point ends no sentence."""
    assert first_sentence("It was 63.9 months. Then more.") == "It was 63.9 months."
    assert first_sentence("No end") == "No end"
