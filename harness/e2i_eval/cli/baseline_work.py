"""The work of ``e2i-eval baseline`` and its subcommands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.run_report import find_report
from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.dataset.case_file.files import case_files, case_id_of
from e2i_eval.gate.baseline import (
    Baseline,
    baseline_file,
    baseline_of,
    compare,
    is_name,
    read_baseline,
    refusals,
    write_baseline,
)
from e2i_eval.report.baseline_lines import baseline_lines, diff_lines
from e2i_eval.runner.config.options import cache_folder, ci_variable, environment, parse_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import MutableMapping

    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.report import Report

__all__ = ["accept", "diff", "show"]

SAME, DIFFERENT = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    """The project in the current folder, and where its runs are recorded.

    Attributes:
        settings: of the project.
        environ: the process's environment.
        server: a store, or the address of a server; None when the project keeps no store.
    """

    settings: Settings
    environ: MutableMapping[str, str]
    server: Path | str | None

    @classmethod
    def here(cls, arguments: argparse.Namespace) -> _Project:
        settings = parse_settings(Path.cwd(), lambda _: None, lambda _: None)
        chosen = getattr(arguments, "tracking_uri", None) or getattr(arguments, "store", None)
        return cls(settings=settings, environ=environment(), server=chosen or settings.store)

    @property
    def cache(self) -> Path:
        return cache_folder(self.environ)

    def report(self, run: str) -> Report:
        """Return the report of a run a person named."""
        reports = self.settings.report
        return find_report(run, reports=reports, server=self.server, cache=self.cache, environ=self.environ)


def accept(arguments: argparse.Namespace) -> int:
    """Make a run the baseline, after saying what that changes.

    Raises:
        UsageError: it may not become one, or nothing may be accepted here.
    """
    project = _Project.here(arguments)
    _refuse_in_ci(project.environ)
    _refuse_arguments(arguments.name, arguments.reason)
    report = project.report(arguments.accepted)
    _refuse_unfit(report, project.settings, allow_failures=arguments.allow_failures)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    baseline = baseline_of(report, name=arguments.name, reason=arguments.reason.strip(), at=at)
    _say(*_changes(project.settings, baseline, report))
    file = write_baseline(project.settings.golden, baseline)
    _say(
        f"accepted: {_shown(file)} ({len(baseline.cases)} cases); commit both its files with the change they belong to",
        _marked(baseline, report, project),
    )
    return SAME


def show(arguments: argparse.Namespace) -> int:
    """Say what a baseline is."""
    _say(*baseline_lines(read_baseline(_Project.here(arguments).settings.golden, arguments.name)))
    return SAME


def diff(arguments: argparse.Namespace) -> int:
    """Say what a run does differently from a baseline; return 1 if anything."""
    project = _Project.here(arguments)
    baseline = read_baseline(project.settings.golden, arguments.name)
    found = compare(baseline, project.report(arguments.compared))
    _say(*diff_lines(found))
    return SAME if found.is_empty else DIFFERENT


def _refuse_in_ci(environ: MutableMapping[str, str]) -> None:
    if variable := ci_variable(environ):
        what = f"baselines are read-only in CI ({variable} is set): a person accepts a change, and commits it"
        raise UsageError(what, fix=f"run this on your own machine, or unset {variable}")


def _refuse_arguments(name: str, reason: str) -> None:
    if not is_name(name):
        what = f"--name={name} cannot be a baseline's name"
        raise UsageError(what, fix="use letters, digits, dots, dashes and underscores, e.g. --name=main")
    if not reason.strip():
        what = "--reason is empty"
        raise UsageError(what, fix='say why, e.g. --reason "shorter system prompt"')


def _refuse_unfit(report: Report, settings: Settings, *, allow_failures: bool) -> None:
    files = {case_id_of(file, settings.cases): str(file) for file in case_files(settings.cases)}
    reasons = list(refusals(report, targets=list(settings.targets), files=files, allow_failures=allow_failures))
    if reasons:
        what = "this run cannot become the baseline:\n" + "\n".join(f"  - {reason}" for reason in reasons)
        raise UsageError(what, fix="run everything (pytest --e2i-eval), fix what is wrong, and accept that run")


def _changes(settings: Settings, baseline: Baseline, report: Report) -> list[str]:
    """Say what the new baseline changes; an old one that cannot be read is replaced, and the lines mention it."""
    if not baseline_file(settings.golden, baseline.name).exists():
        return [f"the first baseline named {baseline.name}"]
    try:
        old = read_baseline(settings.golden, baseline.name)
    except UsageError as error:
        return [f"the old baseline cannot be read and is replaced: {error.what}"]
    return list(diff_lines(compare(old, report)))


def _marked(baseline: Baseline, report: Report, project: _Project) -> str:
    """Tag the session's MLflow run where it can be reached; say so when it cannot: the gate reads the file alone."""
    from e2i_eval.tracking import session_runs  # noqa: PLC0415  only here

    run_id = baseline.acceptance.run_id
    uri, store = report.session.get("tracking_uri"), report.session.get("store")
    server = str(uri) if uri else Path(store) if store else None
    if not run_id or server is None:
        return "no MLflow run is tagged: the run's store was temporary"
    if isinstance(server, Path) and not server.is_dir():
        return f"MLflow run {run_id} is not tagged: its store {server} is not here"
    try:
        with session_runs(server, cache=project.cache, environ=project.environ) as runs:
            runs.mark_baseline(run_id, baseline.name)
    except E2iError as error:
        return f"MLflow run {run_id} is not tagged: {error.what}"
    return f"MLflow run {run_id} is tagged e2i_eval.baseline={baseline.name}"


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _say(*lines: str) -> None:
    for line in lines:
        print(line)  # noqa: T201  a command prints
