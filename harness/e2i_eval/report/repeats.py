"""What repetitions come to, as text: passed k of n, how sure that is, what could be seen, what an answer costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers

if TYPE_CHECKING:
    from e2i_eval.runner.report import Report
    from e2i_eval.stats.repeats import CaseVerdict

__all__ = ["repeat_lines", "verdict_lines"]

MARK = {"pass": "✓", "fail": "✗", "error": "?", "inconclusive": "~"}
SHOWN = 12


def repeat_lines(report: Report) -> list[str]:
    """Return what a terminal says of repeated cases: one line for all, then each that did not pass; empty without."""
    repeated = report.repeated
    if not repeated:
        return []
    runs = sum(verdict.repeats for verdict in repeated)
    lines = [f"repeated: {len(repeated):,} cases, {runs:,} runs{_seen(report)}"]
    noteworthy = [verdict for verdict in repeated if verdict.status != "pass"]
    for verdict in noteworthy[:SHOWN]:
        lines += [f"{MARK[verdict.status]} {verdict.case_id}: {verdict.reason}"]
        lines += [f"    {line}" for line in verdict_lines(verdict)]
    hidden = len(noteworthy) - SHOWN
    return [*lines, f"… and {hidden} more, all of them in report.json"] if hidden > 0 else lines


def verdict_lines(verdict: CaseVerdict) -> list[str]:
    """Return what belongs to a case's verdict besides its reason; empty in mock and replay, where nothing is random."""
    lines = []
    if verdict.pass_rate is not None:
        rate = verdict.pass_rate
        lines.append(
            f"pass rate {numbers.share(rate.value)}, between {numbers.share(rate.low)} and {numbers.share(rate.high)}"
            f" ({rate.method}, {numbers.share(rate.confidence)})"
        )
    if verdict.detectable_rate is not None:
        lines.append(
            f"{verdict.planned} repetitions fail a case 4 times in 5"
            f" when it passes {numbers.share(verdict.detectable_rate)} of the time or less"
        )
    elif verdict.reduce:
        lines.append(f"{verdict.planned} repetitions are too few to fail any case")
    if verdict.fix:
        lines.append(f"to decide it: {verdict.fix}, about {numbers.cost(verdict.cost_to_resolve_usd)}")
    return lines


def _seen(report: Report) -> str:
    """Say once what is the same for all cases: the smallest difference that could have been seen."""
    if report.session.get("claude") in {"mock", "replay"}:
        return ", all of which had to come out the same"
    rates = [verdict.detectable_rate for verdict in report.repeated]
    known = [rate for rate in rates if rate is not None]
    if not known:
        return ", too few to fail any case"
    return f"; a case that passes {numbers.share(min(known))} of the time or less was seen 4 times in 5"
