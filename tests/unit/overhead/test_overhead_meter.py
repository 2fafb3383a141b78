"""A whole measurement with a clock that moves only when it is made to, and logging that can be made to misbehave."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.benchmark.overhead.callers import ONE, Callers
from e2i_eval.benchmark.overhead.meter import MeasurementSetup, Meter
from e2i_eval.core.case import Case
from e2i_eval.core.errors import UnknownError, UsageError
from e2i_eval.core.trace import Logged, Trace
from e2i_eval.runner.config.settings import TargetSettings
from e2i_eval.runner.target import BuiltTarget
from e2i_eval.testing import InMemoryTracking, ManualClock, ScriptedClaude

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.overhead_result import OverheadResult

CASE = Case(id="shop/refund", target="shop", inputs={"question": "Where?", "deep": {"list": [1]}})
CALL_S = 0.02

_IS_SILENT: ContextVar[bool] = ContextVar("is_silent", default=False)
_MARKS: ContextVar[Mapping[str, str]] = ContextVar("marks", default={})  # noqa: B039  never changed


class FakeStopwatch:
    """Reads the clock of the test."""

    says = "time is the test's"

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def read_s(self) -> float:
        """Seconds."""
        return self._clock.elapsed_s()

    @contextlib.contextmanager
    def alone(self) -> Iterator[Callable[[], float]]:
        """Measure a block."""
        start_s = self.read_s()
        end_s: list[float] = []
        yield lambda: end_s[0] - start_s
        end_s.append(self.read_s())


class Server(InMemoryTracking):
    """Keeps the traces that are sent to it, for the run that is read."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Trace] = []

    @contextlib.contextmanager
    def active(self, case_run: CaseRun | None) -> Iterator[None]:
        """Forget what earlier runs sent."""
        assert case_run is not None
        self.sent.clear()
        yield

    def read(self, case_run: CaseRun, *, settle_s: float = 2.0) -> tuple[tuple[Trace, ...], Logged]:
        """Return what was sent."""
        del settle_s
        return tuple(self.sent), Logged(run_id=case_run.run_id, status="RUNNING")


@dataclass(slots=True, kw_only=True)
class Shop:
    """A target and its logging; each field is a way to go wrong.

    Attributes:
        added_s: what logging makes the caller wait.
        heeds_silence: whether it can be switched off.
        answer: what it returns while it logs.
        error: what it raises while it logs.
        copies: how often it logs a call.
        mark: the marker it logs, of whatever call; None logs the call's own.
        meddles: changes the caller's inputs while it logs.
        unsent: how many of its next flushes raise.
        refusal: what those raise.
    """

    added_s: float = 0.0
    heeds_silence: bool = True
    answer: str = "Monday"
    error: str = ""
    copies: int = 1
    mark: str | None = None
    meddles: bool = False
    unsent: int = 0
    refusal: type[Exception] = TimeoutError
    clock: ManualClock = field(default_factory=ManualClock)
    server: Server = field(default_factory=Server)

    def __call__(self, inputs: JsonObject) -> JsonObject:
        """Answer."""
        self.clock.sleep(CALL_S)
        if _IS_SILENT.get() and self.heeds_silence:
            return {"answer": "Monday", "took": self.clock.elapsed_s()}
        self.clock.sleep(self.added_s)
        self._log()
        if self.meddles:
            inputs["deep"]["list"].append(2) if inputs else None
        if self.error:
            raise KeyError(self.error)
        return {"answer": self.answer, "took": self.clock.elapsed_s()}

    def _log(self) -> None:
        tags = dict(_MARKS.get()) if self.mark is None or not _MARKS.get() else {"e2i.call": self.mark}
        number = len(self.server.sent)
        self.server.sent += [_trace(f"tr-{number}-{copy}", tags) for copy in range(self.copies)]

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Switch logging off."""
        token = _IS_SILENT.set(True)
        yield
        _IS_SILENT.reset(token)

    @contextlib.contextmanager
    def marked(self, tags: Mapping[str, str]) -> Iterator[None]:
        """Mark what is logged."""
        token = _MARKS.set(tags)
        yield
        _MARKS.reset(token)

    def send(self) -> None:
        """Take some time to send what was logged."""
        self.clock.sleep(0.005)
        if self.unsent:
            self.unsent -= 1
            raise self.refusal

    def measure(self, callers: Callers = ONE, *, logging: str | None = "shop:log") -> OverheadResult:
        """Measure it."""
        setup = MeasurementSetup(
            claude=ScriptedClaude(),
            tracking=self.server,
            logger=self,
            clock=self.clock,
            stopwatch=FakeStopwatch(self.clock),
            wait=self.clock.sleep,
        )
        settings = TargetSettings(name="shop", entry="shop:call", where="pyproject.toml:3", logging=logging)
        built = BuiltTarget(name="shop", function=self, flush=self.send)
        meter = Meter(settings, built, setup=setup, open_run=self._open, budget_s=60.0)
        try:
            return meter.measure(CASE, callers)
        finally:
            meter.close()

    def _open(self, case: Case) -> CaseRun:
        return self.server.open_case(target_run_id="t", session_id="s", case=case, nodeid="overhead::shop")


def _trace(trace_id: str, tags: dict[str, str]) -> Trace:
    empty: dict[str, Any] = {"metadata": {}, "spans": (), "tokens": None}
    return Trace(
        trace_id=trace_id,
        state="OK",
        experiment_id="1",
        started_at_s=0.0,
        duration_s=0.1,
        tags=tags,
        request_preview="",
        response_preview="",
        **empty,
    )


@pytest.mark.parametrize("added_ms", [0.0, 3.0, 60.0])
def test_what_logging_adds_is_measured(added_ms: float) -> None:
    """The caller's part is in the figure, what comes after the answer is drain."""
    result = Shop(added_s=added_ms / 1_000).measure()

    assert result.overhead_ms.value == pytest.approx(added_ms, abs=1e-6)
    assert result.plain_ms == pytest.approx(CALL_S * 1_000)
    assert result.drain_ms == pytest.approx(5.0)
    assert result.differences == ()
    assert result.callers == "one"
    assert len(result.pair_ms) == result.pairs >= 8


