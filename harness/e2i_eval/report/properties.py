"""What JUnit XML says of a test beside its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.runner.report import CaseResult

__all__ = ["case_properties"]

MEASURED = ("latency_ms", "claude_calls", "input_tokens", "output_tokens", "cost_usd", "logging_completeness")


def case_properties(results: Sequence[CaseResult], *, runs_url: str = "") -> list[tuple[str, object]]:
    """Return names and values for one test; those of its second case end in ``.2``, and so on.

    Args:
        results: the test's cases; what a case did not measure is absent.
        runs_url: address of MLflow's page of a run, up to the run's id; empty when none is there afterwards.
    """
    found: list[tuple[str, object]] = []
    for place, result in enumerate(results, 1):
        suffix = f".{place}" if place > 1 else ""
        found += [(f"e2i.{name}{suffix}", value) for name, value in _of_case(result, runs_url)]
    return found


def _of_case(result: CaseResult, runs_url: str) -> list[tuple[str, object]]:
    measured = [(name, result.measurements[name]) for name in MEASURED if name in result.measurements]
    known = [
        ("case_id", result.case_id),
        ("target", result.target),
        ("status", result.status),
        ("repeat", result.repeat or ""),
        *((name, f"{value:.6g}" if name in {"latency_ms", "cost_usd"} else f"{value:g}") for name, value in measured),
        ("trace_ids", ",".join(result.trace_ids)),
        ("run_id", result.run_id),
        ("run_url", f"{runs_url}{result.run_id}" if runs_url and result.run_id else ""),
    ]
    return [(name, value) for name, value in known if value != ""]
