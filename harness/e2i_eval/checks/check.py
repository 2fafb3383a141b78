"""A check judges evidence; one that breaks is an error, never a pass."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from e2i_eval.core.evidence import Evidence

__all__ = ["Check", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A named judgement.

    Attributes:
        name: short, unique; the name of its verdict, of its assessment in MLflow and of its row in the report.
        judge: from evidence to verdict; it may raise, which is an ``error`` verdict.
    """

    name: str
    judge: Callable[[Evidence], Verdict]


def judge(checks: Iterable[Check], evidence: Evidence) -> tuple[Verdict, ...]:
    """Return the verdict of each check on ``evidence``, in the order given."""
    return tuple(_verdict(check, evidence) for check in checks)


def _verdict(check: Check, evidence: Evidence) -> Verdict:
    try:
        return check.judge(evidence)
    except Exception as error:  # noqa: BLE001  whatever breaks in a check is an error of the check, not of the system
        reason = f"the check itself broke: {type(error).__name__}: {error}"
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Verdict(check=check.name, status="error", reason=f"{reason} ({last.filename}:{last.lineno})")
