"""A session: one temporary server, one run on it, all results of all processes, one report."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import uuid
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from e2i_eval.errors import UnknownError
from e2i_eval.evaluator import SessionRef
from e2i_eval.report import CaseResult, Report, summarise
from e2i_eval.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until it answers."""

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
        self._scratch_folder = Path(tempfile.mkdtemp(prefix="e2i-eval-"))
        self._store = settings.store or self._scratch_folder / "mlflow"
        self._results: list[CaseResult] = []
        self.server = None if settings.tracking_uri else start_server(self._store)
        self.ref = self._reference(git)

    def add(self, result: CaseResult) -> None:
        """Take in the result of one case."""
        self._results.append(result)

    def finish(self, tracking: Tracking, *, problems: tuple[str, ...] = ()) -> Report:
        """Write the totals to the server and the report to its folder, and return the report."""
        report = self._report(problems)
        trouble = self._close_runs(tracking, report)
        if trouble:
            report = self._report((*problems, trouble))
        _write_atomically(self._settings.report / REPORT_FILE, json.dumps(report.to_json(), indent=2) + "\n")
        return report

    def close(self) -> None:
        """Stop the server and remove what was temporary; may be called twice."""
        if self.server is not None:
            self.server.stop()
        shutil.rmtree(self._scratch_folder, ignore_errors=True)

    def _reference(self, git: JsonObject) -> SessionRef:
        started = self._clock.time_s()
        label = f"e2i-eval {git.get('commit', '')[:7] or 'no-commit'} {_minute(started)}"
        return SessionRef(
            session_id=uuid.uuid4().hex,
            name=label,
            uri=self._settings.tracking_uri or (self.server.uri if self.server else ""),
            scratch=str(self._scratch_folder),
            tags={f"e2i_eval.git_{key}": str(value) for key, value in git.items()},
            params={"claude": self._settings.claude, **environment()},
        )

    def _report(self, problems: tuple[str, ...]) -> Report:
        run_id = Scratch(self._scratch_folder).values().get("session", "")
        return Report(
            session={
                "id": self.ref.session_id,
                "name": self.ref.name,
                "duration_s": round(self._clock.elapsed_s() - self._start_s, 3),
                "claude": self._settings.claude,
                "tracking_uri": self._settings.tracking_uri,
                "store": str(self._settings.store) if self._settings.store else None,
                "run_id": run_id,
                "git": dict(self.ref.tags),
            },
            environment=environment(),
            cases=tuple(self._results),
            problems=problems,
        )

    def _close_runs(self, tracking: Tracking, report: Report) -> str:
        """End the runs on the server; return what went wrong as one sentence, or an empty text."""
        runs = Scratch(self._scratch_folder).values()
        if "session" not in runs:
            return ""
        try:
            for row in report.targets():
                if run_id := runs.get(f"target {row.target}"):
                    tracking.close_target(run_id, passed=row.passed == row.cases, metrics=row.metrics())
            total = summarise("total", list(report.cases))
            tracking.close_session(
                runs["session"],
                passed=total.passed == total.cases and not report.problems,
                metrics=total.metrics(),
                artifacts={REPORT_FILE: json.dumps(report.to_json(), indent=2)},
            )
        except UnknownError as error:
            return f"the session could not be recorded completely: {error}"
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
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as new:
        new.write(text)
    Path(new.name).replace(file)
