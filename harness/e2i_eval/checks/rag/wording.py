"""The wording of a text: its sentences, and the numbers, names and terms in each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

__all__ = ["Source", "Wording", "sentences"]

CITATION = re.compile(r"\[[^\[\]\n]+\]")
LATE_CITATIONS = re.compile(r"([.!?])\s*((?:\[[^\[\]\n]+\]\s*)+)")
"""Citations behind the full stop belong to the sentence before it."""

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_a-z]|\d|[\"'(])|\n\s*(?:[-*•]\s+|\d+[.)]\s+)?")
NUMBER = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+){2,}|\d+(?:,\d{3})*(?:\.\d+)?)(?!\.?\d)")
WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
SHORTEST_TERM = 3

SMALL_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
DIGITS = {word: str(number) for number, word in enumerate(SMALL_NUMBERS.split())}
"""Number words that a source may use for what an answer gives in digits."""

STOP_TEXT = """
about above after again against all also although always among and any are because been before being below between
both but can cannot could did does doing done down during each either else even ever every few for from further had
has have having her here hers him his how however into its itself just less many may might more most much must
neither never nor not now off often once only other ought our ours out over own per rather said same shall she
should since some still such than that the their theirs them then there therefore these they this those though
through thus too under until upon very was well were what when where whether which while who whom whose why will
with within without would yet you your yours
"""
STOP_WORDS = frozenset(STOP_TEXT.split())
"""Words that carry no meaning of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What of a text can be looked up in another one.

    Attributes:
        numbers: numbers in digits, ``1,000`` as ``1000`` and ``2.50`` as ``2.5``.
        names: words that are written like names, in small letters: with a digit, in capitals, or with a capital where
            no sentence begins.
        terms: other words that carry meaning, in small letters, without the plural's s.
    """

    numbers: frozenset[str]
    names: frozenset[str]
    terms: frozenset[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the wording of ``text``; citations in square brackets are no part of it."""
        plain = CITATION.sub(" ", text)
        words = [(match[0], match.start()) for match in WORD.finditer(plain)]
        starts = {match.start() for match in _first_words(plain)}
        names = frozenset(word.lower() for word, at in words if _is_name(word, is_first=at in starts))
        terms = (word.lower() for word, _ in words if len(word) >= SHORTEST_TERM and not any(map(str.isdigit, word)))
        return cls(
            numbers=frozenset(_number(found[0]) for found in NUMBER.finditer(plain)),
            names=names,
            terms=frozenset(_singular(term) for term in terms if term not in STOP_WORDS and term not in DIGITS),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look up."""
        return not (self.numbers or self.names or self.terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text in which wordings are looked up.

    Attributes:
        numbers: its numbers, those in words as digits too.
        words: all its words in small letters, and the same without the plural's s.
    """

    numbers: frozenset[str]
    words: frozenset[str]

    @classmethod
    def of(cls, *texts: str) -> Self:
        """Return all that stands in ``texts``."""
        words = {word.lower() for text in texts for word in WORD.findall(text)}
        words |= {part for word in words for part in re.split(r"[-']", word)}
        numbers = {_number(found[0]) for text in texts for found in NUMBER.finditer(text)}
        return cls(
            numbers=frozenset(numbers | {DIGITS[word] for word in words & DIGITS.keys()}),
            words=frozenset(words | {_singular(word) for word in words}),
        )


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of ``text``, and the items of its lists, with the citations behind their full stops."""
    moved = LATE_CITATIONS.sub(lambda match: f" {match[2].strip()}{match[1]} ", text)
    return tuple(each.strip() for each in SENTENCE_END.split(moved) if each and each.strip())


def _first_words(text: str) -> list[re.Match[str]]:
    starts = [0, *(match.end() for match in SENTENCE_END.finditer(text))]
    found = (WORD.search(text, start) for start in starts)
    return [match for match in found if match]


def _is_name(word: str, *, is_first: bool) -> bool:
    has_digit = word[0].isalpha() and any(map(str.isdigit, word))
    capitals = sum(map(str.isupper, word))
    return has_digit or capitals > 1 or (capitals == 1 and len(word) > 1 and not is_first)


def _number(text: str) -> str:
    digits = text.replace(",", "")
    try:
        return f"{float(digits):.15g}"
    except ValueError:  # a version, as 1.2.3
        return digits


def _singular(word: str) -> str:
    """Return ``word`` without the plural's s: the S stemmer (Harman 1991, "How effective is suffixing?")."""
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return f"{word[:-3]}y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    if word.endswith("s") and not word.endswith(("us", "ss")):
        return word[:-1]
    return word
