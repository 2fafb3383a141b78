"""Finding the report of a run, however a person names the run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.errors import UnknownError, UsageError
from e2i_eval.report import Report

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["find_report"]

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
    if run == LATEST:
        return _from_file(reports / REPORT_FILE)
    path = Path(run)
    if path.is_dir():
        return _from_file(path / REPORT_FILE)
    if path.is_file():
        return _from_file(path)
    if RUN_ID.fullmatch(run):
        return _from_server(run, server, cache, environ)
    what = f"there is no run {run!r}"
    raise UsageError(what, fix=NAMES)


def _from_file(file: Path) -> Report:
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
        try:
            text = runs.file(run_id, REPORT_FILE)
        except UnknownError as error:
            what = f"the MLflow run {run_id} has no report: {error}"
            raise UsageError(
                what, where=str(server), fix="name the run of a session, not of a target or a case"
            ) from error
    return _parsed(text, f"MLflow run {run_id}")


def _parsed(text: str, where: str) -> Report:
    try:
        return Report.from_json(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"this is no report of this version: {type(error).__name__} {error}"
        raise UsageError(what, where=where, fix=RUN_IT) from error
