"""The worker: builds targets in the process of a variant and runs cases on them, one call at a time."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.benchmark.ab.callback_time import CallbackTime
from e2i_eval.benchmark.ab.sample import Sample
from e2i_eval.benchmark.ab.source_roots import SourceTree
from e2i_eval.benchmark.timing.stopwatch import lasting_stopwatch
from e2i_eval.checks import judge
from e2i_eval.checks.expectations import golden_checks
from e2i_eval.claude import ClaudeWire
from e2i_eval.core.case import Budget
from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.intervals import covered
from e2i_eval.core.json_codec import to_json
from e2i_eval.core.mlflow_run import CaseRun
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.runner.config.options import environment
from e2i_eval.runner.config.settings import TargetSettings
from e2i_eval.runner.target import RAISED_BY_TARGETS, BuiltTarget, build_target
from e2i_eval.tracking import TrackingClient, redirected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.benchmark.ab.worker_config import WorkerConfig
    from e2i_eval.core.case import Case
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.core.ports import OpenCapture
    from e2i_eval.core.run import Run

__all__ = ["VariantWorker", "answer", "waited_for_claude_s"]

MS = 1_000.0
FLUSH_TIMEOUT_S = 20.0
HARMLESS_NOTES = frozenset({"unknown_field"})


class VariantWorker:
    """Does what the process of a variant is asked to."""

    def __init__(self, worker_config: WorkerConfig) -> None:
        """Take over imports, Claude and logging of this process, for good."""
        self._worker_config = worker_config
        self._until_the_end = contextlib.ExitStack()  # kept: what is entered and forgotten is left at once
        self._stopwatch = lasting_stopwatch()
        self._until_the_end.enter_context(self._stopwatch.watching())
        self._callbacks = CallbackTime(self._stopwatch.moment)
        self._tree = SourceTree(Path(worker_config.tree), Path(worker_config.head))
        self._tree.add(worker_config.roots)
        environ = environment()
        self._until_the_end.enter_context(redirected(worker_config.uri, environ))
        self._tracking = TrackingClient(worker_config.uri, environ=environ, scratch=Path(worker_config.scratch))
        self._wire = ClaudeWire(
            mode="mock",
            environ=environ,
            clock=_WorkClock(),
            allowed_hosts=worker_config.hosts,
            has_endpoint=worker_config.has_endpoint,
        )
        self._wire.start()
        self._runner = asyncio.Runner()
        self._targets: dict[str, BuiltTarget] = {}
        self._cases: dict[str, Case] = {}

    @property
    def says(self) -> str:
        """What is measured."""
        return self._stopwatch.says

    def build(self, settings: JsonObject, run: JsonObject, roots: Sequence[str]) -> tuple[str, ...]:
        """Build a target and see to it that it is of this variant's tree; return the source roots it came from.

        Raises:
            UsageError: it cannot be built, is of another tree, or does not exist (``_AbsentError``).
        """
        self._tree.add(roots)
        target = TargetSettings(**settings)
        with self._tracking.active(CaseRun(**run)):
            try:
                built = build_target(target)
            except UsageError as error:
                raise (
                    _AbsentError(error.what, where=error.where) if _is_absent(target.entry, error) else error
                ) from None
        self._tree.refuse_strangers(target.entry, target.where)
        self._callbacks.watch()
        self._targets[target.name] = built
        return self._tree.roots()

    def call(self, file: str, run: JsonObject) -> Sample:
        """Call a case's target once, and wait until all it logged was sent."""
        case = self._case(file)
        target = self._targets[case.target]
        gc.collect()  # not in the middle of the call, for what the last one left
        self._callbacks.take()
        inputs = copy.deepcopy(case.inputs)
        with self._tracking.active(CaseRun(**run)):
            with (
                self._wire.capture(case) as capture,
                contextlib.chdir(Path.cwd()),
                self._stopwatch.measured() as called_s,
            ):
                answered = target.call(inputs, clock=SystemClock(), runner=self._runner)
            observed_s = self._callbacks.take()
            with self._stopwatch.measured() as sent_s:
                worked_s = -time.process_time()
                unsent = self._send(target)
                worked_s += time.process_time()
        self._callbacks.watch()  # what the target has imported only now
        claude_s = waited_for_claude_s(capture.exchanges)
        return Sample(
            agent_ms=(called_s() - claude_s - observed_s) * MS,
            claude_ms=sum(exchange.virtual_s for exchange in capture.exchanges) * MS,
            logging_ms=(observed_s + worked_s) * MS,
            drain_ms=sent_s() * MS,
            trouble=unsent or _trouble(case, answered, capture),
        )

    def settle(self) -> None:
        """Leave what is there by now out of the collections before each call, which then take next to nothing."""
        gc.collect()
        gc.freeze()

    def _case(self, file: str) -> Case:
        if file not in self._cases:
            root = Path(self._worker_config.golden_root)
            self._cases[file] = read_case(Path(file), root=root, known_targets=self._worker_config.targets)
        return self._cases[file]

    def _send(self, target: BuiltTarget) -> str:
        try:
            target.send(runner=self._runner)
        except RAISED_BY_TARGETS as error:
            return f"flush raised {type(error).__name__}: {error}"
        if not self._tracking.flush(FLUSH_TIMEOUT_S):
            return f"MLflow's queue had not been sent after {FLUSH_TIMEOUT_S:g} s"
        return ""


