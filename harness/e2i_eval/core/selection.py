"""A selection: how much of a project's tests a session was asked to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["Selection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was run of what could have been.

    Attributes:
        collected: tests that were to run.
        deselected: tests that were found and left out.
        flags: what narrows a run, as a person would type it (``-k drift``, ``--e2i-target=rag``, a path).
    """

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    collected: int
    deselected: int = 0
    flags: tuple[str, ...] = ()

    def gaps(self) -> Iterator[str]:
        """Yield why this is not the whole, a sentence each; nothing for a whole run."""
        if self.flags:
            yield f"the run was narrowed by {', '.join(self.flags)}"
        if self.deselected:
            yield f"{self.deselected} tests were deselected"
        if not self.collected:
            yield "no test was collected"
