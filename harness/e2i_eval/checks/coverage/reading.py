"""From a compiled LangGraph graph to its parts; LangGraph itself is not imported, its objects are looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.coverage.graph import END, START, Graph, GraphPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["is_graph", "read_graph"]

DEEPEST = 6
"""Graphs inside graphs; one that contains itself would never end."""

GOTO = "goto"
SHOWN = {START: "START", END: "END"}


def read_graph(runnable: object) -> Graph:
    """Return the parts of a target.

    Subgraphs are read as LangGraph finds them: compiled graphs that are nodes, or that a node's function refers to.
    A graph that is only built while a node runs is not part of it.

    Args:
        runnable: what was built from the target's entry point; None when that is a plain callable.
    """
    compiled = _unwrapped(runnable)
    if compiled is None:
        return Graph(why_none="it is a plain callable, no LangGraph graph")
    if not _is_graph(compiled):
        return Graph(why_none=f"it is a {type(compiled).__name__}, no LangGraph graph")
    try:
        parts, notes = _read(compiled, "", 0)
    except Exception as error:  # noqa: BLE001  a graph of another version must not cost a case its verdicts
        why = f"its graph could not be read: {type(error).__name__}: {error}"
        return Graph(why_none=why, is_broken=True)
    return Graph(parts=tuple(_named_apart(parts)), notes=tuple(notes))


def _unwrapped(runnable: Any) -> Any:  # noqa: ANN401  whatever a target is
    """Return what is behind ``with_config`` and its like."""
    for _ in range(DEEPEST):
        if _is_graph(runnable) or getattr(runnable, "bound", None) is None:
            break
        runnable = runnable.bound
    return runnable


def is_graph(value: object) -> bool:
    """Tell whether ``value`` is a compiled LangGraph graph, also behind ``with_config`` and its like."""
    return _is_graph(_unwrapped(value))


def _is_graph(value: object) -> bool:
    builder = getattr(value, "builder", None)
    return all(hasattr(builder, name) for name in ("nodes", "edges", "branches"))


def _read(compiled: Any, place: str, depth: int) -> tuple[list[GraphPart], list[str]]:  # noqa: ANN401  as above
    builder = compiled.builder
    notes: list[str] = []
    parts = [
        *_nodes(builder, place),
        *_edges(builder, place),
        *_branches(builder, place, notes),
        *_beside(builder, place),
    ]
    if depth < DEEPEST:
        for name, inner in compiled.get_subgraphs():
            if _is_graph(inner):
                more, said = _read(inner, f"{place}/{name}".lstrip("/"), depth + 1)
                parts += more
                notes += said
    return parts, notes


def _nodes(builder: Any, place: str) -> Iterator[GraphPart]:  # noqa: ANN401  as above
    for name, spec in builder.nodes.items():
        if getattr(spec, "is_error_handler", False):
            continue  # an error path, see below
        yield GraphPart(kind="nodes", name=_at(place, name), place=place, source=name)


def _edges(builder: Any, place: str) -> Iterator[GraphPart]:  # noqa: ANN401  as above
    order = [START, *builder.nodes, END]
    single = sorted(builder.edges, key=lambda edge: (order.index(edge[0]), order.index(edge[1])))
    joined = [(source, target) for sources, target in sorted(builder.waiting_edges) for source in sources]
    for source, target in [*single, *joined]:
        waits = (source, target) in joined or bool(getattr(builder.nodes.get(target), "defer", False))
        name = _at(place, f"{_shown(source)} → {_shown(target)}")
        yield GraphPart(kind="edges", name=name, place=place, source=source, target=target, waits=waits)


def _branches(builder: Any, place: str, notes: list[str]) -> Iterator[GraphPart]:  # noqa: ANN401  as above
    for source, routes in builder.branches.items():
        for shown, branch in routes.items():
            via = str(branch.path.get_name())
            if not branch.ends:
                where = _at(place, _shown(source))
                notes.append(f"the routing function {shown} of {where} does not declare where it can lead")
                continue
            for label, target in branch.ends.items():
                word = shown if str(label) == target else f"{shown}: {label}"
                name = _at(place, f"{_shown(source)} → {_shown(target)} ({word})")
                yield GraphPart(
                    kind="branches", name=name, place=place, source=source, target=target, via=via, label=str(label)
                )
    for source, spec in builder.nodes.items():
        for target in _destinations(spec):
            name = _at(place, f"{source} → {_shown(target)} ({GOTO})")
            yield GraphPart(
                kind="branches", name=name, place=place, source=source, target=target, via=GOTO, label=target
            )


def _destinations(spec: Any) -> Iterable[str]:  # noqa: ANN401  as above
    """Return where a node's ``Command`` may lead, as its return type or ``destinations`` declares."""
    ends = getattr(spec, "ends", None) or ()
    return [str(each) for each in ends]


def _beside(builder: Any, place: str) -> Iterator[GraphPart]:  # noqa: ANN401  as above
    """Yield retries, error paths and tools."""
    for name, spec in builder.nodes.items():
        if getattr(spec, "retry_policy", None):
            yield GraphPart(kind="retries", name=_at(place, name), place=place, source=name)
        if handler := getattr(spec, "error_handler_node", None):
            shown = _at(place, f"{name} → error handler")
            yield GraphPart(kind="error_paths", name=shown, place=place, source=name, target=str(handler))
        yield from _fallbacks(name, spec.runnable, place)
        tools = getattr(spec.runnable, "tools_by_name", None)
        for tool in tools if isinstance(tools, Mapping) else ():
            yield GraphPart(kind="tools", name=str(tool))


def _fallbacks(node: str, runnable: Any, place: str) -> Iterator[GraphPart]:  # noqa: ANN401  as above
    """Yield the fallbacks of a node made by ``with_fallbacks``."""
    fallbacks = getattr(runnable, "fallbacks", None) or ()
    if not fallbacks or not hasattr(runnable, "runnable"):
        return
    names = [str(each.get_name()) for each in (runnable.runnable, *fallbacks)]
    seen = Counter(names[:1])
    for name in names[1:]:
        seen[name] += 1
        shown = _at(place, f"{node} → {name} (fallback)")
        yield GraphPart(
            kind="error_paths", name=shown, place=place, source=node, target=name, via="fallback", nth=seen[name]
        )


def _named_apart(parts: Iterable[GraphPart]) -> Iterator[GraphPart]:
    """Yield parts with names of their own: tools of two nodes are one, two fallbacks of one name are two."""
    seen: Counter[tuple[str, str]] = Counter()
    for part in parts:
        key = part.kind, part.name
        seen[key] += 1
        if seen[key] == 1:
            yield part
        elif part.kind != "tools":
            yield replace(part, name=f"{part.name} #{seen[key]}")


def _at(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def _shown(name: str) -> str:
    return SHOWN.get(name, name)
