"""A graph: the parts that a target declares, as read from it where it was built, and the files that carry it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import quote

from e2i_eval.core.json_codec import from_json, to_json

if TYPE_CHECKING:
    from pathlib import Path


__all__ = ["END", "KINDS", "START", "Graph", "GraphFiles", "GraphPart", "Kind"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What there is to exercise.

    Attributes:
        parts: in the order of the graph's own definition; empty when there is no graph.
        notes: what cannot be judged and why, one sentence each: branches that do not say where they lead.
        why_none: why there is no graph, or why it could not be read; empty when there is one.
        is_broken: there is a graph and it could not be read.
    """

    parts: tuple[GraphPart, ...] = ()
    notes: tuple[str, ...] = ()
    why_none: str = ""
    is_broken: bool = False


FOLDER = "graphs"


class GraphFiles:
    """One file a target, in the folder that a session's processes share."""

    def __init__(self, scratch: Path) -> None:
        """Take the session's folder; a folder in it is made when there is something to write."""
        self._folder = scratch / FOLDER

    def write(self, target: str, graph: Graph) -> None:
        """Keep a target's graph; every process that builds the target writes the same."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(target)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(to_json(graph)), encoding="utf-8")
        new.replace(file)

    def read(self, target: str) -> Graph | None:
        """Return a target's graph; None when no process built it."""
        file = self._file(target)
        return from_json(Graph, json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def _file(self, target: str) -> Path:
        return self._folder / f"{quote(target, safe='')}.json"
