"""A session: one temporary server, one run on it, all results of all processes, one report."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import uuid
from importlib import metadata
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit, urlunsplit

from e2i_eval.checks.coverage import GraphFiles, TargetCoverage, cover, coverage_metrics
from e2i_eval.core.errors import UnknownError, UsageError
from e2i_eval.core.json_codec import to_json
from e2i_eval.core.latency_shift import shift_metrics
from e2i_eval.core.overhead_result import highest
from e2i_eval.core.prices import PriceTable
from e2i_eval.core.scratch import Scratch, ScratchFolder
from e2i_eval.core.stats.repeats import judge_session
from e2i_eval.runner.decision_record import session_metrics, session_tags, target_metrics, target_tags, worst
from e2i_eval.runner.evaluation import SessionRef
from e2i_eval.runner.report import CaseResult, Report, TargetSummary, summarise
from e2i_eval.runner.report_files import REPORT_FILE, Renderers, report_texts, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from e2i_eval.core.clock import Clock
    from e2i_eval.core.decision import Decision
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.latency_shift import LatencyShift
    from e2i_eval.core.overhead_result import OverheadResult
    from e2i_eval.core.ports import Tracking
    from e2i_eval.core.selection import Selection
    from e2i_eval.runner.config.settings import Settings

__all__ = ["REPORT_FILE", "Session", "SessionServer"]

VERSIONED = ("e2i-eval", "mlflow", "langgraph", "langchain-core", "langchain-anthropic", "anthropic", "pytest")


class SessionServer(Protocol):
    """A tracking server that this session owns."""

    @property
    def uri(self) -> str:
        """Its address."""

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know about its start, a sentence each; complete once it is ready."""

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until it answers."""

    @property
    def artifacts(self) -> Path:
        """The folder it keeps files in."""

    def stop(self) -> None:
        """End it."""


class Session:
    """Owns what all processes of a session share, gathers their results, and leaves the report."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        start_server: Callable[[Path], SessionServer],
        git: JsonObject,
        renderers: Renderers | None = None,
        clean: Callable[[Report], Report] = lambda report: report,
    ) -> None:
        """Create the session and start its server, which becomes ready while pytest collects.

        Args:
            settings: what was asked for.
            clock: time.
            start_server: starts a server on a store folder; not called when the team's own server is used.
            git: ``commit``, ``branch`` and ``dirty`` of the project; empty outside a repository.
            renderers: the files to be made beside ``report.json``; None makes none.
            clean: takes secrets out of a report before it is written anywhere.
        """
        self._renderers = renderers or {}
        self._clean = clean
        self._experiment_id = ""
        self._settings = settings
        self._clock = clock
        self._start_s = clock.elapsed_s()
        self._started_at_s = clock.time_s()
        self._results: list[CaseResult] = []
        _refuse_unwritable(settings.report)
        self._prices = PriceTable.load(settings.prices).date.isoformat()
        self._folder = ScratchFolder()
        self._scratch = Scratch(self._folder.path)
        try:
            store = settings.store or self._folder.path / "mlflow"
            self.server = None if settings.tracking_uri else start_server(store)
        except BaseException:
            self._folder.remove()
            raise
        self._git = git
        self._selection: Selection | None = None
        self._decisions: tuple[Decision, ...] = ()
        self._notes: list[str] = []
        self._overheads: list[OverheadResult] = []
        self._shifts: list[LatencyShift] = []
        self.ref = self._reference(git)

    def add(self, result: CaseResult) -> None:
        """Take in the result of one case."""
        self._results.append(result)

    def replace(self, before: CaseResult, after: CaseResult) -> None:
        """Put a result that knows more in the place of one that was taken in."""
        self._results = [after if each is before else each for each in self._results]

    def select(self, selection: Selection) -> None:
        """Take in how much of the project was run; a report without it counts as a part."""
        self._selection = selection

    def judged(self, decisions: tuple[Decision, ...]) -> None:
        """Take in what the gate decided."""
        self._decisions = decisions

    def note(self, *sentences: str) -> None:
        """Take in what a reader should know and nobody has to fix; said twice, it is kept once."""
        self._notes += [each for each in dict.fromkeys(sentences) if each not in self._notes]

    def measured(self, overhead: OverheadResult) -> None:
        """Take in what logging costs one way of calling a target."""
        self._overheads.append(overhead)

    def compared(self, shifts: Sequence[LatencyShift]) -> None:
        """Take in how one target's latency differs between two revisions."""
        self._shifts += shifts

    def so_far(self) -> Report:
        """Return the report of what has been taken in until now."""
        return self._report(())

    def finish(self, tracking: Tracking, *, problems: tuple[str, ...] = ()) -> Report:
        """Write the totals to the server and the report to its folder, and return the report.

        Whatever cannot be written is one of the report's problems.
        """
        problems = (*problems, *self._end_open_cases(tracking))
        self._experiment_id = self._experiment(tracking)
        trouble = self._close_runs(tracking, self._report(problems))
        if trouble and not any(trouble in problem for problem in problems):
            problems = (*problems, f"the session could not be recorded completely: {trouble}")
        return write_report(self._settings.report, self._clean(self._report(problems)), self._renderers)

    def _experiment(self, tracking: Tracking) -> str:
        """Return the experiment of the session's runs, for links to them; empty when there is none to be had."""
        try:
            return tracking.experiment_id if "session" in self._scratch.values() else ""
        except UnknownError:
            return ""

    def close(self) -> None:
        """Stop the server and remove what was temporary; may be called twice."""
        if self.server is not None:
            self.server.stop()
        self._folder.remove()

    def _reference(self, git: JsonObject) -> SessionRef:
        label = f"e2i-eval {git.get('commit', '')[:7] or 'no-commit'} {_minute(self._started_at_s)}"
        return SessionRef(
            session_id=uuid.uuid4().hex,
            name=label,
            uri=self._settings.tracking_uri or (self.server.uri if self.server else ""),
            scratch=str(self._folder.path),
            artifacts=str(self.server.artifacts) if self.server else "",
            tags={f"e2i_eval.git_{key}": str(value) for key, value in git.items()},
            params={"claude": self._settings.claude, **environment()},
        )

    def _report(self, problems: tuple[str, ...]) -> Report:
        return Report(
            session={
                "id": self.ref.session_id,
                "name": self.ref.name,
                "started_at_s": self._started_at_s,
                "duration_s": round(self._clock.elapsed_s() - self._start_s, 3),
                "claude": self._settings.claude,
                "tracking_uri": _without_password(self._settings.tracking_uri),
                "store": str(self._settings.store) if self._settings.store else None,
                "run_id": self._scratch.values().get("session", ""),
                "experiment_id": self._experiment_id,
                "git": dict(self._git),
                "prices": self._prices,
                "selection": to_json(self._selection) if self._selection else None,
            },
            environment=environment(),
            cases=tuple(self._results),
            repeated=judge_session(self._results, self._settings.repeat_plan),
            coverage=self._coverage(),
            problems=problems,
            decisions=self._decisions,
            overheads=tuple(self._overheads),
            latency=tuple(self._shifts),
            notes=tuple(self._notes),
        )

    def _coverage(self) -> tuple[TargetCoverage, ...]:
        """Return which parts of its graph each target's cases exercise; a conclusion from evidence exercises none."""
        graphs = GraphFiles(self._folder.path)
        ran: dict[str, list[CaseResult]] = {}
        for result in self._results:
            ran.setdefault(result.target, []).append(result)
        return tuple(
            cover(target, graphs.read(target), [each.exercised for each in results if each.calls or each.exercised])
            for target, results in sorted(ran.items())
        )

    def _end_open_cases(self, tracking: Tracking) -> tuple[str, ...]:
        """End the runs of cases that were begun and never judged; return a sentence for each."""
        if "session" not in self._scratch.values():
            return ()
        judged = {result.run_id for result in self._results}
        try:
            ended = tracking.end_open_cases(self.ref.session_id, judged=judged)
        except UnknownError as error:
            return (f"the session could not be recorded completely: {error}",)
        return tuple(f"case {case_id} was begun and has no result; its run was ended as KILLED" for case_id in ended)

    def _close_runs(self, tracking: Tracking, report: Report) -> str:
        """End the runs on the server; return what went wrong, or an empty text."""
        runs = self._scratch.values()
        if "session" not in runs:
            return ""
        rows = {row.target: row for row in report.targets()}
        try:
            for key, run_id in runs.items():
                if target := key.removeprefix("session").removeprefix("target "):
                    row = rows.get(target) or summarise(target, [])
                    decision = worst(each for each in report.decisions if each.target == target)
                    tracking.close_target(
                        run_id,
                        passed=row.is_well and decision != "fail",
                        metrics={
                            **row.metrics(),
                            **highest(report.overheads, target),
                            **shift_metrics(report.latency, target),
                            **coverage_metrics(report.coverage, target),
                            **target_metrics(report.decisions, target),
                        },
                        tags=target_tags(report.decisions, target),
                    )
            total = summarise("total", list(report.cases), report.repeated)
            tracking.close_session(
                runs["session"],
                passed=_is_well(total, report),
                metrics={**total.metrics(), **session_metrics(report.decisions)},
                tags=session_tags(report.decisions),
                artifacts=report_texts(self._clean(report), self._renderers),
            )
        except UnknownError as error:
            return str(error)
        return ""


def _is_well(total: TargetSummary, report: Report) -> bool:
    """Tell whether nothing blocks: no case, no problem, no rule of the gate."""
    passed = total.passed + total.quarantined == total.cases
    return passed and not report.problems and worst(report.decisions) != "fail"


def environment() -> dict[str, str]:
    """Return versions and machine, as they are stored with every result."""
    versions = {f"version.{name}": _version(name) for name in VERSIONED}
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "cpus": str(os.cpu_count() or 0),
        **{name: version for name, version in versions.items() if version},
    }


def _without_password(uri: str | None) -> str | None:
    """Return an address without the name and the password that may stand in it."""
    if uri is None:
        return None
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _minute(time_s: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415  only here

    return datetime.fromtimestamp(time_s, tz=UTC).strftime("%Y-%m-%d %H:%M")


def _refuse_unwritable(folder: Path) -> None:
    """Say at once, not after the last case, that there is no place for the report."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = f"the report folder {folder} cannot be written: {error.strerror or error}"
        raise UsageError(what, fix="choose another one with --e2i-report=DIR") from error
