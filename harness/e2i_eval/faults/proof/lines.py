"""A proof as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.faults.proof.trial import InjectionResult, Trial

__all__ = ["HEADER", "trial_line", "verdict_lines"]

WIDTHS = (34, 14, 24, 18)
NO_CASE = "-"
SHOWN_REASON = 100


def row(*cells: str) -> str:
    """Return one row of the table."""
    padded = [cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=False)]
    return "  ".join([*padded, *cells[len(WIDTHS) :]]).rstrip()


HEADER = row("fault", "class", "target", "caught by", "verdict")


def trial_line(trial: Trial) -> str:
    """Return the row of one trial."""
    by = next((check for check in trial.caught_by if check in trial.expected), next(iter(trial.caught_by), NO_CASE))
    return row(trial.fault, trial.kind, trial.target or NO_CASE, by, trial.outcome)


def verdict_lines(proof: InjectionResult) -> list[str]:
    """Return what the fault-injection result comes to: rates, what went wrong, what is not known."""
    lines = [_summary(proof), _controls(proof)]
    for title, trials in (("survived", proof.survivors), ("caught elsewhere", proof.caught_elsewhere)):
        for trial in trials:
            wanted = " or ".join(trial.expected)
            by = f" by {', '.join(trial.caught_by)}" if trial.caught_by else ""
            lines.append(
                f"{title}: {trial.fault} in {trial.case_id}{by}, must be caught by {wanted}: {_cut(trial.reason)}"
            )
    for control in proof.false_alarms:
        after = f" (after {control.after})" if control.after else ""
        lines.append(f"false alarm: {control.case_id}{after}: {', '.join(control.alarms)}: {_cut(control.reason)}")
    lines += [f"not covered: {trial.fault}: {trial.reason}" for trial in proof.not_covered]
    return lines


def _summary(proof: InjectionResult) -> str:
    applied = len(proof.applied)
    if proof.kill_rate is None:
        return "no fault could be applied: nothing is proved"
    caught = applied - len(proof.survivors)
    rate = proof.kill_rate
    interval = f"95 % interval {_percent(rate.low)} to {_percent(rate.high)}"
    right = caught - len(proof.caught_elsewhere)
    return f"{caught} of {applied} applied faults caught ({interval}), {right} of them by the right check"


def _controls(proof: InjectionResult) -> str:
    return f"{len(proof.false_alarms)} false alarms in {len(proof.controls)} evaluations with nothing broken"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.1f} %"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_REASON else text[: SHOWN_REASON - 1] + "…"
