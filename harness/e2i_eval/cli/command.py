"""A command of ``e2i-eval``, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

__all__ = ["Command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One word after ``e2i-eval``.

    Attributes:
        name: the word.
        help: one line for ``--help``.
        arguments: declares what it takes; must be quick, ``--help`` of every command calls it.
        run: does it and returns the exit code; what it needs is imported inside.
        takes_rest: what stands behind ``--`` is its own, as ``rest``.
    """

    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    takes_rest: bool = False
