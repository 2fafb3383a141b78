"""An entry point: a name in the project's code, written ``module:attribute``."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import sys
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import UsageError
from e2i_eval.core.suggestion import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RAISED_BY_TARGETS", "load_entry_point"]

RAISED_BY_TARGETS = (Exception, SystemExit, asyncio.CancelledError)
"""What code under evaluation may raise without ending the session; Ctrl-C still does."""


def load_entry_point(value: str, *, subject: str, where: str) -> Any:  # noqa: ANN401  it may name anything
    """Import what ``value`` names.

    Args:
        value: ``module:attribute``, or ``module:attribute.attribute``.
        subject: what messages begin with: ``entry = 'shop.agents:build' of target 'support'``.
        where: ``file:line`` of it.

    Raises:
        UsageError: the module or the attribute does not exist, or importing it raises.
    """
    module_name, _, attribute = value.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except RAISED_BY_TARGETS as error:
        what = f"{subject} does not import: {type(error).__name__}: {error}"
        fix = f"check it with: {sys.executable} -c 'import {module_name}'"
        raise UsageError(what, where=where, fix=f"{_guess(_module_like(error))}{fix}") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [name for name in dir(found) if not name.startswith("_")]
            what = f"{subject}: {module_name} has no {part!r}"
            guess = _guess(nearest(part, public, count=1))
            raise UsageError(what, where=where, fix=f"{guess}it has: {', '.join(public) or 'nothing'}")
        found = getattr(found, part)
    return found


def _guess(names: Iterable[str]) -> str:
    return "".join(f"did you mean {name!r}? " for name in names)


def _module_like(error: BaseException) -> tuple[str, ...]:
    """Return the module that was meant, if one beside the missing one is called nearly the same."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return ()
    package, _, name = error.name.rpartition(".")
    folders = getattr(sys.modules.get(package), "__path__", None) if package else None
    beside = {module.name for module in pkgutil.iter_modules(folders) if folders or not package}
    return tuple(f"{package}.{found}".lstrip(".") for found in nearest(name, beside, count=1))
