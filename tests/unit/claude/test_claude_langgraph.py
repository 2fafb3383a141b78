"""Every call is attributed to the node that made it, however the graph runs it."""

from __future__ import annotations

import asyncio
import operator
import threading
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import anthropic
import pytest
from langchain_anthropic import ChatAnthropic
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from e2i_eval.core.case import Case, ScriptedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.claude import ClaudeWire


class State(TypedDict, total=False):
    """What the graphs pass on."""

    said: Annotated[list[str], operator.add]
    item: int


def says(node: str | None, text: str) -> ScriptedAnswer:
    """An answer for a node."""
    return ScriptedAnswer(node=node, content=({"type": "text", "text": text},))


def ask_raw(prompt: str) -> str:
    """Ask with the SDK's client."""
    with anthropic.Anthropic() as claude:
        message = claude.messages.create(
            model="claude-opus-4-8", max_tokens=9, messages=[{"role": "user", "content": prompt}]
        )
    return str(message.content[0].to_dict()["text"])


def chat() -> ChatAnthropic:
    """LangChain's client."""
    return ChatAnthropic(model_name="claude-opus-4-8", timeout=None, stop=None)


def raw_node(state: State) -> State:
    """A node that uses the SDK."""
    return {"said": [ask_raw(f"item {state.get('item')}")]}


def chat_node(state: State) -> State:
    """A node that uses LangChain."""
    return {
        "said": [
            ChatAnthropic(model_name="claude-opus-4-8", timeout=None, stop=None)
            .invoke(f"item {state.get('item')}")
            .text
        ]
    }


async def async_node(state: State) -> State:
    """A node that uses LangChain asynchronously."""
    answer = await ChatAnthropic(model_name="claude-opus-4-8", timeout=None, stop=None).ainvoke(
        f"item {state.get('item')}"
    )
    return {"said": [answer.text]}


def graph(*edges: tuple[str, str], **nodes: Any) -> Any:  # noqa: ANN401 - LangGraph's types are wide
    """Compile a graph of ``nodes`` along ``edges``."""
    building = StateGraph(State)
    for name, node in nodes.items():
        building.add_node(name, node)
    for start, end in edges:
        building.add_edge(start, end)
    return building.compile()


def fan_out(worker: Any, count: int) -> Any:  # noqa: ANN401 - as above
    """Compile a graph that sends ``count`` items to a worker."""
    building = StateGraph(State)
    building.add_node("work", worker)
    building.add_conditional_edges(START, lambda _: [Send("work", {"item": item}) for item in range(count)], ["work"])
    building.add_edge("work", END)
    return building.compile()


@pytest.mark.parametrize("node", [raw_node, chat_node])
def test_parallel_branches_hear_their_own_answers(
    wire: ClaudeWire, make_case: Callable[..., Case], node: Callable[[State], State]
) -> None:
    """Two nodes of one step, in two threads."""
    running = graph((START, "left"), (START, "right"), left=node, right=node)
    with wire.capture(make_case(says("right", "R"), says("left", "L"))) as capture:
        said = running.invoke({})["said"]

    assert said == ["L", "R"]
    assert sorted(str(item.caller.node) for item in capture.exchanges) == ["left", "right"]
    assert {item.caller.step for item in capture.exchanges} == {1}
    assert capture.notes == ()


def test_a_subgraph_is_told_by_its_namespace(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """The inner node asks, within the outer one."""
    outer = graph((START, "outer"), outer=graph((START, "inner"), inner=raw_node))
    with wire.capture(make_case(says("inner", "deep"))) as capture:
        outer.invoke({})

    caller = capture.exchanges[0].caller
    assert caller.node == "inner"
    assert [part.partition(":")[0] for part in str(caller.namespace).split("|")] == ["outer", "inner"]


@pytest.mark.parametrize("worker", [raw_node, chat_node])
def test_tasks_of_a_send_hear_their_answers_in_order(
    wire: ClaudeWire, make_case: Callable[..., Case], worker: Callable[[State], State]
) -> None:
    """Item i takes answer i in every run, whichever thread is first."""
    answers = [says("work", str(item)) for item in range(8)]
    running = fan_out(worker, len(answers))
    for _ in range(3):
        with wire.capture(make_case(*answers)) as capture:
            said = running.invoke({})["said"]
        heard = {item.request["messages"][0]["content"]: item.response for item in capture.exchanges}

        assert said == [str(item) for item in range(8)]
        assert all(heard[f"item {n}"]["content"][0]["text"] == str(n) for n in range(8))  # type: ignore[index]


def test_asynchronous_nodes_are_attributed(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """Tasks of one loop, and `asyncio.to_thread` within one."""

    async def threaded(_: State) -> State:
        return {"said": await asyncio.gather(*[asyncio.to_thread(ask_raw, "x") for _ in range(2)])}

    running = graph((START, "plain"), (START, "threaded"), plain=async_node, threaded=threaded)
    with wire.capture(make_case(says("threaded", "T"), says("threaded", "T"), says("plain", "P"))) as capture:
        said = asyncio.run(running.ainvoke({}))["said"]

    assert said == ["P", "T", "T"]
    assert sorted(str(item.caller.node) for item in capture.exchanges) == ["plain", "threaded", "threaded"]


def test_a_bare_thread_lands_on_the_only_tape(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """Its node is unknown, its exchange is not lost."""
    said: list[str] = []

    def node(_: State) -> State:
        thread = threading.Thread(target=lambda: said.append(ask_raw("x")))
        thread.start()
        thread.join()
        return {}

    with wire.capture(make_case(says(None, "bare"))) as capture:
        graph((START, "threads"), threads=node).invoke({})

    assert said == ["bare"]
    assert capture.exchanges[0].caller.node is None


def test_a_bare_thread_among_several_cases_is_refused(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """Nobody can tell whose it is: each of the cases says so."""
    errors: list[Exception] = []

    def ask() -> None:
        try:
            ask_raw("x")
        except LookupError as error:
            errors.append(error)

    with wire.capture(make_case(name="one")) as first, wire.capture(make_case(name="two")) as second:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert "support/one, support/two" in str(errors[0])
    assert [note.kind for note in (*first.notes, *second.notes, *wire.notes)] == ["miss"] * 3


def test_a_miss_passes_through_the_graph(wire: ClaudeWire, make_case: Callable[..., Case]) -> None:
    """It names the node, and the node the script may have meant."""
    running = graph((START, "planner"), planner=chat_node)
    with wire.capture(make_case(says("plan", "x"))), pytest.raises(LookupError) as caught:
        running.invoke({})

    assert type(caught.value).__name__ == "ScriptMissError"
    assert "call 1 (node 'planner')" in str(caught.value)
    assert "did you mean node 'plan' to be 'planner'?" in str(caught.value)
