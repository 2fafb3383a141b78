"""The duet of one target as one pytest item: ``duet::causal_impact``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.errors import E2iError, UnknownError
from e2i_eval.plugin.inconclusive import Inconclusive
from e2i_eval.render.duet import shift_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from e2i_eval.latency_shift import LatencyShift

    Measure = Callable[[str, str], tuple[tuple[LatencyShift, ...], tuple[str, ...]]]
    """From target and item to what is found, and how it was measured, a sentence each."""

__all__ = ["DUET", "DuetCollector", "DuetItem", "Slower"]

DUET = "duet"
"""What the ids of all these items begin with."""


class Slower(Exception):  # noqa: N818  reads as what it is in a traceback
    """A target takes longer than it did in the base."""

    def __init__(self, target: str, lines: Iterable[str]) -> None:
        super().__init__("\n".join([f"{target} has become slower", *(f"    {line}" for line in lines)]))


class DuetCollector(pytest.Collector):
    """All targets to be measured; not found in any folder, and so made by the session itself."""

    def __init__(self, *, targets: Iterable[str], measure: Measure, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self._targets = tuple(targets)
        self._measure = measure

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each target."""
        for target in self._targets:
            yield DuetItem.from_parent(self, name=target, measure=self._measure)


class DuetItem(pytest.Item):
    """Head against base of one target; fails when a part of its time has grown."""

    def __init__(self, *, measure: Measure, **kwargs: Any) -> None:  # noqa: ANN401  pytest's own arguments
        super().__init__(**kwargs)
        self._measure = measure
        self.extra_keyword_matches.add(DUET)

    def runtest(self) -> None:
        """Measure and judge."""
        try:
            shifts, conditions = self._measure(self.name, self.nodeid)
        except UnknownError as error:  # it could not be measured, which says nothing for or against the target
            raise Inconclusive(error.what, tuple(filter(None, (error.where, error.fix)))) from error
        self.user_properties += [(f"duet.{each.part}.shift_ms", round(each.shift_ms.value, 3)) for each in shifts]
        self.user_properties.append(("duet.measured", "; ".join(conditions)))
        lines = (*shift_lines(shifts), *conditions)
        if any(each.status == "fail" for each in shifts):
            raise Slower(self.name, lines)
        undecided = [each for each in shifts if each.status == "inconclusive"]
        if undecided:
            reason = f"{undecided[0].part}: {undecided[0].reason}"
            raise Inconclusive(reason, lines)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401
        """Show what is wrong, without the plugin's own traceback."""
        if isinstance(excinfo.value, (Slower, E2iError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the configuration, where the target stands."""
        return self.config.rootpath / "pyproject.toml", 0, f"{DUET}::{self.name}"
