"""A case file as one pytest item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from e2i_eval.core.errors import E2iError
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.plugin.explained_item import ExplainedFailure, ExplainedItem
from e2i_eval.plugin.inconclusive import Inconclusive
from e2i_eval.report import failure_lines
from e2i_eval.report.repeats import verdict_lines
from e2i_eval.runner.repetitions import evaluate_repeatedly
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2i_eval.core.case import Case
    from e2i_eval.core.stats.repeats import CaseVerdict
    from e2i_eval.plugin.state import SessionState
    from e2i_eval.runner.evaluation import Evaluation as Evaluated

__all__ = [
    "RESULTS",
    "BrokenCaseItem",
    "CaseFailed",
    "CaseFile",
    "CaseInconclusive",
    "CaseItem",
    "raise_unless_passed",
]

Keep: TypeAlias = "Callable[[CaseItem, Evaluated], None]"
"""Takes each repetition of a case that has just been evaluated, for whatever else is made of its evidence."""

RESULTS = pytest.StashKey[list[CaseResult]]()
"""The case results of one item: one of a case file, any number of a test that calls ``evaluate``."""


class CaseFailed(ExplainedFailure):
    """A case was judged and did not pass."""

    def __init__(self, result: CaseResult, verdict: CaseVerdict | None = None) -> None:
        """Take what to show.

        Args:
            result: the run that is shown.
            verdict: what all repetitions come to; None, or without a reason, for a case that ran once.
        """
        said = [verdict.reason, *verdict_lines(verdict), ""] if verdict and verdict.reason else []
        super().__init__([*said, *failure_lines(result)])
        self.result = result


class CaseInconclusive(Inconclusive):
    """The repetitions of a case leave it open."""

    def __init__(self, verdict: CaseVerdict) -> None:
        super().__init__(f"{verdict.case_id}: {verdict.reason}", tuple(verdict_lines(verdict)))
        self.verdict = verdict


def raise_unless_passed(result: CaseResult, verdict: CaseVerdict) -> None:
    """End an item as its case ended.

    Args:
        result: the run to show.
        verdict: what all repetitions come to.

    Raises:
        CaseInconclusive: the repetitions leave it open.
        CaseFailed: the case did not pass.
    """
    __tracebackhide__ = True
    if verdict.status == "inconclusive":
        raise CaseInconclusive(verdict)
    if verdict.status != "pass":
        raise CaseFailed(result, verdict)


class CaseFile(pytest.File):
    """A file under ``golden/cases``."""

    def __init__(self, *, state: SessionState, keep: Keep, **kwargs: Any) -> None:  # noqa: ANN401  pytest's own arguments
        super().__init__(**kwargs)
        self._state = state
        self._keep = keep

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the file's case; a file that cannot be read is an item that fails, so that the others still run."""
        settings = self._state.settings
        target = self.path.relative_to(settings.cases).parts[0]
        if not settings.is_chosen(target):
            return
        try:
            case = read_case(self.path, root=settings.root, known_targets=settings.targets)
        except E2iError as error:
            name = f"{target}/{self.path.stem}"
            yield BrokenCaseItem.from_parent(self, name=name, error=error)
            return
        yield CaseItem.from_parent(self, name=case.id, case=case, state=self._state, keep=self._keep)


class CaseItem(ExplainedItem):
    """One case; passes when every check passes."""

    def __init__(self, *, case: Case, state: SessionState, keep: Keep, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.case = case
        self._state = state
        self._keep = keep
        for tag in case.tags:
            self.extra_keyword_matches.add(tag)
        if case.expect.judges:
            self.extra_keyword_matches.add(f"{case.id}.judges")  # what the judges' cassette says to record

    def runtest(self) -> None:
        """Evaluate the case."""
        plan = self._state.settings.repeat_plan(self.case.target)
        evaluator = self._state.worker.case_evaluator()
        result, verdict = evaluate_repeatedly(evaluator, self.case, self.nodeid, plan, self._take)
        raise_unless_passed(result, verdict)

    def _take(self, evaluation: Evaluated) -> None:
        if not evaluation.is_kept:  # else there is no evidence that anything more could be made of
            self._keep(self, evaluation)
        self.stash.setdefault(RESULTS, []).append(evaluation.result)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the case file."""
        return self.path, 0, self.name


class BrokenCaseItem(ExplainedItem):
    """A case file that cannot be read."""

    def __init__(self, *, error: E2iError, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self._error = error

    def runtest(self) -> None:
        """Fail with the reason."""
        raise self._error

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the case file."""
        return self.path, 0, self.name
