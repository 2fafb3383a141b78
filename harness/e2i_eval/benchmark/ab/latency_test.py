"""The A/B latency test of a session: both revisions side by side, target after target."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from statistics import median
from typing import TYPE_CHECKING

from e2i_eval.benchmark.ab.machine import unreported
from e2i_eval.benchmark.ab.sample import PARTS, VARIANTS
from e2i_eval.benchmark.ab.schedule import SchedulePlan, made_pairs
from e2i_eval.benchmark.ab.set_verdict import adjusted
from e2i_eval.benchmark.ab.sets import MOST, Sets
from e2i_eval.benchmark.ab.source_roots import own_roots
from e2i_eval.benchmark.ab.worker_client import WorkerClient
from e2i_eval.benchmark.ab.worker_config import WorkerConfig
from e2i_eval.benchmark.ab.worker_pair import TargetUnderTest, WorkerPair
from e2i_eval.benchmark.ab.worktree import Worktree
from e2i_eval.core.case import Case
from e2i_eval.core.errors import E2iError, UnknownError
from e2i_eval.dataset.case_file.files import case_files
from e2i_eval.dataset.case_file.reader import read_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from e2i_eval.benchmark.ab.revision import Revision
    from e2i_eval.benchmark.ab.sample import VariantName
    from e2i_eval.benchmark.ab.schedule import Pairs
    from e2i_eval.benchmark.ab.set_verdict import Look
    from e2i_eval.core.clock import Clock
    from e2i_eval.core.latency_shift import LatencyPart, LatencyShift
    from e2i_eval.core.mlflow_run import CaseRun
    from e2i_eval.core.ports import Tracking
    from e2i_eval.runner.config.settings import Settings

__all__ = ["LatencyFinding", "LatencyTest", "SessionContext"]

TAGS = {"ab", "duet"}
"""Cases with one of these tags are preferred to all others of their target; the second is the former name."""

START_TIMEOUT_S = 120.0
MOST_CANDIDATES = 8
LEFT_OUT_PREFIXES = ("PYTEST_", "COV_CORE_", "GIT_")
"""Variables that are about this process alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionContext:
    """What an A/B latency test needs of the session it belongs to.

    Attributes:
        uri: the tracking server.
        scratch: the folder that the session's processes share.
        hosts: what may be reached besides this machine.
        environ: the environment of both variants.
        tracking: the server.
        open_run: creates a run for what is measured and not judged.
        clock: for budgets.
    """

    uri: str
    scratch: Path
    hosts: tuple[str, ...]
    environ: Mapping[str, str]
    tracking: Tracking
    open_run: Callable[[Case], CaseRun]
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyFinding:
    """What was found for one target.

    Attributes:
        shifts: one a part.
        lines: how it was measured, a sentence each.
    """

    shifts: tuple[LatencyShift, ...]
    lines: tuple[str, ...]


