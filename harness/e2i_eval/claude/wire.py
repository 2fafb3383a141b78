"""The wire: everything between the program under test and Claude, for one session."""

from __future__ import annotations

import importlib
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from e2i_eval.claude.capture import Capture
from e2i_eval.claude.environment import MockEnvironment
from e2i_eval.claude.network import NetworkGuard
from e2i_eval.claude.open_captures import OpenCaptures
from e2i_eval.claude.rehearsal import forecast_of_script, forecast_of_session
from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.core.exchange import WireNote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, MutableMapping
    from contextlib import AbstractContextManager

    from e2i_eval.claude.answer_journal import AnswerJournal
    from e2i_eval.claude.budget import SessionBudget
    from e2i_eval.claude.cassette_session import CassetteSession
    from e2i_eval.claude.cassette_store import CassetteStore
    from e2i_eval.claude.endpoint import Endpoint
    from e2i_eval.claude.forwarding import Forwarding
    from e2i_eval.claude.rate_limiter import RateLimiter
    from e2i_eval.claude.rehearsal import Forecast
    from e2i_eval.claude.relay import Relay
    from e2i_eval.claude.transport_patch import Place, TransportPatch
    from e2i_eval.core.case import Case
    from e2i_eval.core.clock import Clock

__all__ = ["ClaudeWire", "Mode"]

Mode = Literal["mock", "replay", "record", "live"]
CLOSED: tuple[Mode, ...] = ("mock", "replay")
"""Modes in which nothing leaves the machine."""

OLDEST_SDK = (0, 120)
SUPPORTED = "anthropic 0.120 or newer"


