"""What the server keeps of a session's cases: a run for each, ended with its judgement."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from e2i_eval.core.errors import E2iError, UnknownError
from e2i_eval.core.plain import plain
from e2i_eval.core.verdict import Verdict

if TYPE_CHECKING:
    from e2i_eval.core.case import Case, Expectation
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.ports import Tracking
    from e2i_eval.core.scratch import Scratch
    from e2i_eval.runner.evaluation.session_ref import SessionRef
    from e2i_eval.runner.report import CaseResult

__all__ = ["CaseRecords", "unrecorded"]


class CaseRecords:
    """Opens and ends the runs of a session's cases; the session's own run is opened by whichever process is first."""

    def __init__(self, session: SessionRef, scratch: Scratch, tracking: Tracking) -> None:
        self._session = session
        self._scratch = scratch
        self._tracking = tracking

    def open(self, case: Case, nodeid: str) -> CaseRun:
        """Create the run of a case below its target's run.

        Raises:
            UnknownError: the server did not answer, or refused.
        """
        session = self._session
        session_run_id = self._scratch.once(
            "session",
            lambda: self._tracking.open_session(
                session_id=session.session_id, name=session.name, tags=session.tags, params=session.params
            ),
        )
        target_run_id = self._tracking.open_target(
            session_run_id=session_run_id, session_id=session.session_id, target=case.target, tags={}
        )
        return self._tracking.open_case(
            target_run_id=target_run_id, session_id=session.session_id, case=case, nodeid=nodeid
        )

    def judged(self, case_run: CaseRun, result: CaseResult, expect: Expectation) -> CaseResult:
        """Write a judgement; when that fails, the result says that it is not there."""
        try:
            self._tracking.record_case(
                case_run,
                passed=result.status == "pass",
                verdicts=result.verdicts,
                measurements=result.measurements,
                params={},
                tags={
                    "e2i_eval.status": result.status,
                    "e2i_eval.case": result.case_id,
                    **({"e2i_eval.repeat": str(result.repeat)} if result.repeat else {}),
                },
                traces=result.trace_ids,
                expectations=_expectations(expect),
            )
        except UnknownError as error:
            return result.with_verdict(unrecorded(str(error)))
        return result

    def broken(self, case_run: CaseRun, case: Case, error: E2iError) -> None:
        """End the run of a case that was not called; whoever catches ``error`` reports what went wrong."""
        with contextlib.suppress(UnknownError):
            self._end(case_run, {"status": "error", "case": case.id, "error": str(error)}, passed=False)

    def rehearsed(self, case_run: CaseRun) -> None:
        """End the run of a case that was only rehearsed.

        Raises:
            UnknownError: the server did not answer, or refused.
        """
        self._end(case_run, {"status": "rehearsal"}, passed=True)

    def _end(self, case_run: CaseRun, tags: dict[str, str], *, passed: bool) -> None:
        """End a run about which nothing was judged."""
        self._tracking.record_case(
            case_run,
            passed=passed,
            verdicts=(),
            measurements={},
            params={},
            tags={f"e2i_eval.{name}": value for name, value in tags.items()},
            traces=(),
            expectations={},
        )


def unrecorded(why: str) -> Verdict:
    """Return the verdict on a case of which the server keeps no judgement."""
    return Verdict(check="recording", status="error", reason=f"unknown: {why}")


def _expectations(expect: Expectation) -> dict[str, JsonValue]:
    """Return what a case expects of its output, for the trace's expectations."""
    expected: dict[str, JsonValue] = {}
    if expect.has_output:
        expected["output"] = expect.output
    if expect.values:
        expected["values"] = plain(expect.values)
    if expect.error:
        expected["error"] = plain(expect.error)
    return expected
