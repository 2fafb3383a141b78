"""The listener: receives in the process what LangGraph sends to every callback, for what no trace records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2i_eval.checks.coverage.event import Event, destinations

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.callbacks import BaseCallbackHandler

__all__ = ["Heard", "listener"]

NO_ERRORS = frozenset({"GraphBubbleUp", "ParentCommand", "GraphInterrupt"})
"""How LangGraph leaves a node on purpose: an interrupt, or a command to the graph around."""


class Heard:
    """What was heard of one call; filled from any thread, read when the call is over."""

    def __init__(self) -> None:
        self._starts: list[tuple[UUID, UUID | None, str, list[str], dict[str, Any]]] = []
        self._said: dict[UUID, tuple[str, ...]] = {}
        self._failed: set[UUID] = set()

    def starts(self, run: UUID, parent: UUID | None, name: str, tags: list[str], metadata: dict[str, Any]) -> None:
        """Keep the start of what runs in a node."""
        if "langgraph_node" in metadata:
            self._starts.append((run, parent, name, tags, metadata))

    def ends(self, run: UUID, output: object) -> None:
        """Keep where it said to go."""
        if said := destinations(output):
            self._said[run] = said

    def fails(self, run: UUID, error: BaseException) -> None:
        """Keep that it raised, unless that is how LangGraph ends a node on purpose."""
        if NO_ERRORS.isdisjoint(each.__name__ for each in type(error).__mro__):
            self._failed.add(run)

    def events(self) -> tuple[Event, ...]:
        """Return what was heard, in order of start."""
        return tuple(
            Event(
                id=str(run),
                parent=str(parent or ""),
                name=name,
                node=str(metadata["langgraph_node"]),
                step=metadata.get("langgraph_step"),
                namespace=str(metadata.get("langgraph_checkpoint_ns") or ""),
                is_node=any(tag.startswith("graph:step:") for tag in tags),
                failed=run in self._failed,
                said=self._said.get(run, ()),
            )
            for run, parent, name, tags, metadata in tuple(self._starts)
        )


def listener(heard: Heard) -> BaseCallbackHandler:
    """Return a callback handler that fills ``heard``; called only for a graph, which has imported LangChain."""
    from langchain_core.callbacks import BaseCallbackHandler  # noqa: PLC0415  LangChain is heavy

    class Listener(BaseCallbackHandler):
        """Hears runnables; models, tools and retrievers are known by the wire and the trace."""

        run_inline = True
        """Without it every event of an async call would be a trip to a thread pool."""

        def on_chain_start(
            self,
            serialized: dict[str, Any],
            inputs: dict[str, Any],
            *,
            run_id: UUID,
            parent_run_id: UUID | None = None,
            tags: list[str] | None = None,
            metadata: dict[str, Any] | None = None,
            **kwargs: Any,  # noqa: ANN401  as LangChain declares it
        ) -> None:
            del serialized, inputs
            heard.starts(run_id, parent_run_id, str(kwargs.get("name") or ""), tags or [], metadata or {})

        def on_chain_end(self, outputs: dict[str, Any], *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401
            del kwargs
            heard.ends(run_id, outputs)

        def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ANN401
            del kwargs
            heard.fails(run_id, error)

    return Listener()
