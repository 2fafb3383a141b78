"""The worker: the process that runs cases, and the adapters it is made of."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from e2i_eval.claude import Asking, CassetteStore, ClaudeWire, RateLimiter, SessionBudget, UsageLog
from e2i_eval.config.options import environment, secrets
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import UnknownError
from e2i_eval.core.prices import PriceTable
from e2i_eval.plugin.judging import judge_runner
from e2i_eval.plugin.live_run import LivePart
from e2i_eval.runner.evaluation import Evaluator, SessionRef
from e2i_eval.runner.families.plan_book import PlanBook
from e2i_eval.tracking import MlflowLogger, TrackingClient, abandon, end_open_runs, redirected

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from e2i_eval.benchmark.ab.latency_test import LatencyTest
    from e2i_eval.benchmark.ab.revision import Revision
    from e2i_eval.benchmark.overhead.meter import Meter
    from e2i_eval.claude import Capture, Forecast
    from e2i_eval.config.settings import Settings
    from e2i_eval.core.case import Case
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.runner.repetitions import EvaluatesCases

__all__ = ["Worker"]

SERVER_START_TIMEOUT_S = 60.0
DRAIN_TIMEOUT_S = 30.0


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
                judging=judge_runner(self._settings, self.scratch, self._wire, self._asking),
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
        from e2i_eval.benchmark.overhead.meter import MeasurementSetup, Meter  # noqa: PLC0415  defers DeepDiff
        from e2i_eval.benchmark.overhead.stopwatch import system_stopwatch  # noqa: PLC0415  as above

        evaluator = self.evaluator()
        setup = MeasurementSetup(
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
            setup=setup,
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

    def capture(self, case: Case) -> AbstractContextManager[Capture]:
        """Open a capture for code that calls Claude itself."""
        self.evaluator()
        return self._wire.capture(case)

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

    def latency_test(self, revision: Revision, nodeid: str, *, family: int) -> LatencyTest:
        """Return what measures targets against another revision.

        Args:
            revision: the base.
            nodeid: the pytest item that measures.
            family: how many targets the session measures.
        """
        from e2i_eval.benchmark.ab.latency_test import LatencyTest, SessionContext  # noqa: PLC0415  defers numpy

        evaluator = self.evaluator()
        surroundings = SessionContext(
            uri=self._ref.uri,
            scratch=self.scratch,
            hosts=tuple(_hosts(self._ref.uri)),
            environ=environment(),
            tracking=self._client,
            open_run=lambda case: evaluator.open_run(case, nodeid),
            clock=SystemClock(),
        )
        return LatencyTest(revision, self._settings, surroundings, family=family)

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


def _hosts(uri: str) -> tuple[str, ...]:
    """Return the host that mock mode must let through: a tracking server of the team's."""
    host = urlsplit(uri).hostname
    return (host,) if host else ()
