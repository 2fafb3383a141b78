"""Overhead in a pytest session: adds the items, keeps them apart from other load, and hands their results over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.overhead import Neighbours, chosen_cases
from e2i_eval.benchmark.overhead.callers import ONE
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import E2iError
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.overhead_result import OverheadResult
from e2i_eval.dataset.case_file.files import case_files
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.plugin.overhead_item import OVERHEADS, NotTransparent, OverheadItem
from e2i_eval.plugin.session_items import session_items
from e2i_eval.tracking import MlflowLogger

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import AbstractContextManager

    from e2i_eval.benchmark.overhead import Callers
    from e2i_eval.benchmark.overhead.meter import Meter
    from e2i_eval.core.case import Case
    from e2i_eval.plugin.controller import Controller
    from e2i_eval.plugin.state import SessionState

__all__ = ["MEASURED", "OVERHEADS_PLUGIN", "BusyWorker", "Overheads"]

MEASURED = "e2i_eval_overheads"
"""Attribute of a test report that carries results as plain JSON from worker to controller."""

TROUBLE = "e2i_eval_overhead_trouble"
"""Attribute of a test report that says why an overhead is unknown."""


class Overheads:
    """Measures overhead where it was asked for, by ``--e2i-overhead`` or by the fixture."""

    def __init__(self, config: pytest.Config, state: SessionState) -> None:
        self._settings = state.settings
        self._state = state
        self._process = str(getattr(config, "workerinput", {}).get("workerid", ""))
        self._troubles: list[str] = []
        self._meters: dict[str, Meter] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add an item for each target to be measured, behind all cases and before anything is deselected."""
        if not self._settings.overhead:
            return
        items += session_items(
            session,
            OverheadItem.kind,
            lambda parent: [
                OverheadItem.from_parent(parent, name=target, measure=self._measure)
                for target in self._settings.overhead
            ],
        )

    @property
    def has_neighbours(self) -> bool:
        """Whether other processes run tests of this session: this one is an xdist worker."""
        return bool(self._process)

    def busy(self, item: pytest.Item) -> AbstractContextManager[None]:
        """Let a worker that measures see what this one runs in the block."""
        return self._neighbours().busy(item.nodeid)

    def attach(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Attach what an item measured, and why it could not."""
        if report.when == "call":
            setattr(report, MEASURED, [to_json(result) for result in item.stash.get(OVERHEADS, [])])
            if isinstance(item, OverheadItem) and report.failed and call.excinfo is not None:
                setattr(report, TROUBLE, _trouble(item.name, call.excinfo.value))

    def take(self, report: pytest.TestReport, controller: Controller) -> None:
        """Take in what came with a report, from this process or from a worker."""
        for data in getattr(report, MEASURED, ()):
            controller.measured(from_json(OverheadResult, data))
        if trouble := getattr(report, TROUBLE, ""):
            self._troubles.append(trouble)

    def finish(self) -> list[str]:
        """Return which overheads are unknown and why, a sentence each, and end what was held."""
        for meter in self._meters.values():
            meter.close()
        self._meters.clear()
        return self._troubles

    def measure_one(self, target: str, case: Case | None, callers: Callers, nodeid: str) -> OverheadResult:
        """Measure one way of calling a target, alone as far as possible.

        Args:
            target: its name.
            case: with which case; None takes the one that ``--e2i-overhead`` would.
            callers: how many at once.
            nodeid: the pytest item.

        Raises:
            E2iError: it cannot be measured; the message says why.
        """
        with self._neighbours().alone():
            return self._meter(target, nodeid).measure(case or self._cases(target)[0], callers)

    def _measure(self, target: str, nodeid: str) -> Iterator[OverheadResult]:
        with self._neighbours().alone():
            cases = self._cases(target)
            meter = self._meter(target, nodeid)
            for case in cases:
                yield meter.measure(case, ONE)
            for many in meter.many():
                yield meter.measure(cases[0], many)

    def _meter(self, target: str, nodeid: str) -> Meter:
        if target not in self._meters:
            self._meters[target] = self._new_meter(target, nodeid)
        return self._meters[target]

    def _new_meter(self, target: str, nodeid: str) -> Meter:
        """Return what measures a target for the item that measures it.

        Raises:
            E2iError: it cannot be built, or the configuration does not say how it runs without logging.
        """
        from e2i_eval.benchmark.overhead.meter import MeasurementSetup, Meter  # noqa: PLC0415  defers DeepDiff
        from e2i_eval.benchmark.timing.stopwatch import system_stopwatch  # noqa: PLC0415  as above

        worker = self._state.worker
        evaluator = worker.evaluator()
        setup = MeasurementSetup(
            claude=worker.claude,
            tracking=worker.tracking,
            logger=MlflowLogger(),
            clock=SystemClock(),
            stopwatch=system_stopwatch(),
            running=self._neighbours().running,
        )
        return Meter(
            self._settings.targets[target],
            evaluator.target(target),
            setup=setup,
            open_run=lambda case: evaluator.open_run(case, nodeid),
            budget_s=self._settings.overhead_budget_s,
        )

    def _cases(self, target: str) -> tuple[Case, ...]:
        folder = self._settings.cases / target
        files = case_files(folder)
        known = self._settings.targets
        cases = [read_case(file, root=self._settings.root, known_targets=known) for file in files]
        return chosen_cases(target, cases, self._state.passed)

    def _neighbours(self) -> Neighbours:
        return Neighbours(Path(self._state.worker.ref.scratch), self._process)


class BusyWorker:
    """Has an xdist worker say what it runs, so that one that measures can wait for it."""

    def __init__(self, overheads: Overheads) -> None:
        self._overheads = overheads

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Say so while an item runs."""
        with self._overheads.busy(item):
            return (yield)


OVERHEADS_PLUGIN = pytest.StashKey[Overheads]()


def _trouble(target: str, error: BaseException) -> str:
    if isinstance(error, NotTransparent):
        return f"logging is not transparent to the callers of {target}, see its overhead"
    first = error.what if isinstance(error, E2iError) else f"{type(error).__name__}: {error}"
    return f"the overhead of {target} is unknown: {first}"
