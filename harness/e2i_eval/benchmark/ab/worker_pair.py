"""The worker pair: the processes of both variants playing one target, as the schedule want them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.benchmark.ab.machine import disturbance, read_machine
from e2i_eval.benchmark.ab.sample import VARIANTS, Sample
from e2i_eval.benchmark.ab.set_verdict import FLOOR_MS, FLOOR_SHARE
from e2i_eval.benchmark.ab.worker_client import NotInThisRevisionError, WorkerLateError
from e2i_eval.core.errors import UnknownError
from e2i_eval.core.json_codec import from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from e2i_eval.benchmark.ab.sample import VariantName
    from e2i_eval.benchmark.ab.worker_client import WorkerClient
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.runner.config.settings import TargetSettings

__all__ = ["TargetUnderTest", "WorkerPair"]

BUILD_TIMEOUT_S = 180.0
FIRST_CALL_TIMEOUT_S = 60.0
LEAST_CALL_TIMEOUT_S = 5.0
PATIENCE = 10
"""A call that takes so many times as long as the slowest on the base before is given up."""

WARM_UPS = 3
MS = 1_000.0
BUILT_FROM = ("name", "entry", "where", "logging", "flush")
"""What of a target's configuration its building depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetUnderTest:
    """What is measured.

    Attributes:
        settings: its configuration, the head's in both variants.
        files: case files by id, in the order of preference.
        runs: each variant's run on the server, to which what it logs belongs.
    """

    settings: TargetSettings
    files: Mapping[str, Path]
    runs: Mapping[VariantName, CaseRun]


