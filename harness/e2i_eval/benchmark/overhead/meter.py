"""The meter: measures what logging costs the callers of one target, and whether they notice."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import time
from dataclasses import dataclass, replace
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from e2i_eval.benchmark.overhead.attribution import attributed
from e2i_eval.benchmark.overhead.branches import ran_in_parallel
from e2i_eval.benchmark.overhead.call_kinds import transparency_of
from e2i_eval.benchmark.overhead.callers import BRANCHES, MANY, ONE, Callers
from e2i_eval.benchmark.overhead.conditions import beside, computed, ignored, imprecise, unattributed
from e2i_eval.benchmark.overhead.pairing import Block, PairingPlan, estimate_ms, interleaved
from e2i_eval.benchmark.overhead.variant import Calls, Logger, Variant, is_asynchronous
from e2i_eval.core.errors import UnknownError, UsageError
from e2i_eval.core.overhead_result import OverheadResult
from e2i_eval.runner.target import RAISED_BY_TARGETS, BuiltTarget, build_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from e2i_eval.benchmark.overhead.pairing import BlockPair, VariantName
    from e2i_eval.benchmark.overhead.transparency import Transparency
    from e2i_eval.benchmark.timing.stopwatch import Stopwatch
    from e2i_eval.core.case import Case
    from e2i_eval.core.clock import Clock
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.ports import Claude, Tracking
    from e2i_eval.core.trace import Trace
    from e2i_eval.runner.config.settings import TargetSettings

__all__ = ["Logger", "MeasurementSetup", "Meter"]

MS = 1_000.0
PRECISION_MS = 0.5
WARM_UPS = 3
FLUSH_TIMEOUT_S = 30.0
READ_TIMEOUT_S = 20.0
DRAIN_PATIENCE_S = 120.0
"""What many callers log at once takes a busy machine longer than one case's flush may; no caller waits for it."""

READ_PAUSE_S = 0.2

BLOCK_S = 0.05
"""A block of quick calls is at least so long: what is sent in the background then meets the calls that follow."""

FEWEST_CALLS, MOST_CALLS, MOST_CALLS_EACH = 2, 10, 3

