"""Two runs, case beside case."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from e2i_eval.gate.runs.equality import same
from e2i_eval.gate.runs.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["RunPair", "paired"]

R = TypeVar("R", bound=Run)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPair(Generic[R]):
    """Two runs.

    Attributes:
        base: the run compared with.
        head: the run judged.
        shared: ids of the cases both have, in alphabetical order, as the other two.
        only_base: ids of the cases the head does not have.
        only_head: ids of the cases the base does not have.
    """

    base: R
    head: R
    shared: tuple[str, ...]
    only_base: tuple[str, ...]
    only_head: tuple[str, ...]

    @property
    def is_one_mode(self) -> bool:
        """Whether the same answered for Claude in both; not when that is unknown."""
        return self.base.mode == self.head.mode != ""

    def targets(self) -> dict[str, tuple[str, ...]]:
        """Return the shared cases by target, targets in alphabetical order."""
        return by_target(self.shared, self.base)

    def values(self, metric: str, names: Iterable[str]) -> dict[str, tuple[float | None, float | None]]:
        """Return a measurement of each of these shared cases, in base and head; None where it is not known."""
        base, head = self.base.cases, self.head.cases
        return {name: (base[name].measured.get(metric), head[name].measured.get(metric)) for name in names}

    def has_one_price(self, names: Iterable[str]) -> bool:
        """Tell whether costs can be compared: one price table, or one that leaves all costs of these cases alone."""
        if self.base.prices == self.head.prices:
            return True
        return all(same(*pair) for pair in self.values("cost_usd", names).values())

    def environment_changes(self) -> Iterator[tuple[str, str, str]]:
        """Yield key, base's value and head's value of what differs in versions and machine; ``absent`` for none."""
        there, here = self.base.environment, self.head.environment
        for key in sorted(there.keys() | here.keys()):
            if there.get(key) != here.get(key):
                yield key, there.get(key) or "absent", here.get(key) or "absent"


def paired(base: R, head: R) -> RunPair[R]:
    """Put two runs beside each other."""
    return RunPair(
        base=base,
        head=head,
        shared=tuple(sorted(base.cases.keys() & head.cases.keys())),
        only_base=tuple(sorted(base.cases.keys() - head.cases.keys())),
        only_head=tuple(sorted(head.cases.keys() - base.cases.keys())),
    )


def by_target(names: Iterable[str], run: Run) -> dict[str, tuple[str, ...]]:
    """Return these cases of a run by target, targets and cases in alphabetical order."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        found[run.cases[name].target].append(name)
    return {target: tuple(found[target]) for target in sorted(found)}
