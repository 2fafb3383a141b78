"""A part of a graph that a case can exercise: a node, an edge, a branch, a tool, a retry or an error path."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject

__all__ = ["END", "KINDS", "START", "GraphPart", "Kind"]

Kind = Literal["nodes", "edges", "branches", "tools", "retries", "error_paths"]
"""``edges`` are always taken when their source has run; ``branches`` are chosen by a routing function, a ``Send`` or a
``Command``. ``retries`` are nodes with a retry policy. ``error_paths`` are error handlers and fallbacks."""

KINDS: tuple[Kind, ...] = get_args(Kind)

START, END = "__start__", "__end__"
"""LangGraph's names for where a graph begins and ends; no nodes of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPart:
    """One part.

    Attributes:
        kind: what it is.
        name: for a person, unique among the parts of its kind: ``load → gather``, ``sub/plan``.
        place: the subgraph it is in, names of the nodes around it joined by ``/``; empty for the outermost graph.
        source: the node itself, or the node an edge or a branch starts from.
        target: where an edge or a branch leads; the fallback's name for a fallback; empty for what leads nowhere.
        via: the name under which a routing function runs; ``goto`` for a ``Command``; empty where nothing chooses.
        label: what the routing function returns to take this branch.
        waits: the target does not run in the very next step: it joins several nodes, or is deferred.
        nth: of several children of a node with the name ``target``, which one a fallback is, from 1.
    """

    kind: Kind
    name: str
    place: str = ""
    source: str = ""
    target: str = ""
    via: str = ""
    label: str = ""
    waits: bool = False
    nth: int = 1

    def to_json(self) -> dict[str, object]:
        """Return the part as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: JsonObject) -> GraphPart:
        """Read what ``to_json`` wrote."""
        return cls(**data)
