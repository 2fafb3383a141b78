"""The composition root: which adapters a controller and a worker are made of."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from e2i_eval.claude import Asking, Budget, ClaudeWire, Ledger, Pace, Shelf, ledger_notes
from e2i_eval.clock import SystemClock
from e2i_eval.errors import ServerError, UnknownError
from e2i_eval.evaluator import Evaluator, SessionRef
from e2i_eval.families.plan_book import PlanBook
from e2i_eval.options import environment, secrets
from e2i_eval.plugin.judging import LateJudges, judge_bench, report_notes
from e2i_eval.plugin.live_run import LivePart, LiveRun
from e2i_eval.plugin.mirroring import mirrored_goldens
from e2i_eval.plugin.output import cleaned, renderers
from e2i_eval.prices import PriceTable
from e2i_eval.session import REPORT_FILE, Session
from e2i_eval.tracking import MlflowLogger, TemporaryServer, TrackingClient, abandon, end_open_runs, redirected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from e2i_eval.case import Case
    from e2i_eval.claude import Forecast, Tape
    from e2i_eval.decision import Decision
    from e2i_eval.duet.duet import Duet
    from e2i_eval.duet.revision import Revision
    from e2i_eval.json_value import JsonObject
    from e2i_eval.latency_shift import LatencyShift
    from e2i_eval.overhead.meter import Meter
    from e2i_eval.overhead_result import OverheadResult
    from e2i_eval.repetitions import EvaluatesCases
    from e2i_eval.report import CaseResult, Report
    from e2i_eval.selection import Selection
    from e2i_eval.settings import Settings

__all__ = ["Controller", "Worker"]

INTERRUPTED = 2
INTERNAL_ERROR = 3
GIT_TIMEOUT_S = 5.0
SERVER_START_TIMEOUT_S = 60.0
DRAIN_TIMEOUT_S = 30.0


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
            renderers=renderers(),
            clean=cleaned,
        )
        self.quarantined: Mapping[str, str] = {}
        self.allowed_usd = settings.max_cost_usd
        self._report: Report | None = None
        self.late_judges = LateJudges(settings, Path(self._session.ref.scratch))
        self._here = Path.cwd()

    def reference(self) -> dict[str, object]:
        """Return what a worker needs, as plain JSON."""
        return replace(self._session.ref, live=str(self._live.folder) if self._live else "").to_json()

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
        """Take in what a reader should know and nobody has to mend."""
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
            what = f"no tracking server answers at {worker.uri}"
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
        notes = [*ledger_notes(Ledger(scratch).lines())]
        if self.allowed_usd is not None:
            folder = self._live.folder if self._live else scratch
            budget = Budget(self.allowed_usd, folder=folder, prices=PriceTable.load(self._settings.prices))
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


class Worker:
    """The process that runs cases."""

    def __init__(self, settings: Settings, reference: JsonObject) -> None:
        self._settings = settings
        self._ref = SessionRef.from_json(reference)
        self._live = LivePart(settings, self._ref, environment()) if self._ref.live else None
        self._wire = _wire(settings, self._ref, self._live)
        self._asking = Asking()
        self._evaluator: Evaluator | None = None
        self._redirection = contextlib.ExitStack()
        self._redirection.enter_context(redirected(self._ref.uri, environment()))
        self._client = TrackingClient(
            self._ref.uri,
            environ=environment(),
            scratch=Path(self._ref.scratch),
            artifacts=Path(self._ref.artifacts) if self._ref.artifacts else None,
        )
        if settings.has_endpoint:
            self._client.expect_other_processes()
        self._is_awaited = False
        self._is_closed = False

    @property
    def uri(self) -> str:
        """Address of the tracking server."""
        return self._ref.uri

    def evaluator(self) -> Evaluator:
        """Return the evaluator, made at the first case so that collecting alone costs nothing."""
        if self._evaluator is None:
            with contextlib.suppress(UnknownError):  # every case says so itself
                self.wait_ready()
            self._wire.start()
            self._evaluator = Evaluator(
                settings=self._settings,
                session=self._ref,
                claude=self._wire,
                tracking=self._client,
                clock=SystemClock(),
                price=PriceTable.load(self._settings.prices).cost_usd,
                secrets=secrets(environment()),
                standing=PlanBook(self._settings).standing,
                judging=judge_bench(self._settings, self.scratch, self._wire, self._asking),
            )
        return self._evaluator

    def case_evaluator(self) -> EvaluatesCases:
        """Return what evaluates cases: in live mode with what an interrupted run has left."""
        evaluator = self.evaluator()
        return self._live.resuming(evaluator, SystemClock()) if self._live else evaluator

    def reference(self) -> dict[str, object]:
        """Return what another process needs to take part in the session, as plain JSON."""
        return self._ref.to_json()

    @property
    def scratch(self) -> Path:
        """The folder that the session's processes share."""
        return Path(self._ref.scratch)

    def meter(self, target: str, nodeid: str, *, running: Callable[[], frozenset[str]]) -> Meter:
        """Return what measures the overhead of ``target``.

        Args:
            target: its name.
            nodeid: the pytest item that measures.
            running: tells what the session's other processes run.

        Raises:
            E2iError: it cannot be built, or the configuration does not say how it runs without logging.
        """
        from e2i_eval.overhead.meter import Bench, Meter  # noqa: PLC0415  defers DeepDiff
        from e2i_eval.overhead.stopwatch import system_stopwatch  # noqa: PLC0415  as above

        evaluator = self.evaluator()
        bench = Bench(
            claude=self._wire,
            tracking=self._client,
            logger=MlflowLogger(),
            clock=SystemClock(),
            stopwatch=system_stopwatch(),
            running=running,
        )
        return Meter(
            self._settings.targets[target],
            evaluator.target(target),
            bench=bench,
            open_run=lambda case: evaluator.open_run(case, nodeid),
            budget_s=self._settings.overhead_budget_s,
        )

    @property
    def tracking(self) -> TrackingClient:
        """The client of the session's server."""
        return self._client

    def wait_ready(self) -> None:
        """Wait for the session's server, which may still be starting; once.

        Raises:
            UnknownError: it does not answer.
        """
        if not self._is_awaited:
            self._is_awaited = True
            self._client.wait_ready(SERVER_START_TIMEOUT_S)

    def tape(self, case: Case) -> AbstractContextManager[Tape]:
        """Open a tape for code that calls Claude itself."""
        self.evaluator()
        return self._wire.tape(case)

    def rehearse(self, case: Case, nodeid: str) -> Forecast:
        """Run a case with nothing being sent, and return what it takes to record it.

        Raises:
            E2iError: the target cannot be built, its cassette cannot be read, or the server does not answer.
        """
        evaluator = self.evaluator()
        with self._wire.rehearsal(case) as forecast:
            evaluator.rehearse(case, nodeid)
        return forecast()

    def allow(self, max_usd: float) -> None:
        """Let recording cost ``max_usd``, as somebody who was asked has said."""
        self._wire.allow(max_usd)

    def endpoint(self) -> AbstractContextManager[None]:
        """Let other processes ask Claude for the cases that begin while the context is open."""
        self.evaluator()
        self._client.expect_other_processes()
        return self._wire.endpoint()

    def duet(self, revision: Revision, nodeid: str, *, family: int) -> Duet:
        """Return what measures targets against another revision.

        Args:
            revision: the base.
            nodeid: the pytest item that measures.
            family: how many targets the session measures.
        """
        from e2i_eval.duet.duet import Duet, Surroundings  # noqa: PLC0415  defers numpy

        evaluator = self.evaluator()
        surroundings = Surroundings(
            uri=self._ref.uri,
            scratch=self.scratch,
            hosts=tuple(_hosts(self._ref.uri)),
            environ=environment(),
            tracking=self._client,
            open_run=lambda case: evaluator.open_run(case, nodeid),
            clock=SystemClock(),
        )
        return Duet(revision, self._settings, surroundings, family=family)

    def finish(self) -> tuple[str, ...]:
        """Wait until all is recorded, and return what no case can answer for, a sentence each."""
        in_time = self._client.drain(DRAIN_TIMEOUT_S)
        late = () if in_time else (f"recording was not done after {DRAIN_TIMEOUT_S:g} s",)
        unkept = self._live.answers.lost if self._live else ()
        said = (*(note.message for note in self._wire.notes), *self._client.lost, *late, *unkept)
        return tuple(dict.fromkeys(said))  # a server that is gone says the same of every request

    def close(self) -> None:
        """Give everything back; may be called twice."""
        if self._evaluator is not None:
            self._evaluator.close()
            self._asking.close()
            self._wire.stop()
            self._evaluator = None
        if not self._is_closed:
            self._is_closed = True
            if self._live is not None:
                self._live.close()
            end_open_runs(is_server_gone=bool(self._client.broken))
            self._client.close()
            self._redirection.close()
            if self._client.broken:
                abandon(environment())


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


def _wire(settings: Settings, ref: SessionRef, live: LivePart | None) -> ClaudeWire:
    """Return the wire to Claude as the settings want it; ``record`` spends nothing unless somebody said how much."""
    prices = PriceTable.load(settings.prices)
    scratch = Path(ref.scratch)
    is_kept = settings.max_cost_usd is not None or settings.claude == "record"
    return ClaudeWire(
        mode=settings.claude,
        environ=environment(),
        clock=SystemClock(),
        allowed_hosts=_hosts(ref.uri),
        shelf=Shelf(
            settings.cassettes,
            prices=prices,
            ledger=Ledger(scratch),
            secrets=secrets(environment()),
            is_paced=settings.is_paced,
        ),
        budget=Budget(settings.max_cost_usd, folder=Path(ref.live or ref.scratch), prices=prices) if is_kept else None,
        pace=Pace(scratch, clock=SystemClock()) if settings.claude in {"record", "live"} else None,
        answers=live.answers if live else None,
        has_endpoint=settings.has_endpoint,
    )


def _hosts(uri: str) -> tuple[str, ...]:
    """Return the host that mock mode must let through: a tracking server of the team's."""
    host = urlsplit(uri).hostname
    return (host,) if host else ()
