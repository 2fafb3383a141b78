"""The state of a session with ``--e2i-eval``: what its hooks, fixtures and outputs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from e2i_eval.plugin.controller import Controller
    from e2i_eval.plugin.worker import Worker
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.report import Report

__all__ = ["STATE", "SessionState"]


class SessionState:
    """What there is of a session in this process.

    Attributes:
        settings: what was asked for.
        controller: the owner of the session; None in an xdist worker, and in a session that only lists.
        report: the finished report; None before, and where there is no controller.
        passed: ids of the cases that passed here; in the controller, of all.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.controller: Controller | None = None
        self.report: Report | None = None
        self.passed: set[str] = set()
        self._worker: Worker | None = None

    @property
    def has_started(self) -> bool:
        """Whether there is something that runs cases: not in a session that only lists."""
        return self._worker is not None

    @property
    def worker(self) -> Worker:
        """What runs cases in this process."""
        assert self._worker is not None  # noqa: S101  nothing is run in a session that only lists
        return self._worker

    def own(self, controller: Controller) -> Controller:
        """Take the owner of the session, which this process is; ``close`` ends it."""
        self.controller = controller
        return controller

    def take_part(self, worker: Worker) -> None:
        """Take what runs cases in this process; ``close`` ends it."""
        self._worker = worker

    def close(self) -> None:
        """Stop the server whatever happened; may be called twice."""
        if self._worker:
            self._worker.close()
        if self.controller:
            self.controller.close()


STATE = pytest.StashKey[SessionState]()
