"""The coverage of a target: each part of its graph, and how many of the session's cases exercise it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from e2i_eval.checks.coverage.graph import KINDS, Kind
from e2i_eval.core.json_codec import fields_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from e2i_eval.checks.coverage.exercised import Exercised
    from e2i_eval.checks.coverage.graph import Graph

__all__ = ["CoveredPart", "TargetCoverage", "cover", "coverage_metrics"]

Known = Literal["trace", "process", "wire", ""]
"""By what it is known: the server's trace, the callbacks of the process alone, the wire; empty for not exercised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredPart:
    """One part.

    Attributes:
        kind: what it is.
        name: unique among the parts of its kind.
        cases: how many runs of cases exercise it.
        known: by what that is known.
    """

    kind: Kind
    name: str
    cases: int
    known: Known

    def to_json(self) -> list[str | int]:
        """Return the part as a list of four, a line of the report."""
        return [self.kind, self.name, self.cases, self.known]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> CoveredPart:
        """Read what ``to_json`` wrote."""
        kind, name, cases, known = data
        return cls(kind=kind, name=name, cases=cases, known=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCoverage:
    """What the session's cases exercise of one target.

    Attributes:
        target: its name.
        runs: how many runs of cases were looked at.
        parts: all of them, in the order of the graph.
        why_none: why there is no graph to cover; empty when there is one.
        unknown: what cannot be judged and why, one sentence each; a target with any is not whole.
        failed: nodes that raised in some case, whatever came of it.
        beyond: nodes that ran and that the graph does not declare.
    """

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    target: str
    runs: int
    parts: tuple[CoveredPart, ...] = ()
    why_none: str = ""
    unknown: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()

    @property
    def has_graph(self) -> bool:
        """Whether there is something to cover, or there should be."""
        return not self.why_none

    @property
    def is_whole(self) -> bool:
        """Whether every part was exercised and nothing is unknown."""
        return self.has_graph and not self.unknown and all(part.cases for part in self.parts)

    def of(self, kind: Kind) -> tuple[CoveredPart, ...]:
        """Return the parts of one kind."""
        return tuple(part for part in self.parts if part.kind == kind)

    def missing(self, kind: Kind) -> tuple[str, ...]:
        """Return the names of the parts of one kind that no case exercises."""
        return tuple(part.name for part in self.of(kind) if not part.cases)

    def counts(self) -> dict[Kind, tuple[int, int]]:
        """Return, for each kind that the graph has, how many parts were exercised and how many there are."""
        found = {kind: self.of(kind) for kind in KINDS}
        return {kind: (sum(part.cases > 0 for part in parts), len(parts)) for kind, parts in found.items() if parts}

    def to_json(self) -> dict[str, object]:
        """Return the coverage as plain JSON; ``counts`` and ``missing`` are there for a reader, and not read back."""
        return {
            "target": self.target,
            "runs": self.runs,
            "counts": {kind: {"exercised": hit, "declared": total} for kind, (hit, total) in self.counts().items()},
            "missing": {kind: list(names) for kind in KINDS if (names := self.missing(kind))},
            **fields_to_json(self),
        }


def cover(target: str, graph: Graph | None, exercised: Sequence[Exercised | None]) -> TargetCoverage:
    """Join what the runs of a target's cases exercised.

    Args:
        target: its name.
        graph: what it declares; None when it could not be read.
        exercised: one a run; None for a run of which nothing is known.
    """
    known = [each for each in exercised if each is not None]
    lost = len(exercised) - len(known)
    unheard = (f"what {lost} of {len(exercised)} runs exercise is not known",) if lost else ()
    if graph is None:
        unread = "its graph was not read: the target was never built"
        return TargetCoverage(target=target, runs=len(exercised), unknown=(unread,))
    if graph.why_none:
        unknown = (graph.why_none,) if graph.is_broken else ()
        why = "" if graph.is_broken else graph.why_none
        return TargetCoverage(target=target, runs=len(exercised), why_none=why, unknown=unknown)
    return TargetCoverage(
        target=target,
        runs=len(exercised),
        parts=tuple(_parts(graph, known)),
        unknown=(*graph.notes, *unheard),
        failed=_sorted(each.failed for each in known),
        beyond=_sorted(each.beyond for each in known),
    )


def coverage_metrics(coverages: Iterable[TargetCoverage], target: str) -> dict[str, float]:
    """Return the shares and the counts of a target for its run on the server; nothing for a kind it has none of."""
    found: dict[str, float] = {}
    for coverage in coverages:
        if coverage.target == target:
            for kind, (hit, total) in coverage.counts().items():
                found[f"coverage.{kind}"] = hit / total
                found[f"coverage.{kind}_missing"] = float(total - hit)
    return found


def _parts(graph: Graph, known: Sequence[Exercised]) -> Iterator[CoveredPart]:
    traced = _counted(each.in_trace for each in known)
    every = traced + _counted(each.in_process for each in known)
    for part in graph.parts:
        if part.kind != "tools":
            key = part.kind, part.name
            witness: Known = "trace" if traced[key] else "process" if every[key] else ""
            yield CoveredPart(kind=part.kind, name=part.name, cases=every[key], known=witness)
    for name in sorted({part.name for part in graph.parts if part.kind == "tools"} | set(_offered(known))):
        cases = every["tools", name]
        yield CoveredPart(kind="tools", name=name, cases=cases, known="wire" if cases else "")


def _offered(known: Sequence[Exercised]) -> Iterator[str]:
    yield from (name for each in known for name in each.offered)


def _counted(every: Iterable[Mapping[str, tuple[str, ...]]]) -> Counter[tuple[str, str]]:
    return Counter((kind, name) for names in every for kind, each in names.items() for name in each)


def _sorted(every: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({name for names in every for name in names}))
