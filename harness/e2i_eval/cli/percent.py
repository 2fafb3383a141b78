"""A share that a flag gives in percent."""

from __future__ import annotations

import math

from e2i_eval.core.errors import UsageError

__all__ = ["share"]

PERCENT = 100.0


def share(flag: str, text: str, *, example: str) -> float:
    """Read ``5%`` or ``5`` as 0.05.

    Args:
        flag: that gave it, ``--tolerance``.
        text: what was given.
        example: what to type instead, ``5%``.

    Raises:
        UsageError: it is no finite number from 0.
    """
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not (math.isfinite(percent) and percent >= 0):
        what = f"{flag}={text} is not a percentage"
        raise UsageError(what, fix=f"give percent, e.g. {flag}={example}")
    return percent / PERCENT
