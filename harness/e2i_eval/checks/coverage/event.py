"""An event: one runnable that ran inside a node of a graph, as heard in the process or as a trace records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from langchain_core.callbacks import BaseCallbackHandler

    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.trace import Span, Trace

__all__ = ["Event", "Heard", "destinations", "listener", "place_of", "trace_events"]

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


def trace_events(trace: Trace) -> tuple[Event, ...]:
    """Return the nodes that ran, as a trace records them; spans without LangGraph's metadata record none."""
    return tuple(_events(trace))


def _events(trace: Trace) -> Iterator[Event]:
    nodes = {span.span_id for span in trace.node_spans()}
    for span in trace.spans:
        if span.node is None:
            continue
        step = _metadata(span, "langgraph_step")
        yield Event(
            id=span.span_id,
            parent=span.parent_id or "",
            name=span.name,
            node=span.node,
            step=int(step) if str(step).isdigit() else None,
            namespace=str(_metadata(span, "langgraph_checkpoint_ns") or ""),
            is_node=span.span_id in nodes,
            failed=span.status == "ERROR",
            said=destinations(span.outputs),
        )


def _metadata(span: Span, key: str) -> JsonValue:
    for holder in (span.attributes, span.attributes.get("metadata")):
        if isinstance(holder, dict) and holder.get(key) is not None:
            return holder[key]
    return None
