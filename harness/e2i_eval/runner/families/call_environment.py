"""The environment of a call: a seam of the user's, and variables, for the time of one evaluation."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from e2i_eval.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from e2i_eval.runner.families.declared import Declared

__all__ = ["call_environment"]


@contextlib.contextmanager
def call_environment(declared: Declared, environ: MutableMapping[str, str]) -> Iterator[None]:
    """Enter the seam of ``declared`` and set its variables for the block.

    Raises:
        UsageError: the seam does not import, does not exist, or breaks.
    """
    variables = declared.alteration.environment
    before = {name: environ.get(name) for name in variables}
    with contextlib.ExitStack() as stack:
        stack.callback(_restore, environ, before)
        environ.update(variables)
        if declared.alteration.seam:
            _enter(declared, stack)
        yield


def _restore(environ: MutableMapping[str, str], before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value


def _enter(declared: Declared, stack: contextlib.ExitStack) -> None:
    make = _seam(declared)
    try:
        stack.enter_context(make())
    except Exception as error:
        raise _wrong(declared, f"broke: {type(error).__name__}: {error}") from error


def _seam(declared: Declared) -> Any:  # noqa: ANN401  whatever the user's name stands for
    module_name, _, attribute = declared.alteration.seam.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise _wrong(declared, f"does not import: {type(error).__name__}: {error}") from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise _wrong(declared, f"is no function of {module_name}")
    return found


def _wrong(declared: Declared, what: str) -> UsageError:
    fix = "name a function without arguments that returns a context manager"
    return UsageError(f"seam = {declared.alteration.seam!r} {what}", where=declared.where, fix=fix)
