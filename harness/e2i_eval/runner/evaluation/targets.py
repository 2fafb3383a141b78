"""The targets of a session as they are evaluated: each built once, with the contract of its logging."""

from __future__ import annotations

import contextlib
import difflib
from typing import TYPE_CHECKING

from e2i_eval.checks.contract import Contract, load_contract
from e2i_eval.checks.custom import custom_check, refuse_twins
from e2i_eval.core.errors import E2iError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.checks import NamedCheck
    from e2i_eval.config.settings import Settings, TargetSettings
    from e2i_eval.core.case import Case
    from e2i_eval.runner.target import BuiltTarget

__all__ = ["Targets", "refuse_wrong_code", "target_checks"]


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
            near = difflib.get_close_matches(name, known, n=1)
            what = f"there is no target {name!r}"
            raise UsageError(what, fix=f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}")
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
    """Refuse names of checks that lead nowhere, before anything runs; what is wrong with a target shows in its cases.

    Raises:
        UsageError: a check of a chosen target is none, or two have one name.
    """
    for target in settings.targets.values():
        if settings.is_chosen(target.name):
            target_checks(target)
