"""Runs made by hand, with only what matters to a test."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.estimate import Estimate
from e2i_eval.core.overhead_result import OverheadResult
from e2i_eval.core.verdict import Verdict
from e2i_eval.gate.compare import RunComparison, compare_runs, side_of
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from e2i_eval.core.verdict import Status

MEASURED = {
    "input_tokens": 100.0,
    "output_tokens": 10.0,
    "cache_read_tokens": 0.0,
    "cache_write_tokens": 0.0,
    "claude_calls": 1.0,
    "cost_usd": 0.001,
    "latency_ms": 20.0,
    "logging_completeness": 1.0,
}


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes runs and compares them."""

    def case(self, name: str, status: Status = "pass", *, why: str = "wrong", **measured: float) -> CaseResult:
        """Return a case of one verdict."""
        return CaseResult(
            case_id=name,
            target=name.partition("/")[0],
            nodeid=f"golden/cases/{name}.yaml::{name}",
            where=f"golden/cases/{name}.yaml:1",
            verdicts=(Verdict(check="output", status=status, reason=why),),
            measurements={**MEASURED, **measured},
        )

    def run(self, *cases: CaseResult, mode: str = "mock", name: str = "x", **parts: object) -> Report:
        """Return a run of ``cases``."""
        session = {"id": name, "claude": mode, "prices": "2026-11-10", "git": {"commit": "c" * 40, "branch": "main"}}
        made = Report(session=session, environment={"python": "3.11.7"}, cases=cases)
        return replace(made, **parts)  # type: ignore[arg-type]

    def many(self, targets: int, each: int, *, failed: int = 0, mode: str = "live", name: str = "x") -> Report:
        """Return a run of many cases, the first ``failed`` of each target wrong."""
        cases = [
            self.case(f"agent-{t:02d}/case-{i:02d}", "fail" if i < failed else "pass")
            for t in range(targets)
            for i in range(each)
        ]
        return self.run(*cases, mode=mode, name=name)

    def compared(self, *runs: Report, tolerance: float = 0.0) -> RunComparison:
        """Return the comparison of runs A, B, ..."""
        sides = [side_of(letter, f"run-{letter}", run) for letter, run in zip("ABCDE", runs, strict=False)]
        return compare_runs(sides, tolerance=tolerance)

    def overhead(self, value_ms: float, *differences: str) -> OverheadResult:
        """Return a measurement of what logging costs."""
        return OverheadResult(
            target="support",
            case_id="support/a",
            callers="one",
            pairs=20,
            plain_ms=40.0,
            overhead_ms=Estimate(
                value=value_ms, low=value_ms - 0.5, high=value_ms + 0.5, confidence=0.95, method="Hodges-Lehmann"
            ),
            drain_ms=41.0,
            differences=differences,
        )


@pytest.fixture(scope="session")
def make() -> Maker:
    """What makes runs."""
    return Maker()
