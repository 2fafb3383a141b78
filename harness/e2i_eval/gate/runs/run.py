"""A run, case by case, the repetitions of a case taken together."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from e2i_eval.gate.runs.equality import same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from e2i_eval.core.behaviour import Behaviour
    from e2i_eval.core.stats.repeats.case_verdict import CaseVerdictStatus
    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["EXACT", "EXACT_MODES", "Run", "RunCase", "cases_of", "run_of"]

EXACT = (
    "prompt_tokens",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "claude_calls",
    "claude_requests",
    "cost_usd",
    "logging_completeness",
    "rag_context_precision",
    "rag_context_recall",
    "rag_citations",
    "rag_groundedness",
)
"""Measurements that are the same in every run of an unchanged target in mock and replay mode."""


EXACT_MODES = ("mock", "replay")
"""Modes of Claude in which an unchanged target does exactly the same again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCase:
    """One case of a run.

    Attributes:
        target: its target.
        status: the worst of its repetitions, or what they were judged to come to, see ``run_of``.
        pass_rate: share of its repetitions that passed, 0 to 1.
        repeats: how many there were.
        measured: the measurements of ``EXACT`` that were known; means over repetitions.
        behaviour: what the target did, in the first repetition; None when it could not be observed.
        unstable: what was not the same in all repetitions (metrics of ``EXACT``, ``behaviour``).
        results: its repetitions, the first one first; empty in a baseline, which keeps none.
    """

    target: str
    status: CaseVerdictStatus
    pass_rate: float
    repeats: int
    measured: Mapping[str, float] = field(default_factory=dict)
    behaviour: Behaviour | None = None
    unstable: tuple[str, ...] = ()
    results: tuple[CaseResult, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_held(self) -> bool:
        """Whether it is in quarantine, so that it is shown and not judged."""
        return any(result.quarantine for result in self.results)

    @property
    def why(self) -> str:
        """The first thing that is wrong, else that could not be judged; empty when it passed."""
        if self.status == "pass":
            return ""
        every = [verdict for result in self.results for verdict in result.verdicts]
        bad = [verdict for status in ("fail", "error") for verdict in every if verdict.status == status]
        return f"{bad[0].check}: {bad[0].reason}".rstrip(": ") if bad else ""

    @property
    def latencies_ms(self) -> tuple[float, ...]:
        """What callers waited, one a repetition that was timed."""
        every = (result.measurements for result in self.results)
        return tuple(each["latency_ms"] for each in every if "latency_ms" in each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run, case by case.

    Attributes:
        mode: who answered for Claude: ``mock``, ``replay``, ``record`` or ``live``; empty when unknown.
        prices: the day of the price table; empty when unknown.
        environment: versions and machine.
        cases: by id in alphabetical order, see ``cases_of``.
    """

    mode: str
    prices: str
    environment: Mapping[str, str]
    cases: Mapping[str, RunCase]


def run_of(report: Report, *, is_judged: bool = False) -> Run:
    """Return a report's run.

    Args:
        report: as stored, or of the session so far.
        is_judged: a case has the status its repetitions were judged to come to, where such a verdict is that case's
            alone; else the worst of them, as baselines keep it.
    """
    cases = cases_of(report.cases)
    if is_judged:
        verdicts = report.case_verdicts()
        count = Counter(verdict.case_id for verdict in verdicts)
        judged = {verdict.case_id: verdict.status for verdict in verdicts if count[verdict.case_id] == 1}
        cases = {name: replace(case, status=judged.get(name, case.status)) for name, case in cases.items()}
    return Run(
        mode=str(report.session.get("claude") or ""),
        prices=str(report.session.get("prices") or ""),
        environment={str(key): str(value) for key, value in report.environment.items()},
        cases=cases,
    )


def cases_of(results: Iterable[CaseResult]) -> dict[str, RunCase]:
    """Return what each case did, by id in alphabetical order.

    Results of one case id that are no repetitions of each other (several tests evaluate the same golden case) are
    entries of their own: the case file's own keeps the id, the others carry the test's id.
    """
    by_id: dict[str, list[CaseResult]] = defaultdict(list)
    for result in results:
        by_id[result.case_id].append(result)
    named = {name: group for same_id in by_id.values() for name, group in _entries(same_id)}
    return {name: _case(named[name]) for name in sorted(named)}


def _entries(same_id: list[CaseResult]) -> Iterator[tuple[str, list[CaseResult]]]:
    case_id = same_id[0].case_id
    if _are_repetitions(same_id):
        yield case_id, same_id
        return
    by_item: dict[str, list[CaseResult]] = defaultdict(list)
    for result in same_id:
        by_item[result.nodeid].append(result)
    for nodeid, group in sorted(by_item.items()):
        name = case_id if nodeid.endswith(f"::{case_id}") else f"{case_id} [{nodeid}]"
        if _are_repetitions(group):
            yield name, group
        else:
            yield from ((f"{name} #{at}", [result]) for at, result in enumerate(group, 1))


def _are_repetitions(results: Sequence[CaseResult]) -> bool:
    return len({result.repeat for result in results}) == len(results)


def _case(results: list[CaseResult]) -> RunCase:
    results = sorted(results, key=lambda result: result.repeat)
    statuses = [result.status for result in results]
    measured = [_exact(result.measurements) for result in results]
    unstable = [name for name in EXACT if not all(same(measured[0].get(name), each.get(name)) for each in measured)]
    if any(result.behaviour != results[0].behaviour for result in results):
        unstable.append("behaviour")
    return RunCase(
        target=results[0].target,
        status="fail" if "fail" in statuses else "error" if "error" in statuses else "pass",
        pass_rate=statuses.count("pass") / len(statuses),
        repeats=len(results),
        measured={
            name: math.fsum(each[name] for each in measured) / len(measured)
            for name in EXACT
            if all(name in each for each in measured)
        },
        behaviour=results[0].behaviour,
        unstable=tuple(unstable),
        results=tuple(results),
    )


def _exact(measurements: Mapping[str, float]) -> dict[str, float]:
    known = {name: measurements[name] for name in EXACT if name in measurements}
    return {name: value for name, value in known.items() if math.isfinite(value)}
