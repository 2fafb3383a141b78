"""A graph with everything in it: what is read from it, and what is heard of its calls."""

from __future__ import annotations

import asyncio
import operator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, RetryPolicy, Send

from e2i_eval.checks.coverage.event import Heard, listener
from e2i_eval.checks.coverage.everywhere import heard_everywhere
from e2i_eval.checks.coverage.exercised import beyond, exercised, failed_nodes
from e2i_eval.checks.coverage.reading import read_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class State(TypedDict, total=False):
    """What the nodes share."""

    way: str
    log: Annotated[list[str], operator.add]


def note(name: str) -> Any:  # noqa: ANN401  one of the many forms of a node
    """Return a node that says that it ran."""
    return lambda _state: {"log": [name]}


class Flaky:
    """A node that fails the first time, or always."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, state: State) -> State:
        """Fail when it is due."""
        self.calls += 1
        if state["way"] == "broken" or (state["way"] == "retry" and self.calls == 1):
            raise ConnectionError
        return {}


def enter(_state: State) -> str:
    """Begin."""
    return "flaky"


def route(state: State) -> str:
    """Choose by a label of its own."""
    return "go" if state["way"] != "stop" else "halt"


def jump(state: State) -> Command[Literal["fan", "plain"]]:
    """Go where the node itself says."""
    return Command(goto="fan" if state["way"] == "fan" else "plain")


def spread(_state: State) -> list[Send]:
    """Run the same node twice at once."""
    return [Send("work", {"way": "1"}), Send("work", {"way": "2"})]


def raises(_state: State) -> State:
    """Break."""
    raise ValueError


def build() -> Any:  # noqa: ANN401  a compiled graph
    """Return the graph."""
    inner = StateGraph(State)
    inner.add_node("within", note("within"))
    inner.add_edge(START, "within")
    inner.add_edge("within", END)
    graph = StateGraph(State)
    graph.add_node("flaky", Flaky(), retry_policy=RetryPolicy(initial_interval=0.0, retry_on=ConnectionError))
    graph.add_node("jump", jump)
    graph.add_node("fan", note("fan"))
    graph.add_node("work", note("work"))
    graph.add_node(
        "plain", RunnableLambda(raises, name="first").with_fallbacks([RunnableLambda(note("b"), name="second")])
    )
    graph.add_node("sub", inner.compile())
    graph.add_node("other", note("other"))
    graph.add_node("joined", note("joined"))
    graph.add_conditional_edges(START, enter, ["flaky"])
    graph.add_conditional_edges("flaky", route, {"go": "jump", "halt": END})
    graph.add_conditional_edges("fan", spread, ["work"])
    graph.add_edge("work", END)
    graph.add_edge("plain", "sub")
    graph.add_edge("plain", "other")
    graph.add_edge(["sub", "other"], "joined")
    graph.add_edge("joined", END)
    return graph.compile().with_config(tags=["wrapped"])


PLAIN = {
    "nodes": {"flaky", "jump", "plain", "sub", "other", "joined", "sub/within"},
    "edges": {
        "plain → sub",
        "plain → other",
        "sub → joined",
        "other → joined",
        "joined → END",
        "sub/START → within",
        "sub/within → END",
    },
    "branches": {"START → flaky (enter)", "flaky → jump (route: go)", "jump → plain (goto)"},
    "error_paths": {"plain → second (fallback)"},
}
FAN = {
    "nodes": {"flaky", "jump", "fan", "work"},
    "edges": {"work → END"},
    "branches": {"START → flaky (enter)", "flaky → jump (route: go)", "jump → fan (goto)", "fan → work (spread)"},
}
STOP = {"nodes": {"flaky"}, "branches": {"START → flaky (enter)", "flaky → END (route: halt)"}}


def heard_of(graph: Any, way: str, *, is_async: bool = False) -> Heard:  # noqa: ANN401  as above
    """Call the graph and return what was heard."""
    heard = Heard()
    config = {"callbacks": [listener(heard)]}
    if is_async:
        asyncio.run(graph.ainvoke({"way": way}, config))
    else:
        graph.invoke({"way": way}, config)
    return heard


def by_kind(parts: Any) -> dict[str, set[str]]:  # noqa: ANN401  any parts
    """Return names by kind."""
    found: dict[str, set[str]] = {}
    for part in parts:
        found.setdefault(part.kind, set()).add(part.name)
    return found


def test_the_parts_are_those_that_are_declared() -> None:
    """Each once; what the three ways exercise together, and the retry, is all there is."""
    graph = read_graph(build())

    together = {kind: PLAIN.get(kind, set()) | FAN.get(kind, set()) | STOP.get(kind, set()) for kind in (*PLAIN, *FAN)}
    assert by_kind(graph.parts) == {**together, "retries": {"flaky"}}
    assert len(graph.parts) == sum(map(len, by_kind(graph.parts).values()))
    assert graph.notes == ()
    assert graph.why_none == ""


@pytest.mark.parametrize(("way", "expected"), [("plain", PLAIN), ("fan", FAN), ("stop", STOP)])
@pytest.mark.parametrize("is_async", [False, True])
def test_exactly_the_way_taken_is_exercised(way: str, expected: dict[str, set[str]], *, is_async: bool) -> None:
    """Nodes in subgraphs, joins, labels, ``Send``, ``Command`` and fallbacks; nothing of the other ways."""
    compiled = build()
    graph = read_graph(compiled)
    heard = heard_of(compiled, way, is_async=is_async)

    assert by_kind(exercised(graph.parts, heard.events())) == expected
    assert beyond(graph.parts, heard.events()) == frozenset()


def test_a_retry_is_exercised_by_a_second_attempt_alone() -> None:
    """And its failed attempt is told."""
    compiled = build()
    graph = read_graph(compiled)
    heard = heard_of(compiled, "retry")

    assert by_kind(exercised(graph.parts, heard.events()))["retries"] == {"flaky"}
    assert failed_nodes(heard.events()) == {"flaky"}


def test_a_node_that_raised_goes_nowhere() -> None:
    """It ran; no branch or edge behind it did."""
    compiled = build()
    graph = read_graph(compiled)
    heard = Heard()
    with pytest.raises(ConnectionError):
        compiled.invoke({"way": "broken"}, {"callbacks": [listener(heard)]})

    found = by_kind(exercised(graph.parts, heard.events()))
    assert found == {"nodes": {"flaky"}, "branches": {"START → flaky (enter)"}, "retries": {"flaky"}}


def test_a_graph_built_while_a_node_runs_is_told_apart() -> None:
    """Its nodes are named, and count for nothing."""
    inner = StateGraph(State)
    inner.add_node("deep", note("deep"))
    inner.add_edge(START, "deep")

    def outer(state: State) -> State:
        found: State = globals()["HIDDEN"].invoke(state)
        return found

    globals()["HIDDEN"] = inner.compile()
    graph = StateGraph(State)
    graph.add_node("outer", outer)
    graph.add_edge(START, "outer")
    compiled = graph.compile()
    parts = read_graph(compiled).parts
    heard = heard_of(compiled, "x")

    assert beyond(parts, heard.events()) == {"outer/deep"}
    assert by_kind(exercised(parts, heard.events())) == {"nodes": {"outer"}, "edges": {"START → outer"}}


def test_what_does_not_declare_where_it_leads_is_a_note() -> None:
    """It cannot be counted, and is not passed over."""
    graph = StateGraph(State)
    graph.add_node("one", note("one"))
    graph.add_edge(START, "one")
    graph.add_conditional_edges("one", lambda _state: END)

    assert read_graph(graph.compile()).notes == (
        "the routing function condition of one does not declare where it can lead",
    )


def test_a_handler_of_errors_is_a_path() -> None:
    """Exercised when its source raised."""
    graph = StateGraph(State)
    risky: Any = raises
    graph.add_node("risky", risky, error_handler=lambda _state: {"log": ["handled"]})
    graph.add_edge(START, "risky")
    graph.add_edge("risky", END)
    compiled = graph.compile()
    parts = read_graph(compiled).parts
    heard = heard_of(compiled, "x")

    assert by_kind(parts)["nodes"] == {"risky"}
    assert by_kind(exercised(parts, heard.events()))["error_paths"] == {"risky → error handler"}
    assert beyond(parts, heard.events()) == frozenset()


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (None, "it is a plain callable, no LangGraph graph"),
        (RunnableLambda(raises), "it is a RunnableLambda, no LangGraph graph"),
    ],
)
def test_no_graph_is_said(target: object, why: str) -> None:
    """It is neither covered nor uncovered."""
    graph = read_graph(target)

    assert (graph.parts, graph.why_none, graph.is_broken) == ((), why, False)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """An event loop whose context is that of its first call, long before anybody listens."""
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        yield runner


def wrapper(graph: Any, kind: str, runner: asyncio.Runner) -> Callable[[str], object]:  # noqa: ANN401  as above
    """Return what calls a graph with callbacks of its own, from a thread, or on an event loop of its own."""
    own = {"callbacks": [BaseCallbackHandler()]}

    def call(way: str) -> object:
        if kind == "thread":
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(graph.invoke, {"way": way}).result()
        return runner.run(graph.ainvoke({"way": way}, own)) if kind == "async" else graph.invoke({"way": way}, own)

    return call


@pytest.mark.parametrize("kind", ["own callbacks", "thread", "async"])
@pytest.mark.parametrize(("way", "expected"), [("plain", PLAIN), ("fan", FAN)])
def test_a_graph_is_heard_inside_what_calls_it(
    kind: str, way: str, expected: dict[str, set[str]], runner: asyncio.Runner
) -> None:
    """Each event once, from wherever; and nothing before or after."""
    heard = Heard()
    call = wrapper(build(), kind, runner)

    call("fan")
    with heard_everywhere(listener(heard)):
        call(way)
    call("fan")

    events = heard.events()
    assert by_kind(exercised(read_graph(build()).parts, events)) == expected
    assert len({event.id for event in events}) == len(events)
