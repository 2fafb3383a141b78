"""Jargon, words and fusion: the parts a ranking is made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i.rag.fusion import fused
from e2i.rag.glossary import expanded, terms_in
from e2i.rag.lexical import LexicalIndex

GLOSSARY = (("TRx", "total prescriptions"), ("PA", "prior authorisation"), ("step edit", "step therapy"))


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("Why did TRx fall?", ("TRx",)),
        ("why did trx fall", ("TRx",)),
        ("Are HCPs counted in TRxs?", ("TRx",)),
        ("What is a PA?", ("PA",)),
        ("Ask pa and ma", ()),
        ("Which PATH?", ()),
        ("Is there a Step Edit or a PA?", ("PA", "step edit")),
        ("", ()),
    ],
)
def test_terms_are_whole_words(question: str, terms: tuple[str, ...]) -> None:
    """Short abbreviations need capitals, for in lower case they are other words."""
    assert terms_in(question, GLOSSARY) == terms


def test_a_question_is_followed_by_its_meanings() -> None:
    """The question itself is kept as it was asked."""
    assert expanded("Why did TRx fall?", GLOSSARY) == "Why did TRx fall? total prescriptions"
    assert expanded("Why did sales fall?", GLOSSARY) == "Why did sales fall?"


def test_fusion_follows_its_formula() -> None:
    """Each ranking gives 1 / (60 + rank)."""
    scores = fused([["a", "b"], ["b", "c"]])

    assert scores == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 62})


def test_fusion_of_nothing_is_nothing() -> None:
    """No ranking, or empty rankings, give no score."""
    assert fused([]) == {}
    assert fused([[], []]) == {}


@given(st.permutations(list("abcdef")), st.permutations(list("abcdef")))
def test_fusion_keeps_what_both_rankings_agree_on(first: list[str], second: list[str]) -> None:
    """If both put x before y, so does the fusion, and the order of the rankings does not matter."""
    scores = fused([first, second])

    assert scores == pytest.approx(fused([second, first]))
    for x in first:
        for y in first:
            if first.index(x) < first.index(y) and second.index(x) < second.index(y):
                assert scores[x] > scores[y]


@pytest.fixture(scope="module")
def words() -> LexicalIndex:
    """Three small texts."""
    return LexicalIndex(["Payers refuse claims.", "Claims of payers, claims again.", "Bleeding after surgery."])


def test_words_are_stemmed(words: LexicalIndex) -> None:
    """The word "claim" finds "claims"; a text without the word scores 0."""
    scores = words.scores("a claim was refused")

    assert scores[0] > scores[1] > scores[2] == 0.0


@pytest.mark.parametrize("query", ["", "the of and", "zebra crossing", "?!"])
def test_a_query_without_known_words_scores_nothing(words: LexicalIndex, query: str) -> None:
    """No words, only stop words, or only unknown words."""
    assert words.scores(query).tolist() == [0.0, 0.0, 0.0]
    assert words.coverage(query).tolist() == [0.0, 0.0, 0.0]


def test_an_unknown_word_lowers_coverage(words: LexicalIndex) -> None:
    """That is how a question from elsewhere is noticed although it shares a word."""
    alone, diluted = words.coverage("surgery"), words.coverage("surgery on Mars")

    assert alone.tolist() == [0.0, 0.0, 1.0]
    assert 0.0 < diluted[2] < 0.5
