"""The A/B latency test in a pytest session: adds the items, measures, and hands over what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2i_eval.core.clock import SystemClock
from e2i_eval.core.errors import E2iError, UnknownError, UsageError
from e2i_eval.plugin.ab_item import AbItem, Slower
from e2i_eval.plugin.inconclusive import Inconclusive
from e2i_eval.plugin.session_items import session_items
from e2i_eval.runner.config.options import environment

if TYPE_CHECKING:
    from e2i_eval.benchmark.ab.latency_test import LatencyTest
    from e2i_eval.benchmark.ab.revision import Revision
    from e2i_eval.core.latency_shift import LatencyShift
    from e2i_eval.plugin.state import SessionState
    from e2i_eval.runner.config.settings import Settings

__all__ = ["AbTests", "base_revision"]


def base_revision(config: pytest.Config, settings: Settings) -> Revision | None:
    """Find the revision to compare with, at the door; None when there is to be no A/B latency test.

    Raises:
        UsageError: there is no such revision; or xdist runs other tests at the same time, which no clock takes out.
    """
    if settings.ab is None or hasattr(config, "workerinput"):
        return None
    if config.getoption("dist", default="no") != "no" or config.getoption("tx", default=None):
        what = f"--e2i-ab={settings.ab} needs the machine for itself, and -n runs tests side by side"
        raise UsageError(
            what, fix="leave -n out, or measure in a step of its own: pytest --e2i-eval --e2i-ab=REF -k ab::"
        )
    from e2i_eval.benchmark.ab.revision import find_revision  # noqa: PLC0415  for sessions that measure

    return find_revision(settings.ab, settings.root)


class AbTests:
    """Measures the targets of a session against another revision, one after the other."""

    def __init__(self, state: SessionState, revision: Revision | None) -> None:
        """Take what there is to measure, and the base to measure it against; None measures nothing."""
        self._state = state
        self._settings = state.settings
        self._revision = revision
        self._chosen = 0
        self._latency_test: LatencyTest | None = None
        self._troubles: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add an item for each target, behind all cases and before anything is deselected."""
        if self._revision is None:
            return
        items += session_items(
            session,
            AbItem.kind,
            lambda parent: [
                AbItem.from_parent(parent, name=target, measure=self._measure)
                for target in self._settings.targets
                if self._settings.is_chosen(target)
            ],
        )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the targets: among many, chance alone must not make one look slower."""
        self._chosen = sum(isinstance(item, AbItem) for item in session.items)

    def finish(self) -> list[str]:
        """Return which targets could not be measured though nothing of the machine is to blame, a sentence each."""
        self.close()
        return self._troubles

    def close(self) -> None:
        """End the processes and remove the base's tree; may be called twice."""
        if self._latency_test is not None:
            self._latency_test.close()
            self._latency_test = None

    def _measure(self, target: str, nodeid: str) -> tuple[tuple[LatencyShift, ...], tuple[str, ...]]:
        finding = self._started(nodeid).measure(target)
        if controller := self._state.controller:
            controller.compared(finding.shifts)
        return finding.shifts, finding.lines

    def _started(self, nodeid: str) -> LatencyTest:
        assert self._revision is not None  # noqa: S101  there are no items otherwise
        if self._latency_test is None:
            self._latency_test = self._new_test(self._revision, nodeid)
            if controller := self._state.controller:
                controller.note(f"latency was measured against {self._revision.label}", *self._revision.notes)
        return self._latency_test

    def _new_test(self, revision: Revision, nodeid: str) -> LatencyTest:
        from e2i_eval.benchmark.ab.latency_test import LatencyTest, SessionContext  # noqa: PLC0415  defers numpy

        worker = self._state.worker
        evaluator = worker.evaluator()
        context = SessionContext(
            uri=worker.ref.uri,
            scratch=Path(worker.ref.scratch),
            hosts=worker.ref.hosts,
            environ=environment(),
            tracking=worker.tracking,
            open_run=lambda case: evaluator.open_run(case, nodeid),
            clock=SystemClock(),
        )
        return LatencyTest(revision, self._settings, context, family=self._chosen)

    def take_note(self, target: str, error: BaseException) -> None:
        """Take note of what could not be measured, and why."""
        controller = self._state.controller
        if isinstance(error, Inconclusive) and controller:
            controller.note(f"the A/B latency test of {target} is inconclusive: {error.reason}")
        elif isinstance(error, E2iError) and not isinstance(error, UnknownError):
            self._troubles.append(f"the A/B latency test of {target} broke: {error.what}")
        elif not isinstance(error, (Slower, Inconclusive)):
            self._troubles.append(f"the A/B latency test of {target} broke: {type(error).__name__}: {error}")