def test_what_changes_by_itself_is_left_out_and_named() -> None:
    """A time in the output differs between two calls without logging already."""
    assert [each for each in Shop().measure().conditions if "root['output']['took']" in each]


@pytest.mark.parametrize(
    ("shop", "said"),
    [
        (Shop(answer="Tuesday"), "root['output']['answer']: without logging \"Monday\", with logging \"Tuesday\""),
        (Shop(error="no trace"), "root['error']"),
        (Shop(meddles=True), "root['inputs']['deep']['list'][1]"),
        (Shop(copies=0), "calls are not on the server"),
        (Shop(mark="logged-0"), "calls are not on the server"),
    ],
    ids=["output", "error", "inputs", "lost", "misattributed"],
)
def test_what_a_caller_or_the_server_would_notice_is_a_difference(shop: Shop, said: str) -> None:
    """Each way of logging wrongly is reported."""
    assert said in "\n".join(shop.measure().differences)


def test_a_busy_machine_is_waited_for() -> None:
    """A flush that was not done in time is tried again; one that stays so, or raises anything else, is reported."""
    assert Shop(unsent=3).measure().differences == ()
    for shop in (Shop(unsent=10**6), Shop(unsent=1, refusal=ValueError)):
        with pytest.raises(UnknownError, match=r"what shop logged could not be sent"):
            shop.measure()


def test_logging_that_cannot_be_switched_off_gives_no_figure() -> None:
    """Both variants log, so their difference says nothing."""
    with pytest.raises(UnknownError, match=r"with logging switched off left a trace") as caught:
        Shop(heeds_silence=False).measure()

    assert 'plain = "module:attribute"' in str(caught.value)


def test_a_target_without_a_seam_gives_no_figure() -> None:
    """Neither ``plain`` nor ``logging`` is configured."""
    with pytest.raises(UnknownError, match=r"does not say how it runs without logging") as caught:
        Shop().measure(logging=None)

    assert "pyproject.toml:3" in str(caught.value)


def test_a_target_that_cannot_be_awaited_has_no_tasks() -> None:
    """It is said, not measured as something else."""
    with pytest.raises(UsageError, match="cannot be awaited"):
        Shop().measure(Callers.parse("8 tasks"))


@pytest.mark.parametrize("text", ["", "threads", "1 threads", "8 forks", "1000 tasks"])
def test_callers_that_are_not_known_are_refused(text: str) -> None:
    """The message says what to write."""
    with pytest.raises(UsageError, match="8 threads"):
        Callers.parse(text)
