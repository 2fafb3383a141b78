"""The controller: the one process that owns the session, and the adapters it is made of."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.claude import SessionBudget, UsageLog, usage_notes
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import ServerError, UnknownError
from e2i_eval.core.json_codec import fields_to_json
from e2i_eval.core.prices import PriceTable
from e2i_eval.plugin.dataset_sync import mirrored_goldens
from e2i_eval.plugin.judging import LateJudges, report_notes
from e2i_eval.plugin.live_run import LiveRun
from e2i_eval.report import markdown_report, masked
from e2i_eval.runner.config.options import environment, secrets
from e2i_eval.runner.session import REPORT_FILE, Session
from e2i_eval.tracking import TemporaryServer, TrackingClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.decision import Decision
    from e2i_eval.core.latency_shift import LatencyShift
    from e2i_eval.core.overhead_result import OverheadResult
    from e2i_eval.core.selection import Selection
    from e2i_eval.plugin.worker import Worker
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.report import CaseResult, Report

__all__ = ["Controller"]

INTERRUPTED = 2
INTERNAL_ERROR = 3
GIT_TIMEOUT_S = 5.0
SERVER_START_TIMEOUT_S = 60.0


class Controller:
    """The one process that owns the session: alone, or with xdist's workers below it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        start = partial(_start_server, cache=settings.cache)
        self._live = _live_run(settings)
        self.is_partial = False
        self._is_narrowed = True
        self._session = Session(
            settings,
            clock=SystemClock(),
            start_server=start,
            git=_git(settings.root),
            renderers={"report.html": _html, "report.md": markdown_report},
            clean=_cleaned,
        )
        self.quarantined: Mapping[str, str] = {}
        self.allowed_usd = settings.max_cost_usd
        self._report: Report | None = None
        self.late_judges = LateJudges(settings, Path(self._session.ref.scratch))
        self._here = Path.cwd()

    def reference(self) -> dict[str, object]:
        """Return what a worker needs, as plain JSON."""
        ref = replace(self._session.ref, live=str(self._live.folder) if self._live else "")
        return fields_to_json(ref)

    def header(self) -> list[str]:
        """Return what is evaluated and where it is recorded."""
        targets = [name for name in self._settings.targets if self._settings.is_chosen(name)]
        temporary = f"temporary, {self._session.ref.uri} · store {self._settings.store or 'temporary'}"
        return [
            f"e2i-eval: {', '.join(targets)} · Claude: {self._settings.claude}",
            f"e2i-eval: MLflow {self._settings.tracking_uri or temporary}",
            *(self._live.header() if self._live else ()),
        ]

    def add(self, result: CaseResult) -> None:
        """Take in one result."""
        self._session.add(replace(result, quarantine=self.quarantined.get(result.case_id, "")))

    def settle_judges(self) -> None:
        """Let the judges that wait for the session's end speak: before the gate decides, and before the report."""
        for settled in self.late_judges.settle(self._session.so_far().cases):
            self._session.replace(settled.before, settled.after)

    def so_far(self) -> Report:
        """Return the report of what has been taken in until now."""
        return self._session.so_far()

    def measured(self, overhead: OverheadResult) -> None:
        """Take in what logging costs one way of calling a target."""
        self._session.measured(overhead)

    def compared(self, shifts: tuple[LatencyShift, ...]) -> None:
        """Take in how one target's latency differs between two revisions."""
        self._session.compared(shifts)

    def judged(self, decisions: tuple[Decision, ...]) -> None:
        """Take in what the gate decided."""
        self._session.judged(decisions)

    def note(self, *sentences: str) -> None:
        """Take in what a reader should know and nobody has to fix."""
        self._session.note(*sentences)

    def select(self, selection: Selection) -> None:
        """Take in how much of the project was run."""
        self._is_narrowed = bool(selection.flags or selection.deselected)
        self._session.select(selection)

    def wait_ready(self, worker: Worker) -> None:
        """Wait for the server, temporary or the team's.

        Raises:
            ServerError: it cannot be started or reached; the message says why.
        """
        if self._session.server is not None:
            self._session.server.wait_ready(SERVER_START_TIMEOUT_S)
        try:
            worker.wait_ready()
        except UnknownError as error:
            what = f"no tracking server answers at {worker.ref.uri}"
            raise ServerError(what, fix="start it, or leave --e2i-tracking-uri out to have a temporary one") from error

    def finish(self, exitstatus: int, tracking: TrackingClient, *, lost: tuple[str, ...]) -> Report:
        """Close the session's runs and write the report, once.

        Args:
            exitstatus: pytest's.
            tracking: the client of the session's server.
            lost: what no case can answer for, from all workers.
        """
        if self._report is None:
            endings = {
                INTERRUPTED: ("the session was interrupted",),
                INTERNAL_ERROR: ("pytest itself failed: this report may be incomplete",),
            }
            self.settle_judges()
            self.late_judges.record(tracking)
            problems = (*endings.get(exitstatus, ()), *lost, *self.late_judges.problems)
            self._session.note(*self._claude_notes(), *report_notes(self._session.so_far()))
            if self._live is not None:
                is_partial = self.is_partial or bool(endings.get(exitstatus))
                self._session.note(*self._live_notes(is_partial=is_partial))
            if exitstatus not in endings and not tracking.broken:
                self._session.note(*mirrored_goldens(self._settings, self._session.ref))
            self._report = self._session.finish(tracking, problems=problems)
        return self._report

    def _live_notes(self, *, is_partial: bool) -> list[str]:
        """End the live run, and say what it was resumed from and what is left to do."""
        assert self._live is not None  # noqa: S101  asked for in live mode alone
        cases = self._session.so_far().cases
        scratch = Path(self._session.ref.scratch)
        return self._live.finish(cases, scratch=scratch, is_partial=is_partial, is_narrowed=self._is_narrowed)

    def _claude_notes(self) -> list[str]:
        """Say how old the recordings are, what changed since, and what was spent."""
        scratch = Path(self._session.ref.scratch)
        notes = [*usage_notes(UsageLog(scratch).lines())]
        if self.allowed_usd is not None:
            folder = self._live.folder if self._live else scratch
            budget = SessionBudget(self.allowed_usd, folder=folder, prices=PriceTable.load(self._settings.prices))
            notes.append(f"spent {budget.spent_usd:.4f} USD on Claude, of --e2i-max-cost={budget.max_usd:g}")
        return notes

    def footer(self) -> list[str]:
        """Return where the results are and how to look at them."""
        prices = PriceTable.load(self._settings.prices)
        lines = [
            *self._left_out(),
            *(f"note: {note}" for note in (self._session.server.notes if self._session.server else ())),
            f"report: {self._shown(self._settings.report / REPORT_FILE)} · prices of {prices.date}",
        ]
        if self._settings.tracking_uri:
            return [*lines, f"open:   {self._settings.tracking_uri}"]
        if self._settings.store is None:
            return [*lines, "the store was temporary; run with --e2i-store=.e2i/mlflow to keep it"]
        return [*lines, f"open:   e2i-eval ui --store {self._shown(self._settings.store)}"]

    def _left_out(self) -> list[str]:
        """Say which targets no case was evaluated of: nobody should take the table for the whole."""
        seen = {case.target for case in self._report.cases} if self._report else set()
        missing = [name for name in self._settings.targets if self._settings.is_chosen(name) and name not in seen]
        return [f"not evaluated: {', '.join(missing)}"] if missing else []

    def _shown(self, path: Path) -> str:
        """Write a path as short as it stays right from where the user is."""
        return str(path.relative_to(self._here)) if path.is_relative_to(self._here) else str(path)

    def close(self) -> None:
        """Stop the server."""
        self._session.close()
        if self._live is not None:
            self._live.close()


