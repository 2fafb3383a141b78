"""An event: one runnable that ran inside a node of a graph, as a witness reports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Event", "destinations", "place_of"]

MOST_DESTINATIONS = 1_000
DESTINATION = {"Command": "goto", "Send": "node"}
"""Where LangGraph's objects say where to go, by the name of their class."""

SERIALISED = (({"goto", "update"}, "goto"), ({"node", "arg"}, "node"), ({"send", "arg"}, "send"))
"""What such an object looks like as JSON, and the field that says where to go; one key alone may be a state's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One run of a node, or of something inside it.

    Attributes:
        id: the run's; unique within one witness's account of one call.
        parent: the run around it; empty for none.
        name: what ran.
        node: the node it ran in.
        step: the step of the graph; None when the witness does not say.
        namespace: LangGraph's ``checkpoint_ns``: which run of which node of which subgraph; empty when unknown.
        is_node: it is the node itself.
        failed: it ended in an error.
        said: where it said to go next: labels, names of nodes; empty when its output says nothing of the kind.
    """

    id: str
    parent: str
    name: str
    node: str
    step: int | None
    namespace: str
    is_node: bool
    failed: bool = False
    said: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The subgraph it ran in."""
        return place_of(self.namespace)

    @property
    def scope(self) -> str:
        """The run of that subgraph: events of one scope have steps that can be compared."""
        return self.namespace.rpartition("|")[0]


def place_of(namespace: str) -> str:
    """Return the nodes around a node, outermost first, joined by ``/``, of a ``checkpoint_ns``.

    It is a path of ``name:id``; a bare number counts the subgraphs that one node called.
    """
    *around, _ = namespace.split("|")
    return "/".join(each.rpartition(":")[0] for each in around if ":" in each)


def destinations(output: Any) -> tuple[str, ...]:  # noqa: ANN401  whatever a node or a routing function returns
    """Return the destinations that an output names.

    A routing function returns a label, a ``Send``, or a list of these; a node may return a ``Command`` whose ``goto``
    is one of them. The server keeps such objects as JSON, with their fields or as a text like ``Send(node='w', ...)``.
    """
    if output is None or isinstance(output, (str, bool, int)):
        return (str(output),)
    if isinstance(output, Mapping):
        return next((destinations(output[key]) for keys, key in SERIALISED if keys <= output.keys()), ())
    if isinstance(output, Sequence):
        return tuple(name for each in output[:MOST_DESTINATIONS] for name in destinations(each))
    attribute = DESTINATION.get(type(output).__name__)
    return destinations(getattr(output, attribute, None)) if attribute else ()
