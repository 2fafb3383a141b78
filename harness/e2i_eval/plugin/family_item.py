"""The checks of a families file as pytest items, ``evals/families.toml::<target>::<family>::<name>``."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.errors import E2iError
from e2i_eval.core.json_codec import fields_to_json
from e2i_eval.plugin.case_item import RESULTS, BrokenCaseItem, CaseFailed
from e2i_eval.plugin.explained_item import ExplainedItem
from e2i_eval.plugin.fresh_worker import greeting
from e2i_eval.runner.config.options import environment
from e2i_eval.runner.families.declared import UNAVAILABLE
from e2i_eval.runner.families.family_runner import FamilyRunner
from e2i_eval.runner.families.fresh_process import FreshProcess
from e2i_eval.runner.families.plan_book import PlanBook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from e2i_eval.plugin.state import SessionState
    from e2i_eval.runner.evaluation import Evaluation
    from e2i_eval.runner.families import Declared

__all__ = ["Families", "FamiliesFile", "FamilyItem"]


class Families:
    """The check families of a session, in whatever process runs them."""

    def __init__(self, state: SessionState) -> None:
        self.book = PlanBook(state.settings)
        self._settings = state.settings
        self._state = state
        self._fresh: FreshProcess | None = None
        self._runner: FamilyRunner | None = None
        self._ahead: list[FamilyItem] = []

    @property
    def runner(self) -> FamilyRunner:
        """What evaluates the checks, made at first use."""
        if self._runner is None:
            self._runner = FamilyRunner(
                settings=self._settings,
                wanted=self.book.wanted(),
                evaluator=self._state.worker.evaluator,
                elsewhere=self.fresh_process,
                environ=environment(),
            )
        return self._runner

    @property
    def is_scripted(self) -> bool:
        """Tell whether the case's script answers for Claude."""
        return self._settings.claude == "mock"

    def keep(self, evaluation: Evaluation) -> None:
        """Keep an evaluated golden case that a check starts from."""
        self.runner.keep(evaluation)
        self._start_ahead()

    def choose(self, session: pytest.Session) -> None:
        """Take in which checks will run here.

        An xdist worker does not know which tests it will be given: there, nothing is started ahead.
        """
        if not hasattr(session.config, "workerinput"):
            items = [item for item in session.items if isinstance(item, FamilyItem)]
            self._ahead = [item for item in items if item.declared.family == "fresh-process"]

    def ask_ahead(self) -> None:
        """Have the new process evaluate what it can already: it does so beside the checks of this one."""
        for item in self._start_ahead():
            before = self.runner.before(item.declared)
            if before is not None:
                self.fresh_process().ask(item.declared, item.nodeid, before)
        self._ahead = []

    def _start_ahead(self) -> list[FamilyItem]:
        """Start the new process if it will be needed: it imports for seconds; return what it is needed for."""
        if self._ahead:
            self.fresh_process()
        return self._ahead

    def fresh_process(self) -> FreshProcess:
        """Return the new interpreter, started once: it takes seconds until it can evaluate."""
        if self._fresh is None:
            worker = self._state.worker
            worker.evaluator()  # the server must answer, and variables be set, before another process asks
            self._fresh = FreshProcess(greeting(self._settings, fields_to_json(worker.ref)), environment())
        return self._fresh

    def finish(self) -> tuple[str, ...]:
        """End the new interpreter; return what it could not record, a sentence each."""
        return self._fresh.finish() if self._fresh else ()

    def close(self) -> None:
        """End the new interpreter whatever happened; may be called twice."""
        if self._fresh:
            self._fresh.close()
            self._fresh = None

    def collected(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Return the collector of ``path`` if it is a families file of a chosen target."""
        if path not in self.book.files:
            return None
        return FamiliesFile.from_parent(parent, path=path, families=self)


class FamiliesFile(pytest.File):
    """A families file."""

    def __init__(self, *, families: Families, **kwargs: Any) -> None:  # noqa: ANN401  pytest's own arguments
        super().__init__(**kwargs)
        self._families = families

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield the targets; one whose part cannot be read is an item that fails, so that all else still runs."""
        for target in self._families.book.targets(self.path):
            try:
                plan = self._families.book.plan(target)
            except E2iError as error:
                yield BrokenCaseItem.from_parent(self, name=f"{target}/families", error=error)
                continue
            if plan is not None:
                yield Group.from_parent(self, name=target, checks=plan.checks, families=self._families)


class Group(pytest.Collector):
    """The checks of one target; within it, those of one family."""

    def __init__(
        self,
        *,
        checks: Sequence[Declared],
        families: Families,
        is_family: bool = False,
        **kwargs: Any,  # noqa: ANN401  pytest's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self._checks = checks
        self._families = families
        self._is_family = is_family

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield the families of a target, the checks of a family."""
        if self._is_family:
            for check in self._checks:
                yield FamilyItem.from_parent(self, name=check.name, declared=check, families=self._families)
            return
        for family, checks in groupby(self._checks, key=lambda check: check.family):
            make = partial(Group.from_parent, self, families=self._families, is_family=True)
            yield make(name=family, checks=tuple(checks))


class FamilyItem(ExplainedItem):
    """One declared check."""

    def __init__(self, *, declared: Declared, families: Families, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.declared = declared
        self._families = families

    def runtest(self) -> None:
        """Evaluate the check."""
        if self.declared.alteration.claude == UNAVAILABLE and not self._families.is_scripted:
            pytest.skip("Claude can be turned off with --e2i-claude=mock alone")
        self._families.ask_ahead()
        result = self._families.runner.evaluate(self.declared, self.nodeid)
        self.stash.setdefault(RESULTS, []).append(result)
        if result.status != "pass":
            raise CaseFailed(result)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the check in its file."""
        return self.path, self.declared.lines.get("", 1) - 1, self.declared.id
