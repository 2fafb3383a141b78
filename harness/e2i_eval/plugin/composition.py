"""The composition root: which adapters a controller and a worker are made of."""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING

from e2i_eval.claude import ClaudeWire
from e2i_eval.clock import SystemClock
from e2i_eval.evaluator import Evaluator, SessionRef
from e2i_eval.options import environment, secrets
from e2i_eval.prices import PriceTable
from e2i_eval.session import REPORT_FILE, Session
from e2i_eval.tracking import TemporaryServer, TrackingClient

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.json_value import JsonObject
    from e2i_eval.report import CaseResult, Report
    from e2i_eval.settings import Settings

__all__ = ["Controller", "Worker"]

INTERRUPTED = 2
INTERNAL_ERROR = 3
GIT_TIMEOUT_S = 5.0


class Controller:
    """The one process that owns the session: alone, or with xdist's workers below it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        start = partial(_start_server, cache=settings.cache)
        self._session = Session(settings, clock=SystemClock(), start_server=start, git=_git(settings.root))
        self._report: Report | None = None

    def reference(self) -> dict[str, object]:
        """Return what a worker needs, as plain JSON."""
        return self._session.ref.to_json()

    def header(self) -> list[str]:
        """Return what is evaluated and where it is recorded."""
        targets = [name for name in self._settings.targets if self._settings.is_chosen(name)]
        server = self._settings.tracking_uri or f"temporary, {self._session.ref.uri}"
        return [
            f"e2i-eval: {', '.join(targets)} · Claude: {self._settings.claude}",
            f"e2i-eval: MLflow {server} · store {self._settings.store or 'temporary'}",
        ]

    def add(self, result: CaseResult) -> None:
        """Take in one result."""
        self._session.add(result)

    def finish(self, exitstatus: int) -> Report:
        """Close the session's runs and write the report, once."""
        if self._report is None:
            problems = {
                INTERRUPTED: ("the session was interrupted: cases that had not run are not in this report",),
                INTERNAL_ERROR: ("pytest itself failed: this report may be incomplete",),
            }.get(exitstatus, ())
            tracking = _tracking(self._session.ref)
            self._report = self._session.finish(tracking, problems=problems)
        return self._report

    def footer(self) -> list[str]:
        """Return where the results are and how to look at them."""
        prices = PriceTable.load(self._settings.prices)
        lines = [
            f"report: {_shown(self._settings.report / REPORT_FILE)} · prices of {prices.date}",
        ]
        if self._settings.tracking_uri:
            return [*lines, f"open:   {self._settings.tracking_uri}"]
        if self._settings.store is None:
            return [*lines, "the store was temporary; run with --e2i-store=.e2i/mlflow to keep it"]
        return [*lines, f"open:   e2i-eval ui --store {_shown(self._settings.store)}"]

    def close(self) -> None:
        """Stop the server."""
        self._session.close()


class Worker:
    """The process that runs cases."""

    def __init__(self, settings: Settings, reference: JsonObject) -> None:
        self._settings = settings
        self._ref = SessionRef.from_json(reference)
        self._wire: ClaudeWire | None = None
        self._evaluator: Evaluator | None = None

    def evaluator(self) -> Evaluator:
        """Return the evaluator, made at the first case so that collecting alone costs nothing."""
        if self._evaluator is None:
            wire = ClaudeWire(mode=self._settings.claude, environ=environment(), clock=SystemClock())
            wire.start()
            self._wire = wire
            self._evaluator = Evaluator(
                settings=self._settings,
                session=self._ref,
                claude=wire,
                tracking=_tracking(self._ref),
                clock=SystemClock(),
                price=PriceTable.load(self._settings.prices).cost_usd,
                secrets=secrets(environment()),
            )
        return self._evaluator

    def close(self) -> None:
        """Give everything back; may be called twice."""
        if self._evaluator is not None:
            self._evaluator.close()
            self._evaluator = None
        if self._wire is not None:
            self._wire.stop()
            self._wire = None


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
