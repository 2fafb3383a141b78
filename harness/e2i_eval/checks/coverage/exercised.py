"""What one case exercised of its target, in the form that crosses from worker to controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2i_eval.checks.coverage.exercise import beyond, exercised, failed_nodes
from e2i_eval.checks.coverage.trace_events import trace_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.checks.coverage.event import Event
    from e2i_eval.checks.coverage.graph import Graph
    from e2i_eval.checks.coverage.part import GraphPart
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Exercised", "Names", "exercised_by"]

Names = Mapping[str, tuple[str, ...]]
"""Names of parts by kind, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercised:
    """What a case exercised.

    Attributes:
        in_trace: the parts that the server's traces show.
        in_process: those that were heard in the process only.
        offered: tools that Claude was offered in a request.
        failed: nodes that raised, whatever came of it.
        beyond: nodes that ran and that the target's graph does not declare.
    """

    in_trace: Names = field(default_factory=dict)
    in_process: Names = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "in_trace": {kind: list(names) for kind, names in self.in_trace.items()},
            "in_process": {kind: list(names) for kind, names in self.in_process.items()},
            "offered": list(self.offered),
            "failed": list(self.failed),
            "beyond": list(self.beyond),
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Exercised:
        """Read what ``to_json`` wrote."""
        return cls(
            in_trace={kind: tuple(names) for kind, names in data["in_trace"].items()},
            in_process={kind: tuple(names) for kind, names in data["in_process"].items()},
            offered=tuple(data["offered"]),
            failed=tuple(data["failed"]),
            beyond=tuple(data["beyond"]),
        )


def exercised_by(graph: Graph, heard: Sequence[Event], evidence: Evidence) -> Exercised:
    """Return what a case exercised: what its traces show, and what beside that was heard in the process.

    Tools are known by the wire: Claude was offered them, and called them.
    """
    traced = [trace_events(trace) for trace in evidence.traces or ()]
    shown = frozenset(part for events in traced for part in exercised(graph.parts, events))
    only_heard = exercised(graph.parts, heard) - shown
    in_traces = [event for events in traced for event in events]
    called = tuple(sorted(set(_called(evidence.exchanges))))
    return Exercised(
        in_trace=_by_kind(shown),
        in_process={**_by_kind(only_heard), **({"tools": called} if called else {})},
        offered=tuple(sorted(set(_offered(evidence.exchanges)))),
        failed=tuple(sorted(failed_nodes(heard or in_traces))),
        beyond=tuple(sorted(beyond(graph.parts, [*in_traces, *heard]))),
    )


def _by_kind(parts: Iterable[GraphPart]) -> Names:
    names: dict[str, list[str]] = {}
    for part in sorted(parts, key=lambda part: (part.kind, part.name)):
        names.setdefault(part.kind, []).append(part.name)
    return {kind: tuple(each) for kind, each in names.items()}


def _offered(exchanges: Iterable[Exchange]) -> Iterator[str]:
    for exchange in exchanges:
        tools = exchange.request.get("tools")
        yield from (str(tool["name"]) for tool in _objects(tools) if "name" in tool)


def _called(exchanges: Iterable[Exchange]) -> Iterator[str]:
    for exchange in exchanges:
        content = (exchange.response or {}).get("content")
        yield from (str(block.get("name")) for block in _objects(content) if block.get("type") == "tool_use")


def _objects(value: object) -> Iterator[JsonObject]:
    yield from (each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict))
