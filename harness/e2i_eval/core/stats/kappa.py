"""Kappa: how far two raters agree beyond chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.float64]

__all__ = ["confusion", "kappa", "kappa_interval"]

RESAMPLES = 2_000
SEED = 20_260_101
"""The same scores give the same interval."""

Pair = tuple[float, float]
"""The scores that the first and the second give one thing."""


def confusion(pairs: Sequence[Pair], scale: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Return how often each combination occurs: a row for each score of the first, a column for each of the second.

    Raises:
        ValueError: a score is not on the scale.
    """
    place = {score: at for at, score in enumerate(scale)}
    counts = [[0] * len(scale) for _ in scale]
    for first, second in pairs:
        if first not in place or second not in place:
            message = f"{first:g} and {second:g} are not both on the scale"
            raise ValueError(message)
        counts[place[first]][place[second]] += 1
    return tuple(map(tuple, counts))


def kappa(pairs: Sequence[Pair], scale: Sequence[float]) -> float:
    """Return kappa with quadratic weights, -1 to 1; with a scale of two it is the plain kappa.

    ``1 - sum(w * observed) / sum(w * expected)`` with ``w = (i - j)^2`` (Cohen 1968, "Weighted kappa"; plain: Cohen
    1960), where i and j are the scores and what is expected are the products of both sides' own frequencies.

    Raises:
        UnknownError: both sides give one and the same score throughout, or there is no pair.
    """
    value = float(_kappas(_table(pairs, scale)[None], scale)[0])
    if value != value:  # noqa: PLR0124  only NaN differs from itself
        message = "both give one and the same score throughout, so chance alone would agree as well"
        raise UnknownError(message)
    return value


def kappa_interval(pairs: Sequence[Pair], scale: Sequence[float], *, confidence: float = 0.95) -> Estimate:
    """Estimate kappa by resampling the things scored (percentile bootstrap, Efron and Tibshirani 1993, chapter 13).

    A resample in which kappa is not defined counts as one without agreement. Where no pair disagrees, no resample does
    either, however few there are; then the lower end takes as many as may yet disagree (Wilson 1927) to do so as by
    chance, which makes it ``n / (n + z^2)``.

    Raises:
        UnknownError: kappa is not defined.
    """
    import numpy as np  # noqa: PLC0415  a tenth of a second
    from scipy.stats import norm  # type: ignore[import-untyped]  # noqa: PLC0415  half a second

    value = kappa(pairs, scale)
    count = len(pairs)
    if all(first == second for first, second in pairs):
        z = float(norm.ppf((1 + confidence) / 2))
        low = count / (count + z * z)
        return Estimate(value=value, low=low, high=1.0, confidence=confidence, method="no disagreement seen, Wilson")
    table = _table(pairs, scale)
    drawn = np.random.default_rng(SEED).multinomial(count, table.ravel() / count, size=RESAMPLES)
    kappas = np.nan_to_num(_kappas(drawn.reshape(RESAMPLES, *table.shape).astype(float), scale), nan=0.0)
    low, high = np.quantile(kappas, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(
        value=value,
        low=float(low),
        high=float(high),
        confidence=confidence,
        method=f"bootstrap by case, {RESAMPLES} resamples",
    )


def _table(pairs: Sequence[Pair], scale: Sequence[float]) -> Table:
    import numpy as np  # noqa: PLC0415  a tenth of a second

    if not pairs:
        message = "there is no pair of scores"
        raise UnknownError(message)
    return np.array(confusion(pairs, scale), dtype=float)


def _kappas(tables: Table, scale: Sequence[float]) -> Table:
    """Return kappa of each table; NaN where it is not defined."""
    import numpy as np  # noqa: PLC0415  a tenth of a second

    scores = np.array(scale, dtype=float)
    weights = (scores[:, None] - scores[None, :]) ** 2
    totals = tables.sum(axis=(1, 2))
    expected = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :] / totals[:, None, None]
    disagreement = (weights * tables).sum(axis=(1, 2))
    by_chance = (weights * expected).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_chance > 0, 1 - disagreement / by_chance, np.nan)
