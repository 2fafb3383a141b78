"""A graph: the parts that a target declares, as read from it where it was built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.checks.coverage.part import GraphPart

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Graph"]


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

    def to_json(self) -> dict[str, object]:
        """Return the graph as plain JSON."""
        return {
            "parts": [part.to_json() for part in self.parts],
            "notes": list(self.notes),
            "why_none": self.why_none,
            "is_broken": self.is_broken,
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Graph:
        """Read what ``to_json`` wrote."""
        return cls(
            parts=tuple(map(GraphPart.from_json, data["parts"])),
            notes=tuple(data["notes"]),
            why_none=data["why_none"],
            is_broken=data["is_broken"],
        )
