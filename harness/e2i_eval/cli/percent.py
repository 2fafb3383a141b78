"""A share that a flag gives in percent."""

from __future__ import annotations

import math

from e2i_eval.core.errors import UsageError

__all__ = ["share"]

PERCENT = 100.0


def share(flag: str, text: str, *, example: str, meaning: str) -> float:
    """Read ``5%`` or ``5`` as 0.05.

    Args:
        flag: that gave it, ``--tolerance``.
        text: what was given.
        example: what to type instead, ``5%``.
        meaning: what it would have been, for the error: ``share of growth``.

    Raises:
        UsageError: it is no finite number from 0.
    """
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not (math.isfinite(percent) and percent >= 0):
        what = f"{flag}={text} is no {meaning}"
        raise UsageError(what, fix=f"give percent, e.g. {flag}={example}")
    return percent / PERCENT
