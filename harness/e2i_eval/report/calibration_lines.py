"""Calibrations as lines for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_eval.report.blocks import SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.checks.judges.calibration import Calibration
    from e2i_eval.core.estimate import Estimate

__all__ = ["calibration_lines"]

SHOWN_CASES = 5


def calibration_lines(calibrations: Iterable[Calibration]) -> Iterator[str]:
    """Yield for each judge whether it is calibrated, by which numbers, and where it is off."""
    for each in calibrations:
        sign = SIGNS["fail" if each.doubt else "pass"].text
        yield f"{sign} {each.judge}: {'not calibrated' if each.doubt else 'calibrated'}"
        yield from (f"    {line}" for line in _details(each))


def _details(calibration: Calibration) -> Iterator[str]:
    if calibration.doubt:
        yield calibration.doubt
    yield f"cases      {calibration.cases}, judged by {calibration.model or 'nobody'}"
    if calibration.unjudged:
        names = ", ".join(calibration.unjudged[:SHOWN_CASES])
        more = f" and {len(calibration.unjudged) - SHOWN_CASES} more" if calibration.unjudged[SHOWN_CASES:] else ""
        yield f"unjudged   {len(calibration.unjudged)} labelled: {names}{more}"
    if calibration.agreement is None:
        return
    yield f"agreement  {_estimate(calibration.agreement)}"
    if calibration.kappa is not None:
        yield f"kappa      {_estimate(calibration.kappa)}, quadratic weights"
    yield f"bias       {calibration.mean_bias:+.2f} on average{_by_score(calibration)}"
    yield from _table(calibration)


def _estimate(estimate: Estimate) -> str:
    interval = f"{estimate.low:.2f} to {estimate.high:.2f} at {estimate.confidence:.0%}"
    return f"{estimate.value:.2f} ({interval}, {estimate.method})"


def _by_score(calibration: Calibration) -> str:
    parts = [f"{each.mean:+.2f} at {each.score:g}" for each in calibration.bias if not math.isclose(each.mean, 0.0)]
    return f"; {', '.join(parts)}" if parts else ""


def _table(calibration: Calibration) -> Iterator[str]:
    width = max(len(str(each)) for row in (calibration.scale, *calibration.table) for each in row)
    yield f"people ↓   judge → {' '.join(f'{score:>{width}}' for score in calibration.scale)}"
    for score, row in zip(calibration.scale, calibration.table, strict=True):
        counts = (f"{count or '·':>{width}}" for count in row)
        yield f"{score:>8}           {' '.join(counts)}"
