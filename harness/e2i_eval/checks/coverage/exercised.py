"""What one case exercised of its target: which parts of its graph a witness saw at work."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from e2i_eval.checks.coverage.event import trace_events
from e2i_eval.checks.coverage.graph import END, START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from e2i_eval.checks.coverage.event import Event
    from e2i_eval.checks.coverage.graph import Graph, GraphPart, Kind
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Exercised", "Names", "beyond", "exercised", "exercised_by", "failed_nodes"]

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

    IGNORES_UNKNOWN_KEYS: ClassVar[bool] = True

    in_trace: Names = field(default_factory=dict)
    in_process: Names = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRun:
    """One run of a node, its retries taken together.

    Attributes:
        scope: the run of the graph it was in.
        step: the graph's step; None when unknown.
        attempts: how often it was tried.
        is_done: the last attempt returned.
        said: where its ``Command`` led.
    """

    scope: str
    step: int | None
    attempts: int
    is_done: bool
    said: frozenset[str]


@dataclass(slots=True)
class Trail:
    """The events of one call, in the forms in which they are asked for.

    Attributes:
        runs: by place and node.
        routes: what routing functions said, by place, node and the function's name.
        children: how often something ran directly inside a node, by place, node and name.
        first: the first step of each run of a graph.
    """

    runs: dict[tuple[str, str], list[NodeRun]] = field(default_factory=lambda: defaultdict(list))
    routes: dict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    children: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)


def exercised(parts: Iterable[GraphPart], events: Sequence[Event]) -> frozenset[GraphPart]:
    """Return the parts that the events show at work.

    A node: it ran. An edge: its source returned and its target ran in the next step, later if it waits. A branch: the
    routing function that runs inside the source named it. A retry: one run of the node has several attempts. An error
    handler or a fallback: it ran inside its node.
    """
    trail = _trail(events)
    return frozenset(part for part in parts if _SEEN[part.kind](part, trail))


def beyond(parts: Sequence[GraphPart], events: Iterable[Event]) -> frozenset[str]:
    """Return the nodes that ran and that the graph does not declare: of graphs built while a node ran."""
    known = {(part.place, part.source) for part in parts if part.kind == "nodes"}
    known |= {(_inside(part), part.target) for part in parts if part.kind == "error_paths"}
    ran = {(event.place, event.node) for event in events if event.is_node and event.node not in {START, END}}
    return frozenset(f"{place}/{node}".lstrip("/") for place, node in ran - known)


def failed_nodes(events: Iterable[Event]) -> frozenset[str]:
    """Return the nodes that raised, whatever came of it."""
    return frozenset(f"{each.place}/{each.node}".lstrip("/") for each in events if each.is_node and each.failed)


def _trail(events: Sequence[Event]) -> Trail:
    trail = Trail()
    attempts: dict[tuple[str, str, int | None], list[Event]] = defaultdict(list)
    nodes = {event.id: event for event in events if event.is_node}
    for event in events:
        if event.is_node:
            # without a namespace, runs of one node in one step cannot be distinguished
            attempts[event.namespace or event.id, event.node, event.step].append(event)
        elif around := nodes.get(event.parent):
            trail.routes[around.place, around.node, event.name].update(event.said)
            trail.children[around.place, around.node, event.name] += 1
    for (_, node, step), tried in attempts.items():
        run = _node_run(tried)
        trail.runs[tried[0].place, node].append(run)
        if step is not None and node != START:
            trail.first[run.scope] = min(step, trail.first.get(run.scope, step))
    return trail


def _node_run(tried: Sequence[Event]) -> NodeRun:
    return NodeRun(
        scope=tried[0].scope,
        step=tried[0].step,
        attempts=len(tried),
        is_done=not tried[-1].failed,
        said=frozenset(tried[-1].said),
    )


def _is_node_seen(part: GraphPart, trail: Trail) -> bool:
    return bool(trail.runs.get((part.place, part.source)))


def _is_edge_seen(part: GraphPart, trail: Trail) -> bool:
    targets = trail.runs.get((part.place, part.target), [])
    if part.source == START:
        return part.target == END or any(run.step is not None and run.step == trail.first[run.scope] for run in targets)
    done = [run for run in trail.runs.get((part.place, part.source), []) if run.is_done]
    if part.target == END:
        return bool(done)
    return any(_follows(before, after, waits=part.waits) for before in done for after in targets)


def _follows(before: NodeRun, after: NodeRun, *, waits: bool) -> bool:
    if before.scope != after.scope or before.step is None or after.step is None:
        return False
    return after.step > before.step if waits else after.step == before.step + 1


def _is_branch_seen(part: GraphPart, trail: Trail) -> bool:
    if part.via == "goto":
        return any(part.target in run.said for run in trail.runs.get((part.place, part.source), []))
    return part.label in trail.routes.get((part.place, part.source, part.via), ())


def _is_retry_seen(part: GraphPart, trail: Trail) -> bool:
    return any(run.attempts > 1 for run in trail.runs.get((part.place, part.source), []))


def _is_error_path_seen(part: GraphPart, trail: Trail) -> bool:
    if part.via == "fallback":
        return trail.children[part.place, part.source, part.target] >= part.nth
    return bool(trail.runs.get((_inside(part), part.target)))


def _inside(part: GraphPart) -> str:
    """Return the place of a node's error handler: LangGraph runs it as if it were inside the node that raised."""
    return f"{part.place}/{part.source}".lstrip("/")


def _is_tool_seen(part: GraphPart, trail: Trail) -> bool:
    """Tools are known by the wire, not by events."""
    del part, trail
    return False


_SEEN: Mapping[Kind, Callable[[GraphPart, Trail], bool]] = {
    "nodes": _is_node_seen,
    "edges": _is_edge_seen,
    "branches": _is_branch_seen,
    "tools": _is_tool_seen,
    "retries": _is_retry_seen,
    "error_paths": _is_error_path_seen,
}
