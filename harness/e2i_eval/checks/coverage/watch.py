"""The watch: reads each target's graph once, listens to its calls, and says what they exercised."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.coverage.event import Heard, listener
from e2i_eval.checks.coverage.everywhere import heard_everywhere
from e2i_eval.checks.coverage.exercised import exercised_by
from e2i_eval.checks.coverage.graph import GraphFiles
from e2i_eval.checks.coverage.reading import read_graph

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from e2i_eval.checks.coverage.exercised import Exercised
    from e2i_eval.checks.coverage.graph import Graph
    from e2i_eval.core.evidence import Evidence

__all__ = ["GraphWatch", "WatchedCall"]


class WatchedCall:
    """One call of a target that is listened to.

    Attributes:
        config: what the target is to be called with besides its inputs; None for a target that is no graph itself.
    """

    def __init__(self, graph: Graph, *, is_inside: bool = False) -> None:
        self._graph = graph
        self._heard = Heard()
        self._listener = listener(self._heard) if graph.parts else None
        self._is_inside = is_inside
        self.config: dict[str, Any] | None = (
            {"callbacks": [self._listener]} if self._listener and not is_inside else None
        )

    def listening(self) -> AbstractContextManager[None]:
        """Hear the graph wherever in the block it runs, when the target is not that graph itself but calls it."""
        return heard_everywhere(self._listener) if self._listener and self._is_inside else nullcontext()

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

    def call(self, target: str, runnable: object, *, inside: object = None) -> WatchedCall:
        """Begin a call of a target.

        Args:
            target: its name.
            runnable: what was built; None for a plain callable.
            inside: the graph that what was built calls, as the configuration names it; None when it names none.
        """
        if target not in self._graphs:
            self._graphs[target] = read_graph(runnable if inside is None else inside)
            self._files.write(target, self._graphs[target])
        return WatchedCall(self._graphs[target], is_inside=inside is not None)
