"""A session: one temporary server, one run on it, all results of all processes, one report."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import uuid
from importlib import metadata
from typing import TYPE_CHECKING, Protocol

from e2i_eval.errors import UnknownError, UsageError
from e2i_eval.evaluator import SessionRef
from e2i_eval.report import CaseResult, Report, summarise
from e2i_eval.scratch import Scratch, ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from e2i_eval.clock import Clock
    from e2i_eval.json_value import JsonObject
    from e2i_eval.ports import Tracking
    from e2i_eval.settings import Settings

__all__ = ["REPORT_FILE", "Server", "Session"]

REPORT_FILE = "report.json"
VERSIONED = ("e2i-eval", "mlflow", "langgraph", "langchain-core", "langchain-anthropic", "anthropic", "pytest")


class Server(Protocol):
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
        self, settings: Settings, *, clock: Clock, start_server: Callable[[Path], Server], git: JsonObject
    ) -> None:
        """Create the session and start its server, which becomes ready while pytest collects.

        Args:
            settings: what was asked for.
            clock: time.
            start_server: starts a server on a store folder; not called when the team's own server is used.
            git: ``commit``, ``branch`` and ``dirty`` of the project; empty outside a repository.
        """
        self._settings = settings
        self._clock = clock
        self._start_s = clock.elapsed_s()
        self._started_at_s = clock.time_s()
        self._results: list[CaseResult] = []
        _refuse_unwritable(settings.report)
        self._folder = ScratchFolder()
        self._scratch = Scratch(self._folder.path)
        try:
            store = settings.store or self._folder.path / "mlflow"
            self.server = None if settings.tracking_uri else start_server(store)
        except BaseException:
            self._folder.remove()
            raise
        self._git = git
        self.ref = self._reference(git)

    def add(self, result: CaseResult) -> None:
        """Take in the result of one case."""
        self._results.append(result)

    def finish(self, tracking: Tracking, *, problems: tuple[str, ...] = ()) -> Report:
        """Write the totals to the server and the report to its folder, and return the report.

        Whatever cannot be written is one of the report's problems.
        """
        problems = (*problems, *self._end_open_cases(tracking))
        trouble = self._close_runs(tracking, self._report(problems))
        if trouble and not any(trouble in problem for problem in problems):
            problems = (*problems, f"the session could not be recorded completely: {trouble}")
        report = self._report(problems)
        try:
            _write_atomically(self._settings.report / REPORT_FILE, json.dumps(report.to_json(), indent=2) + "\n")
        except OSError as error:
            report = self._report((*problems, f"the report could not be written: {error}"))
        return report

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
                "tracking_uri": self._settings.tracking_uri,
                "store": str(self._settings.store) if self._settings.store else None,
                "run_id": self._scratch.values().get("session", ""),
                "git": dict(self._git),
            },
            environment=environment(),
            cases=tuple(self._results),
            problems=problems,
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
                    passed = row.passed == row.cases > 0
                    tracking.close_target(run_id, passed=passed, metrics=row.metrics())
            total = summarise("total", list(report.cases))
            tracking.close_session(
                runs["session"],
                passed=total.passed == total.cases and not report.problems,
                metrics=total.metrics(),
                artifacts={REPORT_FILE: json.dumps(report.to_json(), indent=2)},
            )
        except UnknownError as error:
            return str(error)
        return ""


def environment() -> dict[str, str]:
    """Return versions and machine, as they are stored with every result."""
    versions = {f"version.{name}": _version(name) for name in VERSIONED}
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "cpus": str(os.cpu_count() or 0),
        **{name: version for name, version in versions.items() if version},
    }


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _minute(time_s: float) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415  only here

    return datetime.fromtimestamp(time_s, tz=UTC).strftime("%Y-%m-%d %H:%M")


def _write_atomically(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{os.getpid()}")  # not a tempfile: only its owner could read that
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _refuse_unwritable(folder: Path) -> None:
    """Say at once, not after the last case, that there is no place for the report."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = f"the report folder {folder} cannot be written: {error.strerror or error}"
        raise UsageError(what, fix="choose another one with --e2i-report=DIR") from error
