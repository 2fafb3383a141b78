"""The targets of a session as they are evaluated: each built once, with the contract of its logging, and called."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.checks.contract import Contract, load_contract
from e2i_eval.checks.custom import custom_check, refuse_twins
from e2i_eval.core.errors import E2iError, UsageError
from e2i_eval.core.exchange import waited_s
from e2i_eval.core.suggestion import suggested
from e2i_eval.core.verdict import Finding, Verdict
from e2i_eval.runner.target import RAISED_BY_TARGETS, refuse_wrong_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.checks import NamedCheck
    from e2i_eval.checks.coverage import GraphWatch
    from e2i_eval.checks.coverage.watch import WatchedCall
    from e2i_eval.core.case import Case
    from e2i_eval.core.clock import Clock
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.ports import Claude, OpenCapture, Tracking
    from e2i_eval.core.run import Run
    from e2i_eval.runner.config.settings import Settings, TargetSettings
    from e2i_eval.runner.target import BuiltTarget

__all__ = ["Called", "TargetCalls", "Targets", "refuse_wrong_code", "target_checks"]

FLUSH_TIMEOUT_S = 10.0


class Targets:
    """Targets by name; one that does not build says so for each of its cases, without being tried again."""

    def __init__(self, settings: Settings, build: Callable[[TargetSettings], BuiltTarget]) -> None:
        self._settings = settings
        self._build = build
        self._built: dict[str, BuiltTarget | E2iError] = {}
        self._contracts: dict[str, Contract] = {}

    def configured(self, name: str) -> TargetSettings:
        """Return what the configuration says of a target.

        Raises:
            UsageError: it says nothing of that name.
        """
        known = self._settings.targets
        if name not in known:
            what = f"there is no target {name!r}"
            raise UsageError(what, fix=suggested(name, known, otherwise=f"use one of {', '.join(known)}"))
        return known[name]

    def contract(self, name: str) -> Contract:
        """Return what a target must log.

        Raises:
            UsageError: the contract's file cannot be read.
        """
        if name not in self._contracts:
            self._contracts[name] = load_contract(self.configured(name).contract, name, root=self._settings.root)
        return self._contracts[name]

    def checks(self, case: Case) -> tuple[NamedCheck, ...]:
        """Return the project's own checks of a case: those of its target, then those of the case itself.

        Raises:
            UsageError: one of them is none, or two have one name.
        """
        owner = f"case {case.id!r}"
        entries = enumerate(case.checks)
        own = tuple(custom_check(entry, owner=owner, where=case.where(f"checks.{at}")) for at, entry in entries)
        every = (*target_checks(self.configured(case.target)), *own)
        refuse_twins(every, owner=owner, where=case.where("checks"))
        return every

    def built(self, name: str) -> BuiltTarget:
        """Return a target, ready to be called.

        Raises:
            E2iError: it cannot be built.
        """
        if name not in self._built:
            try:
                self._built[name] = self._build(self.configured(name))
            except E2iError as error:
                self._built[name] = error
        built = self._built[name]
        if isinstance(built, E2iError):
            raise built
        return built

    @contextlib.contextmanager
    def rebuilt(self, name: str) -> Iterator[None]:
        """Build a target anew for the block: what it read when it was built may be another now."""
        before = self._built.pop(name, None)
        try:
            yield
        finally:
            self._built.pop(name, None)
            if before is not None:
                self._built[name] = before


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A target was called: how it went, what went over the wire, what was not sent, which parts of it ran."""

    run: Run
    capture: OpenCapture
    unsent: tuple[Verdict, ...]
    watched: WatchedCall


