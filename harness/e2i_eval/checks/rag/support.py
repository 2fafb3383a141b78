"""Support: whether what a sentence says stands in a source, as far as words can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.checks.rag.wording import Source, Wording

__all__ = ["TERM_SHARE", "has_a_word_of", "unsupported"]

TERM_SHARE = 0.5
"""Share of a claim's terms that must stand in its source. A claim in other words than the source's falls below it, and
a claim about another subject too; between them half is where neither is common."""


def unsupported(claim: Wording, source: Source, *, asked: Wording | None = None) -> str:
    """Return why ``claim`` is not supported by ``source``; empty when it is.

    Every number and every name must stand there, and ``TERM_SHARE`` of the other terms. That is neither proof nor
    disproof: a paraphrase may be refused, and a sentence that turns the source's words around is accepted.

    Args:
        claim: what is said.
        source: where it must stand.
        asked: what was asked; names of the question are not made up by the answer.
    """
    if numbers := sorted(claim.numbers - source.numbers):
        return f"the number {', '.join(numbers)} is not there"
    own = claim.names - (asked.names if asked else frozenset())
    if names := sorted(name for name in own if not _is_known(name, source.words)):
        return f"the name {', '.join(names)} is not there"
    terms = claim.terms - claim.names - (asked.names if asked else frozenset())
    missing = sorted(term for term in terms if not _is_known(term, source.words))
    if terms and (len(terms) - len(missing)) / len(terms) < TERM_SHARE:
        return f"{len(missing)} of {len(terms)} terms are not there: {', '.join(missing)}"
    return ""


def has_a_word_of(claim: Wording, source: Source) -> bool:
    """Tell whether ``source`` holds anything of what ``claim`` says."""
    words = claim.names | claim.terms
    return bool(claim.numbers & source.numbers) or any(_is_known(word, source.words) for word in words)


def _is_known(word: str, known: frozenset[str]) -> bool:
    parts = word.replace("'", "-").split("-")
    return word in known or (len(parts) > 1 and all(part in known for part in parts if part))