class WorkerPair:
    """Runs one target in two processes; a process that hangs is replaced."""

    def __init__(self, target: TargetUnderTest, start: Callable[[VariantName], WorkerClient]) -> None:
        """Take what is measured.

        Args:
            target: what.
            start: starts the process of a variant and waits until it is ready.
        """
        self._target = target
        self._start = start
        self._clients: dict[VariantName, WorkerClient] = {}
        self._roots: list[str] = []
        self._timeout_s = FIRST_CALL_TIMEOUT_S
        self._case_id = ""
        self._reading = read_machine()
        self.excluded: dict[str, str] = {}

    def prepare(self, clients: Mapping[VariantName, WorkerClient]) -> str:
        """Build the target in both variants and warm them up; return the id of the case to measure with.

        It is chosen once and kept for a second set of pairs.

        Raises:
            UsageError: the target does not build.
            UnknownError: no case passes in both, or a process ends.
        """
        self._clients = dict(clients)
        for variant in reversed(VARIANTS):  # the head first: it knows where the project's sources are
            self._build(variant)
        self._case_id = self._chosen(self._case_id)
        slowest_s = self._warm_up()
        self._timeout_s = max(LEAST_CALL_TIMEOUT_S, PATIENCE * slowest_s)
        return self._case_id

    def call(self, variant: VariantName, case_id: str) -> Sample:
        """Call one variant with a case; a call that does not end counts as having taken until it was given up.

        Raises:
            UnknownError: the process ended, or its replacement does not start.
        """
        try:
            return self._asked(variant, case_id)
        except WorkerLateError:
            given_up = Sample(agent_ms=self._timeout_s * MS, claude_ms=0.0, logging_ms=0.0, timed_out=True)
        self._replace(variant, case_id)
        return given_up

    def disturbance(self) -> str:
        """Say what the machine has done since the last time this was asked."""
        before, self._reading = self._reading, read_machine()
        return disturbance(before, self._reading)

    def _build(self, variant: VariantName) -> None:
        target, run = self._target.settings, self._target.runs[variant]
        settings = {name: getattr(target, name) for name in BUILT_FROM}
        asked: dict[str, object] = {"do": "build", "target": settings, "run": _plain(run), "roots": self._roots}
        self._roots = (
            self._clients[variant].ask(BUILD_TIMEOUT_S, **asked) if variant == "head" else self._built_base(asked)
        )

    def _built_base(self, asked: dict[str, object]) -> list[str]:
        try:
            self._clients["base"].ask(BUILD_TIMEOUT_S, **asked)
        except NotInThisRevisionError as error:
            what = f"the base has no {self._target.settings.entry!r}: there is nothing to compare with"
            raise UnknownError(what, where=error.where) from error
        return self._roots

    def _asked(self, variant: VariantName, case_id: str) -> Sample:
        file, run = self._target.files[case_id], self._target.runs[variant]
        said = self._clients[variant].ask(self._timeout_s, do="call", file=str(file), run=_plain(run))
        return from_json(Sample, said)

    def _chosen(self, before: str) -> str:
        """Return the case to measure with: one that seems slower on the head twice, or else the one that does the most.

        One alone, because cases that go different ways mixed would hide what is slower on one of the ways.
        Two calls decide, which may be wrong about the first and does not matter: the pairs are made afterwards.
        """
        if before:
            return before
        for case_id in list(self._target.files)[:1]:  # the very first call does the one-time work
            self._tried_in_both(case_id)
        tried = self._all_tried(self._target.files)
        suspects = {case_id: took for case_id, took in tried.items() if _beyond_ms(took) > 0}
        again = self._all_tried(suspects)  # among many, one seems slower by chance
        tried = {case_id: took for case_id, took in tried.items() if case_id in again or case_id not in suspects}
        if not tried:
            raise self._no_case()
        beyond_ms = {case_id: min(_beyond_ms(suspects[case_id]), _beyond_ms(took)) for case_id, took in again.items()}
        slowest = max(beyond_ms, key=beyond_ms.__getitem__, default="")
        if slowest and beyond_ms[slowest] > 0:
            return slowest
        return max(tried, key=lambda case_id: tried[case_id][1])

    def _all_tried(self, case_ids: Iterable[str]) -> dict[str, tuple[float, float]]:
        """Return what each case takes, of those that pass in both."""
        return {case_id: took for case_id in case_ids if (took := self._tried_in_both(case_id))}

    def _tried_in_both(self, case_id: str) -> tuple[float, float] | None:
        """Return what the case takes in base and head, in milliseconds; None when it does not pass in both."""
        took_ms = []
        for variant in VARIANTS:
            sample = self._tried(variant, case_id)
            if sample.trouble:
                self.excluded[case_id] = f"{variant}: {sample.trouble}"
                return None
            took_ms.append(sample.agent_ms)
        return took_ms[0], took_ms[1]

    def _tried(self, variant: VariantName, case_id: str) -> Sample:
        try:
            return self._asked(variant, case_id)
        except WorkerLateError:
            self._replace(variant)
            trouble = f"no answer within {self._timeout_s:g} s"
            return Sample(agent_ms=self._timeout_s * MS, claude_ms=0.0, logging_ms=0.0, timed_out=True, trouble=trouble)

    def _warm_up(self) -> float:
        """Call both variants until one-time work is done; return the seconds of the slowest call on the base."""
        slowest_s = 0.0
        for _ in range(WARM_UPS):
            start_s = time.monotonic()
            self.call("base", self._case_id)
            slowest_s = max(slowest_s, time.monotonic() - start_s)
            self.call("head", self._case_id)
        for variant in VARIANTS:
            self._clients[variant].ask(BUILD_TIMEOUT_S, do="settle")
        return slowest_s

    def _replace(self, variant: VariantName, case_id: str = "") -> None:
        """Start a variant anew; with a case it is warmed up as far as it gets."""
        self._clients[variant].close()
        self._clients[variant] = self._start(variant)
        self._build(variant)
        if case_id:
            for _ in range(WARM_UPS):
                try:
                    self._asked(variant, case_id)
                except WorkerLateError:
                    self._clients[variant] = self._start(variant)
                    self._build(variant)
                    return

    def _no_case(self) -> UnknownError:
        why = "; ".join(f"{case_id} ({reason})" for case_id, reason in list(self.excluded.items())[:2])
        what = (
            f"no case of {self._target.settings.name} passes in both revisions: {why or 'it has none without an error'}"
        )
        return UnknownError(what, fix="a revision that behaves otherwise is no slower or faster version of the same")


def _plain(run: CaseRun) -> dict[str, object]:
    return {name: getattr(run, name) for name in run.__slots__}


def _beyond_ms(took_ms: tuple[float, float]) -> float:
    """Return by how much the head exceeds the base and the floor."""
    base_ms, head_ms = took_ms
    return head_ms - base_ms - max(FLOOR_MS, FLOOR_SHARE * base_ms)
