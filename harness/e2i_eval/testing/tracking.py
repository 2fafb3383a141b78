"""A tracking server in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError
from e2i_eval.core.mlflow_run import CaseRun
from e2i_eval.core.trace import Logged

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Trace
    from e2i_eval.core.verdict import Verdict

__all__ = ["InMemoryTracking", "MemoryRun"]

EXPERIMENT_ID = "1"


@dataclass(slots=True, kw_only=True)
class MemoryRun:
    """A run: its place, its content, and how it ended."""

    run_id: str
    parent_id: str | None
    experiment_id: str = EXPERIMENT_ID
    status: str = "RUNNING"
    logged: Logged = field(default_factory=lambda: Logged(run_id="", status="RUNNING"))
    traces: tuple[Trace, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)


class InMemoryTracking:
    """Fits the ``Tracking`` port; what a case logs is given in advance.

    Args:
        traces: what every case is said to have left.
        logged: what every case's run is said to hold.
        dies_after: number of requests after which every further one raises ``UnknownError``; None never dies.
    """

    def __init__(
        self, *, traces: tuple[Trace, ...] = (), logged: Logged | None = None, dies_after: int | None = None
    ) -> None:
        self._traces = traces
        self._logged = logged
        self._left = dies_after
        self.runs: dict[str, MemoryRun] = {}
        self.flushes = 0

    def open_session(self, *, session_id: str, name: str, tags: Mapping[str, str], params: Mapping[str, str]) -> str:
        """Open the session's run."""
        return self._open(f"session {session_id} {name}", None, Logged(run_id="", status="", tags=tags, params=params))

    def open_target(self, *, session_run_id: str, session_id: str, target: str, tags: Mapping[str, str]) -> str:
        """Open a target's run."""
        return self._open(f"{session_id} {target}", session_run_id, Logged(run_id="", status="", tags=tags))

    def open_case(self, *, target_run_id: str, session_id: str, case: Case, nodeid: str) -> CaseRun:
        """Open a case's run."""
        tags = {"session": session_id, "nodeid": nodeid}
        logged = self._logged or Logged(run_id="", status="RUNNING", tags=tags)
        run_id = self._open(case.id, target_run_id, logged)
        return CaseRun(
            run_id=run_id,
            experiment_id=EXPERIMENT_ID,
            target_run_id=target_run_id,
            case_id=case.id,
            nodeid=nodeid,
            started_ms=0,
        )

    @contextmanager
    def active(self, case_run: CaseRun | None) -> Iterator[None]:
        """Let what is given in advance land in the run."""
        yield
        if case_run is not None:
            self.runs[case_run.run_id].traces = self._traces

    def flush(self, timeout_s: float) -> bool:
        """Count the flush."""
        self.flushes += timeout_s > 0
        return True

    def drain(self, timeout_s: float) -> bool:
        """Tell that everything is recorded, as it always is in memory."""
        return timeout_s >= 0

    @property
    def experiment_id(self) -> str:
        """The experiment of all runs."""
        return EXPERIMENT_ID

    @property
    def lost(self) -> tuple[str, ...]:
        """Nothing is ever lost in memory."""
        return ()

    def close(self) -> None:
        """Keep everything, for the test to look at."""

    def read(self, case_run: CaseRun, *, settle_s: float = 2.0) -> tuple[tuple[Trace, ...], Logged]:
        """Return what the case's run holds."""
        self._ask(f"reading for up to {settle_s} s")
        run = self.runs[case_run.run_id]
        return run.traces, run.logged

    def traces(self, run_id: str) -> tuple[Trace, ...]:
        """Return a run's traces."""
        self._ask("traces")
        return self.runs[run_id].traces

    def record_case(  # noqa: PLR0913  the port's signature
        self,
        case_run: CaseRun,
        *,
        passed: bool,
        verdicts: tuple[Verdict, ...],
        measurements: Mapping[str, float],
        params: Mapping[str, str],
        tags: Mapping[str, str],
        traces: tuple[str, ...],
        expectations: Mapping[str, JsonValue],
    ) -> None:
        """Keep the judgement."""
        self._ask(f"recording {len(traces)} traces, {len(expectations)} expectations")
        run = self.runs[case_run.run_id]
        run.verdicts = verdicts
        run.logged = replace(run.logged, metrics={**run.logged.metrics, **measurements}, params=params, tags=tags)
        run.status = _status(passed=passed)

    def end_open_cases(self, session_id: str, *, judged: Collection[str]) -> tuple[str, ...]:
        """End what is open and not judged."""
        self._ask("ending open cases")
        case_runs = (run for run in self.runs.values() if run.logged.tags.get("session") == session_id)
        ended = [run for run in case_runs if run.status == "RUNNING" and run.run_id not in judged]
        for run in ended:
            run.status = "KILLED"
        return tuple(run.run_id for run in ended)

    def close_target(
        self, run_id: str, *, passed: bool, metrics: Mapping[str, float], tags: Mapping[str, str] | None = None
    ) -> None:
        """End a target's run."""
        self._close(run_id, passed=passed, metrics=metrics, tags=tags)

    def close_session(
        self,
        run_id: str,
        *,
        passed: bool,
        metrics: Mapping[str, float],
        artifacts: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """End the session's run."""
        self._close(run_id, passed=passed, metrics=metrics, tags=tags)
        self.runs[run_id].artifacts = artifacts

    def _open(self, run_id: str, parent_id: str | None, logged: Logged) -> str:
        self._ask("opening a run")
        self.runs[run_id] = MemoryRun(run_id=run_id, parent_id=parent_id, logged=replace(logged, run_id=run_id))
        return run_id

    def _close(
        self, run_id: str, *, passed: bool, metrics: Mapping[str, float], tags: Mapping[str, str] | None
    ) -> None:
        self._ask("closing a run")
        run = self.runs[run_id]
        run.logged = replace(run.logged, metrics=metrics, tags={**run.logged.tags, **(tags or {})})
        run.status = _status(passed=passed)

    def _ask(self, request: str) -> None:
        if self._left is not None:
            if self._left == 0:
                what = f"the tracking server in memory is switched off ({request})"
                raise UnknownError(what)
            self._left -= 1


def _status(*, passed: bool) -> str:
    return "FINISHED" if passed else "FAILED"
