"""How good the order and the choice of documents is, against the ids a person labelled as relevant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["context_precision", "context_recall"]


def context_precision(ids: Sequence[str], relevant: Collection[str]) -> float:
    """Return how early the relevant documents come, 0 to 1; 0 when there is none.

    The mean, over the relevant documents in ``ids``, of the precision at their ranks: average precision (Buckley and
    Voorhees 2000, "Evaluating evaluation measure stability"), but over those found and not over all there are. What
    was not found is counted by ``context_recall`` alone.

    Args:
        ids: documents in the order the model saw them, each once.
        relevant: ids of those a reader would want.
    """
    found = 0
    precisions: list[float] = []
    for rank, each in enumerate(ids, 1):
        if each in relevant:
            found += 1
            precisions.append(found / rank)
    return sum(precisions) / len(precisions) if precisions else 0.0


def context_recall(ids: Collection[str], relevant: Collection[str]) -> float:
    """Return the share of the ``relevant`` documents that are among ``ids``, 0 to 1.

    Raises:
        ValueError: no document is relevant, so there is no share.
    """
    if not relevant:
        message = "no document is labelled as relevant"
        raise ValueError(message)
    return len(set(ids) & set(relevant)) / len(set(relevant))