def _html(report: Report) -> str:
    from e2i_eval.report.html import html_report  # noqa: PLC0415  brings in Jinja, which nothing before needs

    return html_report(report)


def _cleaned(report: Report) -> Report:
    """Return a report without the environment's secrets, and without all that looks like a credential."""
    return masked(report, secrets(environment()))


def _start_server(store: Path, *, cache: Path) -> TemporaryServer:
    return TemporaryServer.start(store=store, cache=cache, environ=environment())


def _git(root: Path) -> dict[str, str]:
    """Return commit, branch and whether there are uncommitted changes; empty outside a repository."""
    asked = {"commit": "rev-parse HEAD", "branch": "rev-parse --abbrev-ref HEAD", "dirty": "status --porcelain"}
    found: dict[str, str] = {}
    for key, command in asked.items():
        try:
            answer = subprocess.run(  # noqa: S603  fixed arguments
                ["git", *command.split()],  # noqa: S607  whichever git the user has
                cwd=root,
                capture_output=True,
                text=True,
                check=True,
                timeout=GIT_TIMEOUT_S,
            )
        except (OSError, subprocess.SubprocessError):
            return {}
        found[key] = str(bool(answer.stdout.strip())).lower() if key == "dirty" else answer.stdout.strip()
    return found


def _live_run(settings: Settings) -> LiveRun | None:
    if settings.claude != "live":
        return None
    prices = PriceTable.load(settings.prices)
    return LiveRun(settings, prices=prices, environ=environment(), clock=SystemClock())