class ClaudeWire:
    """Captures what the program says to Claude and hears from it; in mock and replay mode it plays Claude.

    Args:
        mode: ``mock`` answers from each case's script and ``replay`` from its cassette, and neither lets anything leave
            the machine; ``record`` answers from the cassette too, lets the other requests pass and takes them down;
            ``live`` lets all requests pass.
        environ: the process's environment; in mock and replay it is changed from :meth:`start` to :meth:`stop`.
        clock: measures exchanges.
        allowed_hosts: hosts that may be reached in mock and replay, e.g. of a team's tracking server.
        cassette_store: where cassettes are and how they are used; needed to replay and to record.
        budget: what requests that pass may cost; None when nobody minds.
        has_endpoint: each case can be asked for over HTTP too, see :meth:`endpoint`.
        pace: when requests that pass may be sent; None lets them go at once.
        answers: keeps what is paid for in live mode, and plays what was; None keeps nothing.
    """

    def __init__(  # noqa: PLR0913  all that the outside world is, named
        self,
        *,
        mode: Mode,
        environ: MutableMapping[str, str],
        clock: Clock,
        allowed_hosts: Collection[str] = (),
        cassette_store: CassetteStore | None = None,
        budget: SessionBudget | None = None,
        has_endpoint: bool = False,
        rate_limiter: RateLimiter | None = None,
        answers: AnswerJournal | None = None,
    ) -> None:
        self.mode = mode
        self._clock = clock
        self._cassette_store = cassette_store
        self._budget = budget
        self._rate_limiter = rate_limiter
        self._answers = answers
        self._open_captures = OpenCaptures()
        self._notes: list[WireNote] = []
        self._environment = MockEnvironment(environ)
        self._environ = environ
        self._guard = NetworkGuard(self._note_blocked, allowed_hosts)
        self._has_endpoint = has_endpoint
        self._endpoint: Endpoint | None = None
        self._endpoint_lock = threading.Lock()
        self._transport_patch: TransportPatch | None = None
        self._relay: Relay | None = None

    @property
    def notes(self) -> tuple[WireNote, ...]:
        """Notes that belong to no case: what happened outside all of them, or in a thread of unknown origin."""
        return tuple(self._notes)

    def start(self) -> None:
        """Take over the requests to Claude. Loads the SDK, which takes seconds of CPU the first time.

        Raises:
            UsageError: the SDK or respx is absent or too old.
            E2iError: the SDK's requests cannot be taken over.
        """
        if self._transport_patch is not None:
            return
        _require_libraries()
        # Deferred: these load anthropic, httpx and respx.
        relay = importlib.import_module("e2i_eval.claude.relay")
        transport_patch = importlib.import_module("e2i_eval.claude.transport_patch")
        self._relay = relay.Relay(
            self._open_captures, self._on_stray, self._budget, self._rate_limiter, forwarding=self._forwarding
        )
        self._transport_patch = transport_patch.TransportPatch()
        try:
            self._prepare()
            self._take_over()
        except BaseException:
            self.stop()
            raise

    @contextmanager
    def capture(self, case: Case) -> Iterator[Capture]:
        """Record what the block, and everything it starts, says to Claude.

        Several captures may be open at once, in different threads or asyncio tasks.

        Raises:
            CassetteError: what was recorded of the case cannot be read.
        """
        if self._relay is None:
            msg = "the wire to Claude was not started"
            raise E2iError(msg, fix="call ClaudeWire.start() first")
        capture = Capture(
            case=case, is_scripted=self.mode == "mock", clock=self._clock, cassette_session=self._cassette_session(case)
        )
        is_whole = False
        try:
            with self._open_captures.playing(capture), self._served(capture):
                yield capture
            is_whole = True
        finally:
            self._relay.forget(capture)
            if self._cassette_store is not None and capture.cassette_session is not None and self.mode != "live":
                self._cassette_store.put_back(
                    capture, capture.cassette_session, is_whole=is_whole, now_s=self._clock.time_s()
                )

    @contextmanager
    def rehearsal(self, case: Case) -> Iterator[Callable[[], Forecast]]:
        """Run ``case`` in the block as ``record`` would, but send nothing; yield a function that returns its forecast.

        A case without a cassette goes as its script says. Nothing is written, and nothing noted.

        Raises:
            CassetteError: what was recorded of the case cannot be read.
        """
        if self._relay is None or self._cassette_store is None or self._budget is None or self.mode != "record":
            msg = "a rehearsal is of a recording, and the wire to Claude does not record"
            raise E2iError(msg)
        cassette_session = self._cassette_store.cassette_session(case, takes_down=False)
        is_scripted = cassette_session.cassette is None and bool(case.script)
        capture = Capture(
            case=case,
            is_scripted=is_scripted,
            clock=self._clock,
            cassette_session=None if is_scripted else cassette_session,
        )
        prices, budget = self._cassette_store.prices, self._budget
        try:
            with self._open_captures.playing(capture), self._served(capture):
                if is_scripted:
                    yield lambda: forecast_of_script(capture.exchanges, prices, budget)
                else:
                    yield lambda: forecast_of_session(cassette_session, prices, budget)
        finally:
            self._relay.forget(capture)

    def allow(self, max_usd: float) -> None:
        """Let requests that pass cost ``max_usd`` together."""
        if self._budget is not None:
            self._budget.max_usd = max_usd

    @contextmanager
    def endpoint(self) -> Iterator[None]:
        """Let other processes ask Claude for the cases that begin in the block: each has a URL of its own.

        Variables of the environment say which, see :attr:`Tape.variables`.
        """
        before, self._has_endpoint = self._has_endpoint, True
        try:
            yield
        finally:
            self._has_endpoint = before

    def _served(self, capture: Capture) -> AbstractContextManager[None]:
        if not self._has_endpoint or self._relay is None:
            return nullcontext()
        with self._endpoint_lock:
            if self._endpoint is None:
                endpoint = importlib.import_module("e2i_eval.claude.endpoint")  # deferred: loads anthropic
                self._endpoint = endpoint.Endpoint(
                    self._relay, environ=self._environ, is_open=self.mode not in CLOSED, on_refused=self._note_refused
                )
            return self._endpoint.serving(capture)

    def _forwarding(self) -> Forwarding | None:
        """Return what sends on from the endpoint, which is made with the first case that needs it."""
        return self._endpoint.forwarding if self._endpoint is not None else None

    def _note_refused(self, message: str) -> None:
        self._notes.append(WireNote(kind="miss", message=message))

    def _cassette_session(self, case: Case) -> CassetteSession | None:
        if self.mode == "live" and self._answers is not None:
            return self._answers.cassette_session(case)
        if self.mode not in {"replay", "record"}:
            return None
        if self._cassette_store is None:
            msg = f"the wire to Claude does not know where the cassettes to {self.mode} are"
            raise E2iError(msg, fix="call ClaudeWire(shelf=Shelf(...))")
        return self._cassette_store.cassette_session(case, takes_down=self.mode == "record")

    def stop(self) -> None:
        """Undo everything :meth:`start` did."""
        if self._endpoint is not None:
            self._endpoint.stop()
            self._endpoint = None
        self._guard.stop()
        if self._transport_patch is not None:
            self._transport_patch.remove()
        self._environment.restore()
        self._transport_patch = self._relay = None

    def _prepare(self) -> None:
        if self.mode in CLOSED and self._transport_patch is not None:
            self._environment.apply()
            self._transport_patch.skip_retry_waits()
            self._transport_patch.share_tls_context()
            self._guard.start()

    def _take_over(self) -> None:
        selftest = importlib.import_module("e2i_eval.claude.selftest")  # deferred: loads anthropic
        transport_patch = importlib.import_module("e2i_eval.claude.transport_patch")  # as above
        places: tuple[Place, ...] = ("client", "transport")
        found: list[str] = []
        for place in places:
            trial = transport_patch.TransportPatch()
            try:
                trial.take_requests(self._relay, place)
                complaints = selftest.complaints(self._open_captures, self._clock)
            except AttributeError as error:
                complaints = [str(error)]
            if not complaints:
                self._keep(trial)
                return
            trial.remove()
            found += [f"{place}: {complaint}" for complaint in complaints]
        msg = f"the requests of anthropic {_sdk_version()} cannot be taken over ({'; '.join(found)})"
        raise E2iError(msg, fix="pip install 'anthropic<3', and report the version that does not work")

    def _keep(self, trial: TransportPatch) -> None:
        if self._transport_patch is not None:
            self._transport_patch.adopt(trial)

    def _on_stray(self, request: str) -> str | None:
        if self.mode == "live" and self._budget is None:
            return None
        captures = self._open_captures.captures
        if not captures:
            message = f"{request} was sent while no case was running"
        else:
            cases = ", ".join(capture.case.id for capture in captures)
            message = (
                f"{request} came from a bare thread while several cases were running ({cases}): "
                "start it with contextvars.copy_context().run, or run without other cases beside it"
            )
        note = WireNote(kind="miss", message=message)
        self._notes.append(note)
        for capture in captures:  # one of them asked: none may pass without saying so
            capture.note(note)
        return message

    def _note_blocked(self, message: str) -> None:
        note = WireNote(kind="blocked", message=message)
        capture = self._open_captures.current()
        if capture is None:
            self._notes.append(note)
        else:
            capture.note(note)


def _require_libraries() -> None:
    for name in ("anthropic", "httpx", "respx"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            msg = f"{name} is not installed"
            raise UsageError(msg, fix=f"pip install {name}") from error
    version = _sdk_version()
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SDK:
        msg = f"anthropic {version} is too old"
        raise UsageError(msg, fix=f"install {SUPPORTED}: pip install --upgrade anthropic")


def _sdk_version() -> str:
    sdk: Any = importlib.import_module("anthropic")
    return str(sdk.__version__)