class TargetCalls:
    """Calls targets, one after another.

    Args:
        targets: of the session.
        claude: captures what is said to Claude.
        tracking: has what is logged go to the case's run.
        clock: time.
        watch: listens to graphs.
        on_broken: ends the run of a case whose call cannot even begin.
    """

    def __init__(
        self,
        targets: Targets,
        *,
        claude: Claude,
        tracking: Tracking,
        clock: Clock,
        watch: GraphWatch,
        on_broken: Callable[[CaseRun, Case, E2iError], None],
    ) -> None:
        self._targets = targets
        self._claude = claude
        self._tracking = tracking
        self._clock = clock
        self._watch = watch
        self._on_broken = on_broken
        self._runner = asyncio.Runner()

    def close(self) -> None:
        """End the event loop that all calls share."""
        self._runner.close()

    def call(self, case: Case, case_run: CaseRun | None, unknown: str) -> Called:
        """Call the case's target with Claude captured and logging sent; what cannot even begin ends the case's run.

        Args:
            case: what is asked.
            case_run: where logging goes; None when the server did not open one.
            unknown: why it did not; empty otherwise.

        Raises:
            E2iError: the target cannot be built, or the case's recording cannot be read.
        """
        with self._tracking.active(case_run):
            with contextlib.ExitStack() as stack:
                try:
                    target = self._targets.built(case.target)
                    capture = stack.enter_context(self._claude.capture(case))
                except E2iError as error:
                    if case_run is not None:
                        self._on_broken(case_run, case, error)
                    raise
                watched = self._watch.call(target.name, target.runnable, inside=target.graph)
                stack.enter_context(watched.listening())
                # a target that changes the folder must not move the cases after it
                stack.enter_context(contextlib.chdir(Path.cwd()))
                run = target.call(case.inputs, clock=self._clock, runner=self._runner, config=watched.config)
            flush_s, unsent = self._flush(target, unknown=unknown)
        held_back_s = waited_s(capture.exchanges)
        run = replace(run, flush_s=flush_s, duration_s=max(0.0, run.duration_s - held_back_s))
        return Called(run=run, capture=capture, unsent=unsent, watched=watched)

    def rehearse(self, target: BuiltTarget, case: Case, case_run: CaseRun) -> None:
        """Call a target to see what it asks; how it goes is nobody's concern."""
        with self._tracking.active(case_run):
            with contextlib.chdir(Path.cwd()):
                target.call(case.inputs, clock=self._clock, runner=self._runner)
            self._flush(target, unknown="")

    def _flush(self, target: BuiltTarget, *, unknown: str) -> tuple[float, tuple[Verdict, ...]]:
        """Send what logging still holds; with a server known to be dead there is nothing to wait for.

        Returns:
            Seconds it took, and what is wrong with it.
        """
        if unknown:
            return 0.0, ()
        start_s = self._clock.elapsed_s()
        unsent: list[Verdict] = []
        try:
            target.send(runner=self._runner)
        except RAISED_BY_TARGETS as error:
            unsent.append(_flush_raised(self._targets.configured(target.name), error))
        if not self._tracking.flush(FLUSH_TIMEOUT_S):
            reason = f"unknown: MLflow's own queue had not been sent after {FLUSH_TIMEOUT_S:g} s"
            unsent.append(Verdict(check="flush", status="error", reason=reason))
        return self._clock.elapsed_s() - start_s, tuple(unsent)


def _flush_raised(settings: TargetSettings, error: BaseException) -> Verdict:
    message = f"flush = {settings.flush!r} raised {type(error).__name__}: {error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    finding = Finding(field="flush", message=f"{message} ({last.filename}:{last.lineno})", where=settings.where)
    return Verdict(check="flush", status="fail", reason="the target's flush broke", findings=(finding,))


def target_checks(settings: TargetSettings) -> tuple[NamedCheck, ...]:
    """Return the checks of the project that judge every case of a target.

    Raises:
        UsageError: one of them is none, or two have one name.
    """
    owner, where = f"target {settings.name!r}", settings.place("checks")
    checks = tuple(custom_check(entry, owner=owner, where=where) for entry in settings.checks)
    refuse_twins(checks, owner=owner, where=where)
    return checks


def refuse_wrong_code(settings: Settings) -> None:
    """Refuse names of checks and graphs that lead nowhere, before anything runs; a wrong entry shows in its cases.

    Raises:
        UsageError: a check or a graph of a chosen target is none, or two checks have one name.
    """
    for target in settings.targets.values():
        if settings.is_chosen(target.name):
            target_checks(target)
            refuse_wrong_graph(target)
