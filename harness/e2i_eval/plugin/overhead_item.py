"""The overhead of one target as one pytest item: ``overhead::causal_impact``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from e2i_eval.plugin.explained_item import ExplainedFailure
from e2i_eval.plugin.target_item import TargetItem
from e2i_eval.report.overhead import difference_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.core.overhead_result import OverheadResult

__all__ = ["OVERHEADS", "NotTransparent", "OverheadItem"]

OVERHEADS = pytest.StashKey[list["OverheadResult"]]()
"""What one item measured."""


class NotTransparent(ExplainedFailure):
    """A caller notices logging, or the server does not have what was logged."""

    def __init__(self, results: Iterable[OverheadResult]) -> None:
        super().__init__(line for result in results for line in difference_lines(result))


class OverheadItem(TargetItem["Iterable[OverheadResult]"]):
    """What logging costs the callers of one target; fails when they notice it otherwise than by waiting.

    Each result is given as soon as it is known.
    """

    kind: ClassVar[str] = "overhead"

    def runtest(self) -> None:
        """Measure; how much is too much is for a rule of the gate to say."""
        results = self.stash.setdefault(OVERHEADS, [])
        for result in self._measure(self.name, self.nodeid):
            results.append(result)
        if any(result.differences for result in results):
            raise NotTransparent(results)
