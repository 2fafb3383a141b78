"""The worker: the process that runs cases, and the adapters it is made of."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.claude import Asking, CassetteStore, ClaudeWire, RateLimiter, SessionBudget, UsageLog
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import UnknownError
from e2i_eval.core.json_codec import from_json
from e2i_eval.core.prices import PriceTable
from e2i_eval.plugin.judging import judge_runner
from e2i_eval.plugin.live_run import LivePart
from e2i_eval.runner.config.options import environment, secrets
from e2i_eval.runner.evaluation import Evaluator, SessionRef
from e2i_eval.runner.families.plan_book import PlanBook
from e2i_eval.tracking import TrackingClient, abandon, end_open_runs, redirected

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.repetitions import EvaluatesCases

__all__ = ["Worker"]

SERVER_START_TIMEOUT_S = 60.0
DRAIN_TIMEOUT_S = 30.0


class Worker:
    """The process that runs cases.

    Attributes:
        ref: what a process needs to take part in the session.
        tracking: the client of the session's server.
    """

    def __init__(self, settings: Settings, reference: JsonObject) -> None:
        self._settings = settings
        self.ref = from_json(SessionRef, reference)
        self._live = LivePart(settings, self.ref, environment()) if self.ref.live else None
        self._wire = _wire(settings, self.ref, self._live)
        self._asking = Asking()
        self._evaluator: Evaluator | None = None
        self._redirection = contextlib.ExitStack()
        self._redirection.enter_context(redirected(self.ref.uri, environment()))
        self.tracking = TrackingClient(
            self.ref.uri,
            environ=environment(),
            scratch=Path(self.ref.scratch),
            artifacts=Path(self.ref.artifacts) if self.ref.artifacts else None,
        )
        if settings.has_endpoint:
            self.tracking.expect_other_processes()
        self._is_awaited = False
        self._is_closed = False

    def evaluator(self) -> Evaluator:
        """Return the evaluator, made at the first case so that collecting alone costs nothing."""
        if self._evaluator is None:
            with contextlib.suppress(UnknownError):  # every case says so itself
                self.wait_ready()
            self._wire.start()
            self._evaluator = Evaluator(
                settings=self._settings,
                session=self.ref,
                claude=self._wire,
                tracking=self.tracking,
                clock=SystemClock(),
                price=PriceTable.load(self._settings.prices).cost_usd,
                secrets=secrets(environment()),
                standing=PlanBook(self._settings).default_checks,
                judging=judge_runner(self._settings, Path(self.ref.scratch), self._wire, self._asking),
            )
        return self._evaluator

    def case_evaluator(self) -> EvaluatesCases:
        """Return what evaluates cases: in live mode with what an interrupted run has left."""
        evaluator = self.evaluator()
        return self._live.resuming(evaluator, SystemClock()) if self._live else evaluator

    @property
    def claude(self) -> ClaudeWire:
        """The wire to Claude, which has taken over the process's requests."""
        self.evaluator()
        return self._wire

    def wait_ready(self) -> None:
        """Wait for the session's server, which may still be starting; once.

        Raises:
            UnknownError: it does not answer.
        """
        if not self._is_awaited:
            self._is_awaited = True
            self.tracking.wait_ready(SERVER_START_TIMEOUT_S)

    def finish(self) -> tuple[str, ...]:
        """Wait until all is recorded, and return what no case can answer for, a sentence each."""
        in_time = self.tracking.drain(DRAIN_TIMEOUT_S)
        late = () if in_time else (f"recording was not done after {DRAIN_TIMEOUT_S:g} s",)
        unkept = self._live.answers.lost if self._live else ()
        said = (*(note.message for note in self._wire.notes), *self.tracking.lost, *late, *unkept)
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
            end_open_runs(is_server_gone=bool(self.tracking.broken))
            self.tracking.close()
            self._redirection.close()
            if self.tracking.broken:
                abandon(environment())


def _wire(settings: Settings, ref: SessionRef, live: LivePart | None) -> ClaudeWire:
    """Return the wire to Claude as the settings want it; ``record`` spends nothing unless somebody said how much."""
    prices = PriceTable.load(settings.prices)
    scratch = Path(ref.scratch)
    is_kept = settings.max_cost_usd is not None or settings.claude == "record"
    return ClaudeWire(
        mode=settings.claude,
        environ=environment(),
        clock=SystemClock(),
        allowed_hosts=ref.hosts,
        cassette_store=CassetteStore(
            settings.cassettes,
            prices=prices,
            usage_log=UsageLog(scratch),
            secrets=secrets(environment()),
            is_paced=settings.is_paced,
        ),
        budget=SessionBudget(settings.max_cost_usd, folder=Path(ref.live or ref.scratch), prices=prices)
        if is_kept
        else None,
        rate_limiter=RateLimiter(scratch, clock=SystemClock()) if settings.claude in {"record", "live"} else None,
        answers=live.answers if live else None,
        has_endpoint=settings.has_endpoint,
    )