class LatencyTest:
    """Measures targets of the working tree against another revision; one at a time."""

    def __init__(
        self,
        revision: Revision,
        settings: Settings,
        context: SessionContext,
        *,
        family: int,
        plan: SchedulePlan | None = None,
    ) -> None:
        """Take what is compared; nothing is started yet.

        Args:
            revision: the base.
            settings: what was asked for.
            context: the session.
            family: how many targets the session measures.
            plan: how much is measured; None for the usual.
        """
        self._revision = revision
        self._settings = settings
        self._context = context
        basis = plan or SchedulePlan(budget_s=settings.ab_budget_s)
        self._plan = replace(basis, family=max(1, family) * len(PARTS))
        self._worktree: Worktree | None = None
        self._clients: dict[VariantName, WorkerClient] = {}
        self._starts = secrets.randbelow(2)
        self._says = ""
        self._p_values: dict[str, tuple[float, ...]] = {}

    def close(self) -> None:
        """End the processes and remove the base's tree; may be called twice."""
        self._end_workers()
        if self._worktree is not None:
            self._worktree.close()
            self._worktree = None

    def measure(self, target: str, *, seed: str = "") -> LatencyFinding:
        """Measure one target; ``seed`` draws another order of the calls.

        Raises:
            UsageError: the base cannot be made, or the target does not build in one of the variants.
            UnknownError: there is no verdict; the message says why.
        """
        settings = self._settings.targets[target]
        with self._runs(target) as runs:
            under_test = TargetUnderTest(settings=settings, files=self._files(target), runs=runs)
            worker_pair = WorkerPair(under_test, self._started)
            pairs = self._pairs(worker_pair, self._plan, f"{target}, first, {seed}")
            looks = _looks(pairs, target)
            corrected = adjusted(looks, others=self._other_p_values(target), family=self._plan.family)
            self._p_values[target] = tuple(each.p_value for each in looks)
            sets = [Sets(first=each, verdict=each.verdict(corrected[each.part])) for each in looks]
            if not pairs.is_spoilt:
                sets = self._settled(worker_pair, target, seed, sets)
            shifts = tuple(_shift(target, each, pairs) for each in sets)
        return LatencyFinding(shifts=shifts, lines=tuple(self._lines(worker_pair, pairs)))

    def _pairs(self, worker_pair: WorkerPair, plan: SchedulePlan, seed: str) -> Pairs:
        try:
            case_id = worker_pair.prepare(self._ready())
            order = Random(seed)  # noqa: S311  an order, no secret
            return made_pairs(worker_pair, case_id, plan, order=order, clock=self._context.clock)
        except E2iError:
            self._end_workers()  # in what state they are nobody knows
            raise

    def _settled(self, worker_pair: WorkerPair, target: str, seed: str, sets: list[Sets]) -> list[Sets]:
        """Measure again while a part wants it, each time in processes of their own.

        What two processes differ in by chance must not decide.
        """
        for number in range(2, MOST + 1):
            if not any(each.wants_another for each in sets):
                break
            looks = self._again(worker_pair, f"{target}, set {number}, {seed}")
            if not looks:
                break
            sets = [each.and_then(looks[each.first.part]) for each in sets]
        return sets

    def _again(self, worker_pair: WorkerPair, seed: str) -> dict[LatencyPart, Look]:
        self._end_workers()
        with contextlib.suppress(UnknownError):
            pairs = self._pairs(worker_pair, replace(self._plan, family=1), seed)
            if not pairs.is_spoilt:
                return {each.part: each for each in pairs.looks()}
        return {}

    def _other_p_values(self, target: str) -> list[float]:
        return [each for name, values in self._p_values.items() if name != target for each in values]

    # processes

    def _ready(self) -> dict[VariantName, WorkerClient]:
        """Start both variants at once, unless they run.

        The second seems to be slower by a per cent or two: who it is, is drawn, and changes with each set.
        """
        if not self._clients:
            if self._worktree is None:
                self._worktree = Worktree(self._revision)
            for variant in VARIANTS if self._starts % 2 == 0 else reversed(VARIANTS):
                self._clients[variant] = self._start(variant)
            self._starts += 1
            for client in self._clients.values():
                self._says = client.ready(START_TIMEOUT_S)
        return self._clients

    def _started(self, variant: VariantName) -> WorkerClient:
        client = self._start(variant)
        self._clients[variant] = client
        client.ready(START_TIMEOUT_S)
        return client

    def _start(self, variant: VariantName) -> WorkerClient:
        assert self._worktree is not None  # noqa: S101  see _ready
        head = self._revision.top
        tree = head if variant == "head" else self._worktree.path
        context = self._context
        worker_config = WorkerConfig(
            tree=str(tree),
            head=str(head),
            roots=own_roots([str(self._settings.root), *sys.path], head),
            golden_root=str(self._settings.root),
            targets=tuple(self._settings.targets),
            uri=context.uri,
            scratch=str(context.scratch),
            hosts=context.hosts,
            has_endpoint=self._settings.has_endpoint,
        )
        environ = {name: value for name, value in context.environ.items() if not name.startswith(LEFT_OUT_PREFIXES)}
        log = context.scratch / f"ab-{variant}.log"
        return WorkerClient(variant, worker_config, cwd=tree / self._revision.project, environ=environ, log=log)

    def _end_workers(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients = {}

    # what is measured, and where it is recorded

    def _files(self, target: str) -> dict[str, Path]:
        """Return the case files to try, those tagged ``ab`` or else a sample of those that end without an error."""
        files = case_files(self._settings.cases / target)
        cases = [read_case(file, root=self._settings.root, known_targets=self._settings.targets) for file in files]
        tagged = [case for case in cases if TAGS.intersection(case.tags)]
        candidates = tagged or _spread([case for case in cases if case.expect.error is None])
        return {case.id: case.path for case in candidates if case.path is not None}

    @contextlib.contextmanager
    def _runs(self, target: str) -> Iterator[dict[VariantName, CaseRun]]:
        """Give each variant a run on the server, which is marked as what it is and counts as no case."""
        open_run = self._context.open_run
        runs = {
            variant: open_run(Case(id=f"{target} (A/B latency test, {variant})", target=target, inputs={}))
            for variant in VARIANTS
        }
        is_done = False
        try:
            yield runs
            is_done = True
        finally:
            for variant, run in runs.items():
                self._end_run(variant, run, is_done=is_done)

    def _end_run(self, variant: VariantName, run: CaseRun, *, is_done: bool) -> None:
        revision = self._revision.commit if variant == "base" else "working tree"
        self._context.tracking.record_case(
            run,
            passed=is_done,
            verdicts=(),
            measurements={},
            params={},
            tags={"e2i_eval.measurement": "duet", "e2i_eval.arm": variant, "e2i_eval.revision": revision},
            traces=(),
            expectations={},
        )

    def _lines(self, worker_pair: WorkerPair, pairs: Pairs) -> list[str]:
        lines = [
            f"base {self._revision.label}, case {(*pairs.good, *pairs.spoilt)[0].case_id}",
            self._says,
            *unreported(),
            *(f"not measured with {case_id}: {why}" for case_id, why in worker_pair.excluded.items()),
        ]
        if pairs.spoilt:
            lines.append(f"{len(pairs.spoilt)} pairs were set aside: {_worst(pairs)}")
        drains = (
            [median(getattr(pair, variant).drain_ms for pair in pairs.good) for variant in VARIANTS]
            if pairs.good
            else []
        )
        lines.append(f"until all was sent: {' -> '.join(f'{each:.0f} ms' for each in drains)}, which is not judged")
        timeouts = Counter(variant for pair in pairs.good for variant in VARIANTS if getattr(pair, variant).timed_out)
        lines += [f"{count} calls of the {variant} were given up" for variant, count in timeouts.items()]
        return lines


def _looks(pairs: Pairs, target: str) -> tuple[Look, ...]:
    try:
        return pairs.looks()
    except UnknownError as error:
        spoilt = f"; {len(pairs.spoilt)} more were set aside: {_worst(pairs)}" if pairs.spoilt else ""
        what = f"{target} could not be measured: {error.what}{spoilt}"
        raise UnknownError(what, fix="give it more time with --e2i-ab-budget=SECONDS, or a quieter machine") from error


def _shift(target: str, sets: Sets, pairs: Pairs) -> LatencyShift:
    shift = sets.shift(target)
    if not pairs.is_spoilt:
        return shift
    reason = f"{len(pairs.spoilt)} of {len(pairs.good) + len(pairs.spoilt)} pairs were spoilt: {_worst(pairs)}"
    return replace(shift, status="inconclusive", reason=reason)


def _worst(pairs: Pairs) -> str:
    return Counter(pair.disturbance for pair in pairs.spoilt).most_common(1)[0][0]


def _spread(cases: Sequence[Case]) -> list[Case]:
    """Return at most so many cases, spread over all of them."""
    step = max(1, len(cases) / MOST_CANDIDATES)
    return [cases[int(place * step)] for place in range(min(len(cases), MOST_CANDIDATES))]
