"""What repetitions come to: passed k of n, how sure that is, what could be seen, what an answer costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.report import numbers
from e2i_eval.report.blocks import Line, Lines, Section

if TYPE_CHECKING:
    from e2i_eval.core.stats.repeats import CaseVerdict
    from e2i_eval.runner.report import Report

__all__ = ["repeats", "verdict_lines"]

SHOWN = 12


def repeats(report: Report) -> list[Section]:
    """Return the section on repeated cases, with each that did not pass; none without."""
    repeated = report.repeated
    if not repeated:
        return []
    runs = sum(verdict.repeats for verdict in repeated)
    lines = tuple(
        Line(
            f"{verdict.case_id}: {verdict.reason}",
            mark=verdict.status,
            below=(Lines(tuple(map(Line, verdict_lines(verdict)))),),
        )
        for verdict in repeated
        if verdict.status != "pass"
    )
    head = f"{numbers.amount(len(repeated), 'case')}, {numbers.amount(runs, 'run')}{_seen(report)}"
    return [
        Section(id="repetitions", title="Repetitions", label="repeated", head=head, blocks=(Lines(lines, most=SHOWN),))
    ]


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
        return ", and every run of a case must give the same result"
    rates = [verdict.detectable_rate for verdict in report.repeated]
    known = [rate for rate in rates if rate is not None]
    if not known:
        return ", too few to fail any case"
    return f"; a case that passes {numbers.share(min(known))} of the time or less is caught 4 times in 5"
