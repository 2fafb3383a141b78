"""The family runner: evaluates declared checks, and keeps the golden cases they start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import did_you_mean
from e2i_eval.dataset.case_file.files import CASE_SUFFIXES, case_files
from e2i_eval.dataset.case_file.reader import read_case
from e2i_eval.runner.families.call_environment import call_environment
from e2i_eval.runner.families.derived_case import derived_case
from e2i_eval.runner.families.family_check import Before, family_check

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, MutableMapping
    from typing import Protocol

    from e2i_eval.checks import NamedCheck
    from e2i_eval.core.case import Case
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.evaluation import Evaluation
    from e2i_eval.runner.families.declared import Declared
    from e2i_eval.runner.report import CaseResult

    class Evaluates(Protocol):
        """What the runner needs of an evaluator."""

        def evaluate(self, case: Case, nodeid: str, *, checks: tuple[NamedCheck, ...] = ()) -> Evaluation:
            """Evaluate a case."""

        def conclude(self, case: Case, nodeid: str, checks: tuple[NamedCheck, ...], basis: Evaluation) -> CaseResult:
            """Judge what was evaluated before."""

        def rebuilt(self, target: str) -> contextlib.AbstractContextManager[None]:
            """Build a target anew for a while."""

    class Elsewhere(Protocol):
        """Evaluates in another process."""

        def evaluate(self, declared: Declared, nodeid: str, before: Before) -> CaseResult:
            """Evaluate and judge there."""


__all__ = ["FamilyRunner", "golden_case"]


class FamilyRunner:
    """Evaluates declared checks one after another.

    A golden case that was evaluated in this process already is not evaluated again: ``keep`` it here.

    Args:
        settings: the session's.
        wanted: ids of the golden cases that checks start from; others are not kept.
        evaluator: made at first use.
        elsewhere: the new process, started at first use.
        environ: the process's environment.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        wanted: frozenset[str],
        evaluator: Callable[[], Evaluates],
        elsewhere: Callable[[], Elsewhere],
        environ: MutableMapping[str, str],
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._evaluator = evaluator
        self._elsewhere = elsewhere
        self._environ = environ
        self._kept: dict[str, Evaluation] = {}

    def keep(self, evaluation: Evaluation) -> None:
        """Keep an evaluated golden case, if a check starts from it; the first one of several repetitions."""
        case_id = evaluation.evidence.case.id
        if case_id in self._wanted:
            self._kept.setdefault(case_id, evaluation)

    def before(self, declared: Declared) -> Before | None:
        """Return what is known of the case ``declared`` starts from; None when it was not evaluated yet."""
        basis = self._kept.get(declared.case_id)
        return before_of(basis) if basis else None

    def evaluate(self, declared: Declared, nodeid: str) -> CaseResult:
        """Evaluate one declared check.

        Raises:
            UsageError: its case, its seam or its target is wrong.
        """
        golden = self._golden(declared.case_id, declared)
        basis = self._basis(golden, nodeid)
        before = before_of(basis)
        if declared.family == "fresh-process":
            return self._elsewhere().evaluate(declared, nodeid, before)
        check = family_check(declared, before)
        case = derived_case(declared, golden, lambda case_id: self._golden(case_id, declared))
        if declared.alteration.is_nothing:
            return self._evaluator().conclude(case, nodeid, (check,), basis)
        if not declared.alteration.is_around_target:
            return self._evaluator().evaluate(case, nodeid, checks=(check,)).result
        with call_environment(declared, self._environ), self._evaluator().rebuilt(declared.target):
            return self._evaluator().evaluate(case, nodeid, checks=(check,)).result

    def _basis(self, golden: Case, nodeid: str) -> Evaluation:
        if golden.id not in self._kept:
            self._kept[golden.id] = self._evaluator().evaluate(golden, nodeid)
        return self._kept[golden.id]

    def _golden(self, case_id: str, declared: Declared) -> Case:
        return golden_case(self._settings, case_id, declared)


def before_of(basis: Evaluation) -> Before:
    """Return what a check needs to know of the golden case it starts from."""
    run = basis.evidence.run
    return Before(
        case=basis.evidence.case,
        output=run.output,
        error=run.error.type if run.error else "",
        status=basis.result.status,
        evidence=basis.evidence,
    )


def golden_case(settings: Settings, case_id: str, declared: Declared) -> Case:
    """Read a golden case by its id.

    Raises:
        CaseFileError: its file is wrong.
        UsageError: there is no such file.
    """
    files = [settings.cases / f"{case_id}{suffix}" for suffix in CASE_SUFFIXES]
    file = next((each for each in files if each.is_file()), None)
    if file is None:
        target, _, name = case_id.partition("/")
        known = [each.stem for each in case_files(settings.cases / target)]
        what = f"{declared.id}: there is no golden case {case_id!r}{did_you_mean(name, known)}"
        raise UsageError(what, where=declared.where, fix=f"write {files[0]}, or name another case")
    return read_case(file, root=settings.root, known_targets=settings.targets)
