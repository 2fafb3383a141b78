"""The watch: reads each target's graph once, listens to its calls, and says what they exercised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_eval.checks.coverage.event import Heard, listener
from e2i_eval.checks.coverage.exercised import exercised_by
from e2i_eval.checks.coverage.graph import GraphFiles
from e2i_eval.checks.coverage.reading import read_graph

if TYPE_CHECKING:
    from pathlib import Path

    from e2i_eval.checks.coverage.exercised import Exercised
    from e2i_eval.checks.coverage.graph import Graph
    from e2i_eval.core.evidence import Evidence

__all__ = ["GraphWatch", "WatchedCall"]


class WatchedCall:
    """One call of a target that is listened to.

    Attributes:
        config: what the target is to be called with besides its inputs; None for a target that is no graph.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._heard = Heard()
        self.config: dict[str, Any] | None = {"callbacks": [listener(self._heard)]} if graph.parts else None

    def exercised(self, evidence: Evidence) -> Exercised | None:
        """Return what the call exercised; None when the target is no graph, or its account cannot be read."""
        if not self._graph.parts:
            return None
        try:
            return exercised_by(self._graph, self._heard.events(), evidence)
        except Exception:  # noqa: BLE001  a trace in a form nobody foresaw must not cost the case its verdicts
            return None


class GraphWatch:
    """Watches the targets that one process calls."""

    def __init__(self, scratch: Path) -> None:
        """Take the folder that the session's processes share."""
        self._files = GraphFiles(scratch)
        self._graphs: dict[str, Graph] = {}

    def call(self, target: str, runnable: object) -> WatchedCall:
        """Begin a call of a target.

        Args:
            target: its name.
            runnable: what was built; None for a plain callable.
        """
        if target not in self._graphs:
            self._graphs[target] = read_graph(runnable)
            self._files.write(target, self._graphs[target])
        return WatchedCall(self._graphs[target])
