"""Which runs may become the baseline."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.verdict import Verdict
from e2i_eval.gate.baseline import refusals

if TYPE_CHECKING:
    from e2i_eval.core.verdict import Status
    from e2i_eval.runner.report import Report

FILES = {"support/refund": "a.yaml", "support/thanks": "b.yaml"}


def _refused(report: Report, *, allow_failures: bool = False) -> list[str]:
    return list(refusals(report, targets=["support"], files=FILES, allow_failures=allow_failures))


def test_a_whole_run_that_passed_is_accepted(report: Report) -> None:
    """Nothing speaks against it."""
    assert _refused(report) == []


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        ({"collected": 1, "deselected": 1, "flags": ["-k refund"]}, "the run was narrowed by -k refund"),
        ({"collected": 1, "deselected": 1, "flags": []}, "1 tests were deselected"),
        ({"collected": 0, "deselected": 0, "flags": []}, "no test was collected"),
        (None, "the report does not say whether the run was complete"),
    ],
)
def test_a_part_of_a_run_is_refused(report: Report, selection: object, reason: str) -> None:
    """However it was narrowed, and when it does not say."""
    assert reason in _refused(replace(report, session={**report.session, "selection": selection}))


def test_missing_cases_and_targets_are_refused(report: Report) -> None:
    """Every case file has a result, every target has a case."""
    partial = replace(report, cases=report.cases[:1])
    assert _refused(partial) == ["1 case file without a result: support/thanks"]

    reasons = list(refusals(report, targets=["support", "billing"], files=FILES, allow_failures=False))
    assert reasons == ["no case of billing was run"]


def test_a_run_of_other_case_files_is_refused(report: Report) -> None:
    """A case whose file is gone was not run with these files."""
    files = {"support/refund": "a.yaml"}
    reasons = list(refusals(report, targets=["support"], files=files, allow_failures=False))

    assert reasons == ["1 result without a case file: support/thanks"]


@pytest.mark.parametrize("status", ["fail", "error"])
def test_failures_are_refused_unless_they_are_meant(report: Report, status: Status) -> None:
    """A problem of the session is refused whatever is meant."""
    bad = replace(report.cases[0], verdicts=(Verdict(check="output", status=status, reason="wrong"),))
    failed = replace(report, cases=(bad, report.cases[1]))

    assert "support/refund (--allow-failures" in _refused(failed)[0]
    assert _refused(failed, allow_failures=True) == []
    assert _refused(replace(failed, problems=("a worker died",)), allow_failures=True) == [
        "the session had a problem: a worker died"
    ]


def test_a_case_that_is_never_the_same_is_refused(report: Report) -> None:
    """It would be a false alarm at every other run; live it is expected."""
    other = replace(report.cases[0], repeat=1, measurements={"input_tokens": 11.0})
    unstable = replace(report, cases=(*report.cases, other))

    assert "support/refund is not the same in all 2 repetitions" in _refused(unstable)[0]
    assert _refused(replace(unstable, session={**unstable.session, "claude": "live"})) == []
