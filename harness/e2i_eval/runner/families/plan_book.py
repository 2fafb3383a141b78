"""The plan book: what the families files of a project's targets say, each file read once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import quoted
from e2i_eval.runner.families.families_file import read_families
from e2i_eval.runner.families.provenance_check import default_checks_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2i_eval.checks import NamedCheck
    from e2i_eval.runner.config.settings import Settings
    from e2i_eval.runner.families.declared import FamilyPlan

__all__ = ["PlanBook"]


class PlanBook:
    """Plans by target.

    Args:
        settings: whose targets.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files: dict[Path, dict[str, FamilyPlan] | UsageError] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """The families files of the chosen targets, each once."""
        return tuple(dict.fromkeys(file for name in self._chosen() if (file := self._file(name)) is not None))

    def targets(self, file: Path) -> tuple[str, ...]:
        """Return the chosen targets that name ``file``, in the order of the configuration."""
        return tuple(name for name in self._chosen() if self._file(name) == file)

    def plan(self, target: str) -> FamilyPlan | None:
        """Return the plan of ``target``; None when it names no families file.

        Raises:
            UsageError: the file is wrong, or has no table for the target.
        """
        file = self._file(target)
        if file is None:
            return None
        plans = self._read(file)
        if target not in plans:
            what = f"there is no table [targets.{target}]"
            fix = f"add it, or take `families` out of the target's configuration; it has {quoted(plans)}"
            raise UsageError(what, where=str(file), fix=fix)
        return plans[target]

    def default_checks(self, target: str) -> tuple[NamedCheck, ...]:
        """Return the checks that the families add to every case of ``target``.

        Raises:
            UsageError: as ``plan``.
        """
        plan = self.plan(target)
        return default_checks_of(plan) if plan else ()

    def wanted(self) -> frozenset[str]:
        """Return the ids of all golden cases that a check starts from; of files that can be read."""
        return frozenset(case_id for plan in self._readable() for case_id in plan.cases)

    def notes(self) -> tuple[str, ...]:
        """Say of each target with families which of them it neither uses nor gives a reason against."""
        return tuple(
            f"{plan.where}: check families not used on {plan.target}, without a reason under not_applicable: "
            f"{', '.join(plan.undeclared)}"
            for plan in self._readable()
            if plan.undeclared
        )

    def _readable(self) -> Iterator[FamilyPlan]:
        for target in self._chosen():
            with contextlib.suppress(UsageError):  # collection makes it an item that fails
                if plan := self.plan(target):
                    yield plan

    def _chosen(self) -> tuple[str, ...]:
        return tuple(name for name in self._settings.targets if self._settings.is_chosen(name))

    def _file(self, target: str) -> Path | None:
        settings = self._settings.targets.get(target)
        return settings.families if settings else None

    def _read(self, file: Path) -> dict[str, FamilyPlan]:
        if file not in self._files:
            try:
                self._files[file] = read_families(file, root=self._settings.root)
            except UsageError as error:
                self._files[file] = error
        found = self._files[file]
        if isinstance(found, UsageError):
            raise found
        return found
