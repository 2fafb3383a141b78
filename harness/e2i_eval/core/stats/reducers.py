"""Reducers: several repetitions of one case as one number."""

from __future__ import annotations

import math

__all__ = ["mean", "pass_at_k", "pass_hat_k"]


def mean(passed: int, scored: int) -> float | None:
    """Return the share that passed; None when nothing was scored.

    Raises:
        ValueError: ``passed`` is not between 0 and ``scored``.
    """
    _refuse_others(passed, scored, 1)
    return passed / scored if scored else None


def pass_at_k(passed: int, scored: int, k: int) -> float | None:
    """Estimate the chance that at least one of ``k`` attempts passes.

    ``1 - C(scored - passed, k) / C(scored, k)``, which is unbiased where ``1 - (1 - rate) ** k`` is not
    (Chen et al., "Evaluating Large Language Models Trained on Code", arXiv 2107.03374, 2021).

    Returns:
        0 to 1; None when fewer than ``k`` were scored.

    Raises:
        ValueError: ``passed`` is not between 0 and ``scored``, or ``k`` is below 1.
    """
    _refuse_others(passed, scored, k)
    return None if scored < k else 1 - math.comb(scored - passed, k) / math.comb(scored, k)


def pass_hat_k(passed: int, scored: int, k: int) -> float | None:
    """Estimate the chance that all of ``k`` attempts pass.

    ``C(passed, k) / C(scored, k)``, unbiased (Yao et al., "tau-bench", arXiv 2406.12045, 2024).

    Returns:
        0 to 1; None when fewer than ``k`` were scored.

    Raises:
        ValueError: ``passed`` is not between 0 and ``scored``, or ``k`` is below 1.
    """
    _refuse_others(passed, scored, k)
    return None if scored < k else math.comb(passed, k) / math.comb(scored, k)


def _refuse_others(passed: int, scored: int, k: int) -> None:
    if not 0 <= passed <= scored or k < 1:
        msg = f"{passed} passed of {scored} scored with k = {k} is no count"
        raise ValueError(msg)
