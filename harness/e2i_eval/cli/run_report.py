"""Finding the report of a run, however a person names the run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UnknownError, UsageError
from e2i_eval.runner.report import Report

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from e2i_eval.tracking import SessionRuns

__all__ = ["LATEST", "REPORT_FILE", "RUN_ID", "find_report", "named_file", "read_report", "stored_report"]

LATEST = "latest"
REPORT_FILE = "report.json"
RUN_ID = re.compile(r"[0-9a-f]{32}")
RUN_IT = "make one with: pytest --e2i-eval"
NAMES = "name a report.json, a folder with one, the id of a session's MLflow run, or 'latest'"


def find_report(
    run: str, *, reports: Path, server: Path | str | None, cache: Path, environ: MutableMapping[str, str]
) -> Report:
    """Return the report of a run.

    Args:
        run: a report file, a folder with one, the id of a session's MLflow run, or ``latest``.
        reports: the folder in which the newest report is.
        server: the store, or the address of the server, that knows MLflow runs; None when there is none.
        cache: the user's cache folder.
        environ: the process's environment.

    Raises:
        UsageError: there is no such run, or its report cannot be read.
    """
    if (file := named_file(run, reports)) is not None:
        return read_report(file)
    if RUN_ID.fullmatch(run):
        return _from_server(run, server, cache, environ)
    what = f"there is no run {run!r}"
    raise UsageError(what, fix=NAMES)


def named_file(run: str, reports: Path) -> Path | None:
    """Return the file that ``run`` names: ``latest``, a report or a folder with one; None when it names no file."""
    path = reports if run == LATEST else Path(run)
    if run == LATEST or path.is_dir():
        return path / REPORT_FILE
    return path if path.is_file() else None


def read_report(file: Path) -> Report:
    """Read a report.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        what = "there is no report"
        raise UsageError(what, where=str(file), fix=RUN_IT) from None
    except (OSError, UnicodeDecodeError) as error:
        what = f"the report cannot be read: {error}"
        raise UsageError(what, where=str(file), fix=RUN_IT) from error
    return _parsed(text, str(file))


def _from_server(run_id: str, server: Path | str | None, cache: Path, environ: MutableMapping[str, str]) -> Report:
    from e2i_eval.tracking import session_runs  # noqa: PLC0415  not needed for a file

    if server is None or (isinstance(server, Path) and not server.is_dir()):
        what = f"there is no store in which to look for the MLflow run {run_id}"
        raise UsageError(what, where=str(server or ""), fix="name it with --store=PATH or --tracking-uri=URI")
    with session_runs(server, cache=cache, environ=environ) as runs:
        return stored_report(runs, run_id, where=str(server))


def stored_report(runs: SessionRuns, run_id: str, *, where: str) -> Report:
    """Read the report of a session's MLflow run.

    Args:
        runs: the sessions of a server.
        run_id: the session's run.
        where: the server, for a person.

    Raises:
        UsageError: it has none, or it cannot be read.
    """
    try:
        text = runs.file(run_id, REPORT_FILE)
    except UnknownError as error:
        what = f"the MLflow run {run_id} has no report: {error}"
        raise UsageError(what, where=where, fix="name the run of a session, not of a target or a case") from error
    return _parsed(text, f"MLflow run {run_id}")


def _parsed(text: str, where: str) -> Report:
    try:
        return Report.from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"this is no report of this version: {type(error).__name__} {error}"
        raise UsageError(what, where=where, fix=RUN_IT) from error
