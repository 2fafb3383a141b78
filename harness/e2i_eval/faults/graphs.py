"""Changing a compiled LangGraph graph: a node more, a node less, a node twice."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from e2i_eval.faults.fault import Target

__all__ = ["with_extra_node", "with_loop", "without_node"]

EXTRA = "one_more"


def with_extra_node(function: Target, nodes: Collection[str]) -> Target | None:
    """Return a target whose graph has one node more between two of ``nodes``; None where it has no such edge."""

    def edit(builder: Any) -> bool:  # noqa: ANN401  a StateGraph
        edge = next(((one, other) for one, other in sorted(builder.edges) if {one, other} <= set(nodes)), None)
        if edge is None:
            return False
        builder.edges.discard(edge)
        builder.add_node(EXTRA, lambda _state: {})
        builder.add_edge(edge[0], EXTRA)
        builder.add_edge(EXTRA, edge[1])
        return True

    return _edited(function, edit)


def without_node(function: Target, nodes: Collection[str]) -> Target | None:
    """Return a target whose graph leaves one of ``nodes`` out; None where none can be."""

    def edit(builder: Any) -> bool:  # noqa: ANN401  a StateGraph
        for node in nodes:
            before = [edge for edge in builder.edges if edge[1] == node]
            after = [edge for edge in builder.edges if edge[0] == node]
            if before and len(after) == 1 and not builder.branches.get(node):
                builder.edges -= {*before, *after}
                builder.edges |= {(one, after[0][1]) for one, _ in before}
                del builder.nodes[node]
                return not _is_chosen(builder, node)
        return False

    return _edited(function, edit)


def with_loop(function: Target, nodes: Collection[str]) -> Target | None:
    """Return a target whose graph runs one of ``nodes`` twice; None where none can be."""

    def edit(builder: Any) -> bool:  # noqa: ANN401  a StateGraph
        for node in nodes:
            after = [edge for edge in builder.edges if edge[0] == node]
            if len(after) == 1 and not builder.branches.get(node):
                builder.edges -= set(after)
                builder.add_conditional_edges(node, _Once(node, after[0][1]).__call__, [node, after[0][1]])
                return True
        return False

    return _edited(function, edit)


class _Once:
    """A routing function that goes back once a call."""

    def __init__(self, back: str, on: str) -> None:
        self._next = [back, on]

    def __call__(self, _state: object) -> str:
        return self._next.pop(0) if len(self._next) > 1 else self._next[0]


def _edited(function: Target, edit: Callable[[Any], bool]) -> Target | None:
    """Return the target with its graph's builder edited and compiled anew; None where it is no graph."""
    runnable = getattr(function, "__self__", None)
    wrappers = []
    while runnable is not None and not hasattr(runnable, "builder"):
        wrappers.append(runnable)
        runnable = getattr(runnable, "bound", None)
    if runnable is None:
        return None
    builder = copy.copy(runnable.builder)
    builder.compiled = False
    for name in ("nodes", "edges", "branches"):
        setattr(builder, name, copy.copy(getattr(builder, name)))
    if not edit(builder):
        return None
    graph: Any = builder.compile(checkpointer=runnable.checkpointer, store=runnable.store, name=runnable.name)
    graph.config = runnable.config  # with_config puts callbacks here
    for wrapper in reversed(wrappers):
        graph = wrapper.model_copy(update={"bound": graph})
    edited: Target = getattr(graph, getattr(function, "__name__", "invoke"))
    return edited


def _is_chosen(builder: Any, node: str) -> bool:  # noqa: ANN401  a StateGraph
    """Tell whether a routing function may still choose ``node``."""
    branches = (branch for each in builder.branches.values() for branch in each.values())
    return any(branch.ends is None or node in branch.ends.values() for branch in branches)