class _AbsentError(UsageError):
    """This revision has no such target."""


class _WorkClock(SystemClock):
    """Lets the wire measure for how long the mock computes: that is all it does, and other branches work meanwhile."""

    def elapsed_s(self) -> float:
        return time.thread_time()


def waited_for_claude_s(exchanges: Sequence[Exchange]) -> float:
    """Return the seconds in which at least one exchange was under way; branches ask at the same time."""
    return covered((each.started_at_s, each.started_at_s + each.duration_s) for each in exchanges)


def _trouble(case: Case, answered: Run, capture: OpenCapture) -> str:
    """Say why a call is no fair sample of its case; what only the server knows is not asked here."""
    notes = [note.message for note in capture.notes if note.kind not in HARMLESS_NOTES]
    if notes:
        return notes[0]
    expect = replace(case.expect, budget=Budget(), nodes=None, metrics={}, params={}, tags={})
    asked = replace(case, expect=expect)
    evidence = Evidence(
        case=asked, run=answered, exchanges=capture.exchanges, unknown="not read in an A/B latency test"
    )
    wrong = (each for each in judge(golden_checks(asked), evidence) if each.status not in {"pass", "skip"})
    return next((f"{each.check}: {each.reason}" for each in wrong), "")


def answer(worker: VariantWorker, message: JsonObject) -> dict[str, object]:
    """Do what one message asks for, and return what is said in return."""
    try:
        return {"ok": _done(worker, message)}
    except E2iError as error:
        is_absent = isinstance(error, _AbsentError)
        return {"error": {"what": error.what, "where": error.where, "fix": error.fix, "missing": is_absent}}


def _done(worker: VariantWorker, message: JsonObject) -> object:
    if message["do"] == "build":
        return list(worker.build(message["target"], message["run"], message["roots"]))
    if message["do"] == "call":
        return to_json(worker.call(message["file"], message["run"]))
    if message["do"] == "settle":
        worker.settle()
        return None
    msg = f"cannot do {message['do']!r}"
    raise E2iError(msg)


def _is_absent(entry: str, error: UsageError) -> bool:
    """Tell a target that does not exist from one that is broken: its module is not there, or lacks the name."""
    module, _, attribute = entry.partition(":")
    if isinstance(error.__cause__, ModuleNotFoundError):
        return f"{module}.".startswith(f"{error.__cause__.name}.")
    return module in sys.modules and not hasattr(sys.modules[module], attribute.partition(".")[0])
