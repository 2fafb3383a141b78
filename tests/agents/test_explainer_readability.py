"""The reading grade: against figures counted by hand, and how it moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2i.agents.explainer.readability import readability_grade


@pytest.mark.parametrize(
    ("text", "words", "sentences", "syllables"),
    [
        ("The cat sat on the mat.", 6, 1, 6),
        ("The cat sat. The dog ran!", 6, 2, 6),
        ("Prescriptions moved in the region.", 5, 1, 9),
        ("A gap of 1.5 million dollars\nin the West", 8, 2, 10),
    ],
)
def test_grade_is_kincaids_formula(text: str, words: int, sentences: int, syllables: int) -> None:
    """Words, sentences and syllables counted by hand; a decimal point ends no sentence, a line break does."""
    expected = 0.39 * words / sentences + 11.8 * syllables / words - 15.59

    assert readability_grade(text) == pytest.approx(expected)


def test_longer_sentences_and_longer_words_are_harder() -> None:
    """Both raise the grade."""
    plain = readability_grade("The team won. It was good.")
    joined = readability_grade("The team won and it was good.")
    learned = readability_grade("The organisation prevailed. It was satisfactory.")

    assert plain is not None
    assert joined is not None
    assert learned is not None
    assert plain < joined < learned


@given(st.text(alphabet="aeiou bcd.\n", max_size=60), st.integers(0, 999))
def test_figures_do_not_count(text: str, figure: int) -> None:
    """A number at the start changes nothing: how it is spoken is anyone's guess."""
    assert readability_grade(f"{figure} {text}") == readability_grade(f" {text}")


@pytest.mark.parametrize("text", ["", "...", "12 %"])
def test_without_a_word_there_is_no_grade(text: str) -> None:
    """None, and no division by zero."""
    assert readability_grade(text) is None
