"""Doubt: what becomes of a bad score of a judge that is not known to agree with people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from e2i_eval.checks.judges.calibration import Calibration
    from e2i_eval.core.judge_rule import JudgeRule
    from e2i_eval.core.verdict import Verdict

__all__ = ["doubt_about", "doubt_notes", "doubted"]

NEVER = "it has labels, and was never calibrated by them (e2i-eval calibrate --accept)"
WARNING = "warning, not counted: "


def doubt_about(calibration: Calibration | None, *, model: str, basis: str) -> str:
    """Return why a bad score should not count; empty when it should, or when the project wants it to count anyway.

    Args:
        calibration: as accepted; None for a judge with labels that was never calibrated.
        model: who judges now.
        basis: what is judged by now, as a digest.
    """
    if calibration is None:
        return NEVER
    return calibration.doubt_about(model=model, basis=basis) if calibration.uncalibrated == "warn" else ""


def doubted(verdict: Verdict, rule: JudgeRule) -> Verdict:
    """Return the verdict of a judge in doubt: a fail is a warning, and whatever else it says stays as it is."""
    if verdict.status != "fail" or not rule.doubt:
        return verdict
    reason = f"{WARNING}the judge {rule.name!r} is not calibrated, {rule.doubt}. It says: {verdict.reason}"
    return replace(verdict, status="skip", reason=reason)


def doubt_notes(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Yield one sentence a judge whose bad scores were not counted."""
    held = [verdict for verdict in verdicts if verdict.status == "skip" and verdict.reason.startswith(WARNING)]
    for check in dict.fromkeys(verdict.check for verdict in held):
        own = [verdict for verdict in held if verdict.check == check]
        why = own[0].reason.removeprefix(WARNING).partition(" It says: ")[0]
        yield f"{len(own)} bad score{'s' if len(own) > 1 else ''} not counted: {why.removesuffix('.')}"
