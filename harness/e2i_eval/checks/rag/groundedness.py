"""Groundedness: which sentences of an answer stand in the context, as far as words can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.rag.support import unsupported
from e2i_eval.checks.rag.wording import Source, Wording, sentences

if TYPE_CHECKING:
    from e2i_eval.checks.rag.retrieval import Retrieval

__all__ = ["Sentence", "judged_sentences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of an answer; ``wrong`` says why it is not grounded and is empty when it is."""

    text: str
    wrong: str


def judged_sentences(answer: str, retrieval: Retrieval) -> tuple[Sentence, ...]:
    """Return the sentences of ``answer`` that say something words can support; a bare "Yes." is left out."""
    context, asked = Source.of(retrieval.context), Wording.of(retrieval.query)
    found = ((text, Wording.of(text)) for text in sentences(answer))
    return tuple(
        Sentence(text=text, wrong=unsupported(said, context, asked=asked)) for text, said in found if not said.is_empty
    )
