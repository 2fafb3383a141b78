"""Citations: which documents an answer names, for which claims, and whether these support them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.rag.support import has_a_word_of, unsupported
from e2i_eval.checks.rag.wording import Source, Wording, sentences
from e2i_eval.core.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.rag.retrieval import Retrieval

__all__ = ["Citation", "citations_in"]

GROUP = re.compile(r"\[([^\[\]\n]+)\](?:\s*\[([^\[\]\n]+)\])*")
KEY = re.compile(r"[^\[\],;\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """One document named for one claim.

    Attributes:
        key: as the answer names it.
        claim: the text it is named for: from the last citation or the start of the sentence to this one.
        wrong: why it is not correct; empty when it is.
    """

    key: str
    claim: str
    wrong: str


def citations_in(answer: str, retrieval: Retrieval) -> tuple[Citation, ...]:
    """Return every citation of ``answer``: ``[id]``, ``[id, id]``, or ``[n]`` for the n-th document of the context.

    A citation is correct when its document is in the context, all documents cited together support the claim, and
    this one holds something of it.

    Raises:
        UnknownError: the text of a cited document is logged nowhere.
    """
    return tuple(_citations(answer, retrieval))


def _citations(answer: str, retrieval: Retrieval) -> Iterator[Citation]:
    asked = Wording.of(retrieval.query)
    for sentence in sentences(answer):
        start = 0
        for group in GROUP.finditer(sentence):
            claim, start = sentence[start : group.start()].strip(" ,;:"), group.end()
            keys = tuple(dict.fromkeys(KEY.findall(group[0])))
            yield from _judged(keys, claim or sentence[start:].strip(), retrieval, asked)


def _judged(keys: tuple[str, ...], claim: str, retrieval: Retrieval, asked: Wording) -> Iterator[Citation]:
    ids = {key: _resolved(key, retrieval) for key in keys}
    sources = {key: Source.of(_text(each, retrieval)) for key, each in ids.items() if each is not None}
    said = Wording.of(claim)
    together = Source(
        numbers=frozenset().union(*(source.numbers for source in sources.values())),
        words=frozenset().union(*(source.words for source in sources.values())),
    )
    missing = unsupported(said, together, asked=asked)
    for key in keys:
        if key not in sources:
            wrong = "is in no document of the context"
        elif missing:
            wrong = f"does not support the claim: {missing}"
        elif not said.is_empty and not has_a_word_of(said, sources[key]):
            wrong = "holds nothing of the claim"
        else:
            wrong = ""
        yield Citation(key=key, claim=claim, wrong=wrong)


def _resolved(key: str, retrieval: Retrieval) -> str | None:
    if key in retrieval.ids:
        return key
    if key.isdecimal() and 1 <= int(key) <= len(retrieval.ids):
        return retrieval.ids[int(key) - 1]
    return None


def _text(document: str, retrieval: Retrieval) -> str:
    if not retrieval.texts[document]:
        what = f"no span records the text of document {document!r}"
        raise UnknownError(what)
    return retrieval.texts[document]