SHARES = {"one": 0.5, "threads": 0.25, "tasks": 0.25}
LEAST_PAIRS = {"one": 8, "threads": 8, "tasks": 8}
MOST_PAIRS = {"one": 40, "threads": 20, "tasks": 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementSetup:
    """What a measurement is made with.

    Attributes:
        claude: the wire, mocked.
        tracking: the server.
        logger: switches MLflow's own logging off.
        clock: for budgets.
        stopwatch: for calls.
        running: what other processes of the session run at this moment.
        wait: lets some seconds pass.
        cpu_s: CPU time of the process, in seconds.
    """

    claude: Claude
    tracking: Tracking
    logger: Logger
    clock: Clock
    stopwatch: Stopwatch
    running: Callable[[], frozenset[str]] = frozenset
    wait: Callable[[float], None] = time.sleep
    cpu_s: Callable[[], float] = time.process_time


class Meter:
    """Measures one target."""

    def __init__(
        self,
        settings: TargetSettings,
        logged: BuiltTarget,
        *,
        setup: MeasurementSetup,
        open_run: Callable[[Case], CaseRun],
        budget_s: float,
    ) -> None:
        """Make a meter.

        Args:
            settings: the target's.
            logged: the target as it is evaluated.
            setup: what it is measured with.
            open_run: creates a run on the server for what a measurement logs.
            budget_s: how long all pairs of a target may take; each way of calling has its share.

        Raises:
            UnknownError: the configuration does not say how the target runs without logging.
            UsageError: what it says cannot be built.
        """
        self._setup = setup
        self._open_run = open_run
        self._budget_s = budget_s
        self._where = settings.where
        self._runner = asyncio.Runner()
        self._logged = Variant(name="logged", target=logged, logger=setup.logger)
        self._plain = Variant(name="plain", target=_without_logging(settings, logged), logger=setup.logger)
        self._transparencies: dict[str, Transparency] = {}

    def close(self) -> None:
        """End what the meter holds."""
        self._runner.close()

    def many(self) -> tuple[Callers, ...]:
        """Return in which ways the target can be called by many at once."""
        target = self._logged.target
        threads = () if is_asynchronous(target) else (Callers(kind="threads", count=MANY),)
        can_be_awaited = target.runnable is not None or is_asynchronous(target)
        return (*threads, *((Callers(kind="tasks", count=MANY),) if can_be_awaited else ()))

    def measure(self, case: Case, callers: Callers) -> OverheadResult:
        """Measure one way of calling the target.

        Raises:
            UnknownError: it cannot be measured; the message says why.
            UsageError: the target cannot be called in this way.
        """
        self._refuse_impossible(callers)
        transparency = self._transparency(case)
        named = replace(case, id=f"{case.id} (overhead, {callers})")
        with self._recorded(named) as end:
            measured = self._measured(case, callers, end.case_run)
            result = replace(
                measured,
                differences=(*transparency.differences, *measured.differences),
                conditions=(*measured.conditions, *ignored(transparency)),
            )
            end.result = result
        return result

    def _refuse_impossible(self, callers: Callers) -> None:
        kinds = {"one", *(each.kind for each in self.many())}
        if callers.kind not in kinds:
            reason = "it can only be awaited" if callers.kind == "threads" else "it cannot be awaited"
            what = f"the target {self._logged.target.name!r} cannot be called by {callers}: {reason}"
            raise UsageError(what, where=self._where, fix=f"use one of {', '.join(sorted(kinds))}")

    # one measurement

    def _measured(self, case: Case, callers: Callers, case_run: CaseRun) -> OverheadResult:
        setup = self._setup
        calls = Calls(case, claude=setup.claude, stopwatch=setup.stopwatch, logger=setup.logger, runner=self._runner)
        running: set[str] = set()
        with _still_garbage():
            each = self._warm_up(calls, callers)

            def run(name: VariantName) -> Block:
                running.update(setup.running())
                return self._block(calls, name, callers, each)

            seed = f"{case.id}, {callers}"
            plan = self._plan(callers)
            pairs = interleaved(run, plan, order=Random(seed), clock=setup.clock)  # noqa: S311  an order, no secret
        _refuse_misses(calls, case)
        traces = self._traces(case_run, calls)
        attribution = attributed(calls.made, traces)
        if attribution.plain_logged:
            count = attribution.plain_logged
            what = f"{count} calls of {case.target} with logging switched off left a trace all the same"
            raise UnknownError(what, where=self._where, fix=_say_plain(case.target))
        conditions = (
            setup.stopwatch.says,
            f"{len(pairs)} pairs of blocks, {each} calls a caller in each, their order drawn from seed {seed!r}",
            computed(pairs),
            *imprecise(pairs, plan),
            *unattributed(attribution.unattributed),
            *beside(running),
        )
        is_branching = callers == ONE and ran_in_parallel(traces)
        result = _result(case, BRANCHES if is_branching else str(callers), pairs)
        return replace(result, differences=attribution.wrong, conditions=conditions)

    def _warm_up(self, calls: Calls, callers: Callers) -> int:
        """Call both variants until one-time work is done; return how many calls a caller makes in a block."""
        for _ in range(WARM_UPS):
            self._block(calls, "logged", ONE, 1)
            plain = self._block(calls, "plain", ONE, 1)
        quick = math.ceil(BLOCK_S * MS / max(plain.call_ms, 0.001))
        if callers == ONE:
            return min(max(quick, FEWEST_CALLS), MOST_CALLS)
        for name in ("logged", "plain"):
            self._block(calls, name, callers, 1)
        return min(quick, MOST_CALLS_EACH)

    def _block(self, calls: Calls, name: VariantName, callers: Callers, each: int) -> Block:
        variant = self._logged if name == "logged" else self._plain
        start_s = self._setup.cpu_s()
        call_ms = calls.block(variant, callers, each)
        drain_ms = self._drain() if name == "logged" else 0.0
        cpu_ms = (self._setup.cpu_s() - start_s) * MS / (callers.count * each)
        return Block(call_ms=call_ms, drain_ms=drain_ms, cpu_ms=cpu_ms)

    def _drain(self) -> float:
        """Wait until all that was logged is on the server; return the milliseconds it took."""
        clock = self._setup.clock
        start_s = clock.elapsed_s()
        while (error := self._unsent()) is not None:
            if not isinstance(error, TimeoutError) or clock.elapsed_s() - start_s >= DRAIN_PATIENCE_S:
                what = f"what {self._logged.target.name} logged could not be sent: {type(error).__name__}: {error}"
                raise UnknownError(what, where=self._where) from error
            self._setup.wait(READ_PAUSE_S)
        if not self._setup.tracking.flush(FLUSH_TIMEOUT_S):
            what = f"MLflow's own queue had not been sent after {FLUSH_TIMEOUT_S:g} s"
            raise UnknownError(what)
        return (clock.elapsed_s() - start_s) * MS

    def _unsent(self) -> BaseException | None:
        """Have what was logged sent; return why that failed, which on a busy machine may be nothing but time."""
        try:
            self._logged.target.send(runner=self._runner)
        except RAISED_BY_TARGETS as error:
            return error
        return None

    def _plan(self, callers: Callers) -> PairingPlan:
        return PairingPlan(
            least=LEAST_PAIRS[callers.kind],
            most=MOST_PAIRS[callers.kind],
            budget_s=self._budget_s * SHARES[callers.kind],
            precision_ms=PRECISION_MS,
        )

    def _traces(self, case_run: CaseRun, calls: Calls) -> tuple[Trace, ...]:
        """Read back what the server has, and wait while there are fewer traces than calls."""
        expected = sum(call.variant == "logged" for call in calls.made)
        deadline_s = self._setup.clock.elapsed_s() + READ_TIMEOUT_S
        while True:
            traces, _ = self._setup.tracking.read(case_run)
            if len(traces) >= expected or self._setup.clock.elapsed_s() >= deadline_s:
                return traces
            self._setup.wait(READ_PAUSE_S)

    # the same answer

    def _transparency(self, case: Case) -> Transparency:
        if case.id not in self._transparencies:
            named = replace(case, id=f"{case.id} (transparency)")
            with self._recorded(named):
                self._transparencies[case.id] = transparency_of(
                    case, self._plain, self._logged, claude=self._setup.claude, runner=self._runner
                )
                self._drain()
        return self._transparencies[case.id]

    # its run on the server

    @contextlib.contextmanager
    def _recorded(self, case: Case) -> Iterator[_End]:
        """Let what is logged in the block go to a run of its own, which ends with the block."""
        end = _End(case_run=self._open_run(case))
        try:
            with self._setup.tracking.active(end.case_run):
                yield end
        finally:
            result = end.result
            self._setup.tracking.record_case(
                end.case_run,
                passed=result is not None and not result.differences,
                verdicts=(),
                measurements=result.metrics() if result else {},
                params={},
                tags={"e2i_eval.measurement": "overhead", "e2i_eval.case": case.id},
                traces=(),
                expectations={},
            )


@dataclass(slots=True, kw_only=True)
class _End:
    """How a measurement's run ends."""

    case_run: CaseRun
    result: OverheadResult | None = None


def _result(case: Case, callers: str, pairs: Sequence[BlockPair]) -> OverheadResult:
    return OverheadResult(
        target=case.target,
        case_id=case.id,
        callers=callers,
        pairs=len(pairs),
        plain_ms=median(pair.plain.call_ms for pair in pairs),
        overhead_ms=estimate_ms(pairs),
        drain_ms=median(pair.logged.drain_ms for pair in pairs),
        pair_ms=tuple((pair.plain.call_ms, pair.logged.call_ms) for pair in pairs),
    )


def _without_logging(settings: TargetSettings, logged: BuiltTarget) -> BuiltTarget:
    if settings.plain:
        return build_plain(settings)
    if settings.logging:
        return logged  # and MLflow's logging switched off
    what = f"the overhead of {settings.name} is unknown: the configuration does not say how it runs without logging"
    raise UnknownError(what, where=settings.where, fix=_say_plain(settings.name))


def _say_plain(target: str) -> str:
    return f'add plain = "module:attribute", which gives {target} without logging, to [tool.e2i_eval.targets.{target}]'


@contextlib.contextmanager
def _still_garbage() -> Iterator[None]:
    """Leave what is there already out of the collections before each block, which then take next to nothing."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _refuse_misses(calls: Calls, case: Case) -> None:
    if calls.notes:
        what = f"{case.id} cannot be measured, because its script does not fit the calls: {calls.notes[0]}"
        raise UnknownError(what, where=case.where(), fix="correct the case, or tag another one with `overhead`")
