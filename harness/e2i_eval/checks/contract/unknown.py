"""The verdict when the server could not be asked: neither pass nor fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from e2i_eval.core.evidence import Evidence

__all__ = ["unknown"]


def unknown(check: str, evidence: Evidence) -> Verdict:
    """Return an ``error`` verdict of ``check`` that says why nothing can be concluded."""
    why = evidence.unknown or "the tracking server could not be asked"
    return Verdict(check=check, status="error", reason=f"unknown: {why}")
