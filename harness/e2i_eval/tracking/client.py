"""Everything a session says to its tracking server and asks of it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from e2i_eval.core.mlflow_run import CaseRun
from e2i_eval.core.scratch import Scratch
from e2i_eval.tracking import decode
from e2i_eval.tracking.activation import Activation
from e2i_eval.tracking.annotation import Annotation
from e2i_eval.tracking.connection import Connection
from e2i_eval.tracking.experiment import Experiment
from e2i_eval.tracking.fluent import Strays, other_experiment
from e2i_eval.tracking.flush import Flush
from e2i_eval.tracking.reader import Reader
from e2i_eval.tracking.recorder import Recorder, expectation, feedback

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject, JsonValue
    from e2i_eval.core.trace import Logged, Trace
    from e2i_eval.core.verdict import Verdict

__all__ = ["TrackingClient"]

DRAIN_S = 30.0
CLOSE_S = 5.0
UNSUSPICIOUS_S = 1.0
"""A flush that takes longer makes us ask whether the server is there at all, rather than wait to the end."""

PARENT_TAG = "mlflow.parentRunId"
LEVEL_TAG = "e2i.level"
TEST_VIEW = {"mlflow.runType": "test"}
"""By this tag MLflow's UI shows a run's traces as a list of tests, each with the share of its passed assessments."""


class TrackingClient:
    """A session's tracking server, for the controller and for each worker.

    Three levels of runs in one experiment: the session's (what MLflow's UI shows as a test run), below it one a target,
    below that one a case. What a target logs lands in the run of the case that was running, so two cases never mix, and
    neither do two sessions or two workers.

    Making one puts variables into ``environ`` that keep MLflow's client brisk and quiet; ``close`` takes them out.
    """

    def __init__(
        self,
        uri: str,
        experiment: str = "e2i-eval",
        *,
        environ: MutableMapping[str, str],
        scratch: Path,
        artifacts: Path | None = None,
        logging_uri: str | None = None,
    ) -> None:
        """Make a client.

        Args:
            uri: the server's address.
            experiment: its name; created when there is none.
            environ: the process's environment, changed until ``close``.
            scratch: folder the session's processes share.
            artifacts: the folder the server keeps files in, when it is this machine's own; None asks the server.
            logging_uri: where what runs in a case logs to, when that is not the server itself but a proxy before it.
        """
        self._connection = Connection(uri, environ)
        self._reader = Reader(self._connection, artifacts=artifacts)
        self._recorder = Recorder(self._connection)
        self._activation = Activation(logging_uri or self._connection.uri, environ)
        self._flush = Flush()
        self._experiment = Experiment(self._connection, experiment)
        self._scratch = scratch
        self._sessions: dict[str, str] = {}
        self._strays: dict[str, Strays] = {}
        self._tagged: set[str] = set()
        self._linked: set[str] = set()

    @property
    def uri(self) -> str:
        """The server's address."""
        return self._connection.uri

    @property
    def broken(self) -> str:
        """Why the server is not asked any more; empty while it answers."""
        return self._connection.broken

    @property
    def lost(self) -> tuple[str, ...]:
        """What could not be recorded, a sentence each."""
        return tuple(self._recorder.lost)

    def wait_ready(self, timeout_s: float) -> None:
        """Wait for a server that is still starting; what asks before that would take it for a frozen one.

        Raises:
            UnknownError: it did not answer in time, or does not exist.
        """
        self._connection.wait_ready(timeout_s)

    def open_session(self, *, session_id: str, name: str, tags: Mapping[str, str], params: Mapping[str, str]) -> str:
        """Create the session's run and return its id; the experiment is created when there is none.

        Raises:
            UnknownError: the server did not answer, or refused.
        """
        own = {**TEST_VIEW, "mlflow.test.session_id": session_id, LEVEL_TAG: "session"}
        run_id = self._create_run(name, {**tags, **own})["info"]["run_id"]
        self._recorder.write_run(run_id, params=params)
        return str(run_id)

    def open_target(
        self, *, session_run_id: str, session_id: str, target: str, tags: Mapping[str, str] | None = None
    ) -> str:
        """Return the id of a target's run in a session; the first process to ask creates it.

        Raises:
            UnknownError: the server did not answer, or refused.
        """

        def create() -> str:
            own = {**TEST_VIEW, PARENT_TAG: session_run_id, LEVEL_TAG: "target"}
            own |= {"e2i.session_id": session_id, "e2i.target": target}
            return str(self._create_run(target, {**(tags or {}), **own})["info"]["run_id"])

        run_id = Scratch(self._scratch).once(f"target {target}", create)
        self._sessions[run_id] = session_run_id
        return run_id

    def open_case(self, *, target_run_id: str, session_id: str, case: Case, nodeid: str) -> CaseRun:
        """Create the run of a case about to run.

        Raises:
            UnknownError: the server did not answer, or refused.
        """
        self._connection.doing = f"case {case.id}"
        own = {
            PARENT_TAG: target_run_id,
            LEVEL_TAG: "case",
            "e2i.session_id": session_id,
            "e2i.target": case.target,
            "e2i.case": case.id,
            "mlflow.test.name": nodeid,
            "mlflow.test.case_id": case.id,
        }
        info = self._create_run(case.id, own)["info"]
        return CaseRun(
            run_id=info["run_id"],
            experiment_id=info["experiment_id"],
            target_run_id=target_run_id,
            case_id=case.id,
            nodeid=nodeid,
            started_ms=int(info["start_time"]),
            artifact_uri=info.get("artifact_uri", ""),
        )

    @contextmanager
    def active(self, case_run: CaseRun | None) -> Iterator[None]:
        """Let whatever logs in this process and its children log to the case's run.

        One case at a time and process. None stands for a case that has no run because the server is gone: what the
        target logs then fails at once instead of waiting for it.
        """
        if case_run is None:
            with self._activation.nowhere():
                yield
            return
        with self._activation.of(case_run, self._strays.setdefault(case_run.run_id, set())):
            yield

    def expect_other_processes(self) -> None:
        """From now on, find also the traces that processes which a case started make outside of every run."""
        self._activation.names_source = True

    def flush(self, timeout_s: float) -> bool:
        """Wait until MLflow's client has sent the traces it holds; return whether it did within ``timeout_s``."""
        if self.broken or self._flush(min(timeout_s, UNSUSPICIOUS_S)):
            return not self.broken
        self._connection.check()
        return not self.broken and self._flush(timeout_s - UNSUSPICIOUS_S)

    def read(self, case_run: CaseRun, *, settle_s: float = 2.0) -> tuple[tuple[Trace, ...], Logged]:
        """Return what the server keeps of a case.

        Args:
            case_run: the case's run.
            settle_s: how long to wait while there is no trace, or one that is not complete.

        Raises:
            UnknownError: the server could not be asked, so nothing may be concluded.
        """
        own_runs = self._target_runs(case_run)
        experiments = {case_run.experiment_id, *(run["info"]["experiment_id"] for run in own_runs)}
        if (chosen := other_experiment(case_run)) is not None:
            experiments.add(chosen)
        source = case_run.source_name if self._activation.names_source else ""
        traces = self._reader.settled_traces(case_run.run_id, experiments, settle_s, source=source)
        if not traces:
            others = set(self._reader.experiments()) - experiments
            traces = self._reader.traces(case_run.run_id, others, source=source)
        self._tagged.update(each.trace_id for each in traces if case_run.trace_tags.items() <= each.tags.items())
        return traces, self._logged(case_run, own_runs)

    def traces(self, run_id: str) -> tuple[Trace, ...]:
        """Return the traces of any run of the experiment, oldest first.

        Raises:
            UnknownError: the server could not be asked.
        """
        return self._reader.traces(run_id, {self.experiment_id})

    def record_case(  # noqa: PLR0913  all that is known of a case, by name
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
        """Have a case's outcome recorded; returns at once, ``drain`` waits for it, ``lost`` says what failed.

        Each trace gets an assessment for each verdict (skips left out) and each expectation, and is shown in the
        target's and the session's run too. The case's run ends as ``FINISHED`` or ``FAILED``.
        """
        session_run_id = self._sessions.get(case_run.target_run_id, "")
        judged = [each for each in verdicts if each.status != "skip"]  # as an assessment it would count as failed
        assessments = [
            *(feedback(verdict, session_run_id or case_run.run_id) for verdict in judged),
            *(expectation(name, value) for name, value in expectations.items()),
        ]
        for trace_id in traces:
            info = self._reader.infos.pop(trace_id, {"trace_id": trace_id})
            missing = {} if trace_id in self._tagged | self._linked else case_run.trace_tags
            self._recorder.annotate(Annotation(info=info, assessments=assessments, tags=missing))
        unlinked = [trace_id for trace_id in traces if trace_id not in self._linked]  # MLflow refuses a second link
        self._linked.update(unlinked)
        for run_id in (case_run.target_run_id, session_run_id):
            if run_id and unlinked:
                self._recorder.link(unlinked, run_id)
        self._recorder.write_run(case_run.run_id, metrics=measurements, params=params, tags=tags)
        self._recorder.end_run(case_run.run_id, passed=passed)

    def record_judgements(
        self,
        run_id: str,
        *,
        passed: bool,
        verdicts: tuple[Verdict, ...],
        measurements: Mapping[str, float],
        traces: tuple[str, ...],
    ) -> None:
        """Have verdicts recorded that came after a case's run had ended; returns at once, as ``record_case`` does."""
        assessments = [feedback(verdict, run_id) for verdict in verdicts if verdict.status != "skip"]
        for trace_id in traces:
            self._recorder.annotate(Annotation(info={"trace_id": trace_id}, assessments=assessments, tags={}))
        if run_id:
            self._recorder.write_run(run_id, metrics=measurements)
            self._recorder.end_run(run_id, passed=passed)

    def end_open_cases(self, session_id: str, *, judged: Collection[str]) -> tuple[str, ...]:
        """End as ``KILLED`` the runs of cases that were begun and never judged, whichever process began them.

        Args:
            session_id: the session.
            judged: run ids of the cases that have a result; their end may still be under way.

        Returns:
            The ids of the cases whose runs were ended.

        Raises:
            UnknownError: the server could not be asked.
        """
        self._connection.doing = "the session's end"
        mine = f"tags.`e2i.session_id` = '{session_id}' AND tags.`{LEVEL_TAG}` = 'case'"
        query = f"{mine} AND attributes.status = 'RUNNING'"
        runs = self._reader.runs(query, {self.experiment_id})
        left = [run for run in runs if run["info"]["run_id"] not in judged]
        for run in left:
            body = {"run_id": run["info"]["run_id"], "status": "KILLED", "end_time": int(time.time() * 1000)}
            self._connection.call("POST", "/api/2.0/mlflow/runs/update", body)
        tags = ({tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in left)
        return tuple(sorted(each["e2i.case"] for each in tags))

    def close_target(
        self,
        run_id: str,
        *,
        passed: bool,
        metrics: Mapping[str, float],
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Have a target's run completed and ended."""
        self._recorder.write_run(run_id, metrics=metrics, params=params, tags=tags)
        self._recorder.end_run(run_id, passed=passed)

    def close_session(
        self,
        run_id: str,
        *,
        passed: bool,
        metrics: Mapping[str, float],
        artifacts: Mapping[str, str],
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Complete and end the session's run, with text files by name; waits for everything recorded so far.

        Raises:
            UnknownError: the server did not take a file.
        """
        self._recorder.write_run(run_id, metrics=metrics, tags=tags)
        self.drain(DRAIN_S)
        for name, text in artifacts.items():
            self._recorder.store_file(run_id, self._artifact_uri(run_id), name, text)
        self._recorder.end_run(run_id, passed=passed)
        self.drain(DRAIN_S)

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything recorded in this process is on the server; return whether it was in time."""
        return self._recorder.drain(timeout_s)

    def close(self) -> None:
        """Leave the process as it was found; what is not recorded yet is given up."""
        self._recorder.close()
        if not self.broken:
            self._flush(CLOSE_S, last=True)
        self._activation.restore()
        self._connection.close()

    @property
    def experiment_id(self) -> str:
        """The experiment's id; it is created when there is none."""
        return self._experiment.id

    def url(self, run_id: str) -> str:
        """Return the address of a run in MLflow's UI; for a session or a target its list of tests."""
        return f"{self.uri}/#/experiments/{self.experiment_id}/runs/{run_id}/traces"

    def session_runs(self, limit: int = 50) -> tuple[Logged, ...]:
        """Return the sessions recorded here, newest first, without the names of their files."""
        runs = self._reader.runs(f"tags.`{LEVEL_TAG}` = 'session'", {self.experiment_id}, limit)
        return tuple(decode.logged(run, ()) for run in runs)

    def children(self, run_id: str, limit: int = 1000) -> tuple[Logged, ...]:
        """Return the runs right below a run, newest first, without the names of their files."""
        runs = self._reader.runs(f"tags.`{PARENT_TAG}` = '{run_id}'", {self.experiment_id}, limit)
        return tuple(decode.logged(run, ()) for run in runs)

    def logged(self, run_id: str) -> Logged:
        """Return any run's content."""
        return self._reader.logged(run_id)

    def _logged(self, case_run: CaseRun, own_runs: Sequence[JsonObject]) -> Logged:
        own = [self._reader.logged(run["info"]["run_id"]) for run in own_runs]
        return _merged(self._reader.logged(case_run.run_id), own)

    def _target_runs(self, case_run: CaseRun) -> list[JsonObject]:
        """Return the runs the target opened itself, oldest first; asked only when it seems to have opened any."""
        strays = self._strays.get(case_run.run_id)
        if not strays:
            return []
        runs = {run_id: self._reader.run(run_id) for run_id in strays}
        experiments = {run["info"]["experiment_id"] for run in runs.values()} | {case_run.experiment_id}
        for run in self._reader.runs(f"tags.`{PARENT_TAG}` = '{case_run.run_id}'", experiments):
            runs[run["info"]["run_id"]] = run
        return sorted(runs.values(), key=lambda run: int(run["info"]["start_time"]))

    def _artifact_uri(self, run_id: str) -> str:
        return str(self._reader.run(run_id)["info"].get("artifact_uri", ""))

    def _create_run(self, name: str, tags: Mapping[str, str]) -> JsonObject:
        body = {
            "experiment_id": self.experiment_id,
            "run_name": name,
            "start_time": int(time.time() * 1000),
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
        }
        run: JsonObject = self._connection.call("POST", "/api/2.0/mlflow/runs/create", body)["run"]
        return run


def _merged(logged: Logged, own: Sequence[Logged]) -> Logged:
    """Add what the target logged to runs it opened itself; where both have a value, the run opened last wins."""
    every = (logged, *own)
    return replace(
        logged,
        metrics={key: value for each in every for key, value in each.metrics.items()},
        params={key: value for each in every for key, value in each.params.items()},
        artifacts=tuple(sorted({path for each in every for path in each.artifacts})),
        empty=tuple(sorted({path for each in every for path in each.empty})),
    )
