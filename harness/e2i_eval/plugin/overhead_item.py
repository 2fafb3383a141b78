"""The overhead of one target as one pytest item: ``overhead::causal_impact``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from e2i_eval.errors import E2iError
from e2i_eval.render.overhead import difference_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from e2i_eval.overhead_result import OverheadResult

__all__ = ["OVERHEAD", "OVERHEADS", "NotTransparent", "OverheadCollector", "OverheadItem"]

OVERHEAD = "overhead"
"""What the ids of all these items begin with."""

Measure: TypeAlias = "Callable[[str, str], Iterable[OverheadResult]]"
"""From target and item to its results, each given as soon as it is known."""

OVERHEADS = pytest.StashKey[list["OverheadResult"]]()
"""What one item measured."""


class NotTransparent(Exception):  # noqa: N818  reads as what it is in a traceback
    """A caller notices logging, or the server does not have what was logged."""

    def __init__(self, results: Iterable[OverheadResult]) -> None:
        super().__init__("\n".join(line for result in results for line in difference_lines(result)))


class OverheadCollector(pytest.Collector):
    """All targets to be measured; not found in any folder, and so made by the session itself."""

    def __init__(self, *, targets: Iterable[str], measure: Measure, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self._targets = tuple(targets)
        self._measure = measure

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each target."""
        for target in self._targets:
            yield OverheadItem.from_parent(self, name=target, measure=self._measure)


class OverheadItem(pytest.Item):
    """What logging costs the callers of one target; fails when they notice it otherwise than by waiting."""

    def __init__(self, *, measure: Measure, **kwargs: Any) -> None:  # noqa: ANN401  pytest's own arguments
        super().__init__(**kwargs)
        self._measure = measure
        self.extra_keyword_matches.add(OVERHEAD)

    def runtest(self) -> None:
        """Measure; how much is too much is for a rule of the gate to say."""
        results = self.stash.setdefault(OVERHEADS, [])
        for result in self._measure(self.name, self.nodeid):
            results.append(result)
        if any(result.differences for result in results):
            raise NotTransparent(results)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401
        """Show what is wrong, without the plugin's own traceback."""
        if isinstance(excinfo.value, (NotTransparent, E2iError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the configuration, where the target stands."""
        return self.config.rootpath / "pyproject.toml", 0, f"{OVERHEAD}::{self.name}"
