"""Finding several stored runs, with one look into the store however many are named."""

from __future__ import annotations

import re
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from e2i_eval.cli.run_report import REPORT_FILE, RUN_ID, named_file, read_report, stored_report
from e2i_eval.core.errors import UnknownError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping
    from types import TracebackType

    from e2i_eval.runner.report import Report
    from e2i_eval.tracking import SessionRuns

__all__ = ["RunFinder"]

BASELINE, GIT = "baseline:", "git:"
COMMIT_TAG, BRANCH_TAG = "e2i_eval.git_commit", "e2i_eval.git_branch"
NAME = re.compile(r"[\w./@{}~^+-]+", re.ASCII)
"""Of a baseline or a git revision; nothing that means something in MLflow's search language."""

PART_OF_COMMIT = re.compile(r"[0-9a-f]{7,40}")
GIT_TIMEOUT_S = 10.0
NAMES = (
    "name a report.json, a folder with one, the id of a session's MLflow run, a baseline, "
    "a git commit, branch or tag, or 'latest'"
)


class NamedRuns(Protocol):
    """What knows the runs of sessions by their names."""

    def baseline_run(self, baseline: str) -> str | None:
        """Return the run of a baseline."""

    def newest(self, tag: str, value: str) -> str | None:
        """Return the newest ended session with a tag; a value that ends in ``%`` is a beginning."""


class RunFinder:
    """Finds runs by file, by MLflow run, by baseline and by git revision.

    Args:
        reports: the folder in which the newest report is.
        server: the store, or the address of the server, that knows MLflow runs; None when there is none.
        cache: the user's cache folder.
        environ: the process's environment.
    """

    def __init__(
        self, *, reports: Path, server: Path | str | None, cache: Path, environ: MutableMapping[str, str]
    ) -> None:
        self._reports = reports
        self._server = server
        self._cache = cache
        self._environ = environ
        self._stack = ExitStack()
        self._opened: SessionRuns | None = None

    def __enter__(self) -> Self:
        """Nothing is opened before it is needed: files need no server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server that was started for the store, if any."""
        self._stack.close()

    def report(self, run: str) -> Report:
        """Return the report of a run a person named.

        Raises:
            UsageError: there is no such run, its name has several meanings, or its report cannot be read.
        """
        if (file := named_file(run, self._reports)) is not None:
            return read_report(file)
        run_id = run if RUN_ID.fullmatch(run) else self._run_id(run)
        if isinstance(self._server, Path):
            from e2i_eval.tracking import kept_file  # noqa: PLC0415  as below

            if (kept := kept_file(self._server, run_id, REPORT_FILE)) is not None:
                return read_report(kept)
        return stored_report(self._runs(run), run_id, where=str(self._server))

    def _run_id(self, run: str) -> str:
        """Return the MLflow run of a baseline or a git revision."""
        name = run.removeprefix(BASELINE).removeprefix(GIT)
        if not NAME.fullmatch(name):
            what = f"there is no run {run!r}"
            raise UsageError(what, fix=NAMES)
        accepted = None if run.startswith(GIT) else self._asked(run, lambda runs: runs.baseline_run(name))
        committed = None if run.startswith(BASELINE) else self._asked(run, lambda runs: _newest_of(name, runs))
        if accepted and committed and accepted != committed:
            what = f"{run!r} is a baseline and a git revision, with different runs"
            raise UsageError(what, fix=f"type {BASELINE}{name} or {GIT}{name}")
        found = accepted or committed
        if found is None:
            what = f"there is no run {run!r}: no file, and no session in the store {self._server}"
            raise UsageError(what, fix=NAMES)
        return found

    def _asked(self, run: str, question: Callable[[NamedRuns], str | None]) -> str | None:
        """Ask the store's own database, and a server only where that does not know."""
        if self._opened is None and isinstance(self._server, Path) and self._server.is_dir():
            from e2i_eval.tracking import KeptSessions  # noqa: PLC0415  not needed for a file

            with suppress(UnknownError):
                return question(KeptSessions(self._server))
        return question(self._runs(run))

    def _runs(self, run: str = "") -> SessionRuns:
        """Return the sessions of the store; the first call starts a server on it."""
        if self._opened is None:
            server = self._server
            if server is None or (isinstance(server, Path) and not server.is_dir()):
                what = f"there is no run {run!r}: no such file, and no store with recorded sessions"
                raise UsageError(what, where=str(server or ""), fix=f"{NAMES}; --store=PATH names the store")
            from e2i_eval.tracking import session_runs  # noqa: PLC0415  not needed for a file

            opened = session_runs(server, cache=self._cache, environ=self._environ)
            self._opened = self._stack.enter_context(opened)
        return self._opened


def _newest_of(revision: str, runs: NamedRuns) -> str | None:
    """Return the newest session of a git revision: of its commit, else of a branch of that name."""
    return next((run_id for tag, value in _tags(revision) if (run_id := runs.newest(tag, value))), None)


def _tags(revision: str) -> Iterator[tuple[str, str]]:
    if commit := _commit(revision):
        yield COMMIT_TAG, commit
    if PART_OF_COMMIT.fullmatch(revision):  # of a repository that is not here
        yield COMMIT_TAG, f"{revision}%"
    yield BRANCH_TAG, revision


def _commit(revision: str) -> str:
    """Return the commit a revision stands for in the repository of the current folder; empty when none."""
    command = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    try:
        answer = subprocess.run(  # noqa: S603  fixed but for the revision, which is no option
            command, capture_output=True, text=True, check=True, timeout=GIT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
