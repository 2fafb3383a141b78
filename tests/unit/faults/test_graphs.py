"""A compiled graph can be given a node more, a node less, a node twice, and stays as it was itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph

from e2i_eval.faults.graphs import with_extra_node, with_loop, without_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonObject

NODES = ("first", "second", "third")


class State(TypedDict):
    """What ran."""

    ran: Annotated[list[str], lambda one, other: one + other]


@pytest.fixture
def target() -> Callable[[JsonObject], object]:
    """A graph of three nodes in a row, as a target is called."""
    graph = StateGraph(State)
    for name in NODES:
        graph.add_node(name, lambda _state, name=name: {"ran": [name]})
    for edge in ((START, "first"), ("first", "second"), ("second", "third"), ("third", END)):
        graph.add_edge(*edge)
    function: Callable[[JsonObject], object] = graph.compile().invoke  # type: ignore[assignment]  # overloaded
    return function


def ran(function: Callable[[JsonObject], object] | None) -> list[str]:
    """Return the names of the nodes that ran."""
    assert function is not None
    output = function({"ran": []})
    assert isinstance(output, dict)
    return list(output["ran"])


def test_a_node_less(target: Callable[[JsonObject], object]) -> None:
    """The nodes around it are joined."""
    assert ran(without_node(target, ("second",))) == ["first", "third"]


def test_a_node_twice(target: Callable[[JsonObject], object]) -> None:
    """Once more, then on."""
    assert ran(with_loop(target, ("second",))) == ["first", "second", "second", "third"]


def test_a_node_more_leaves_the_state_alone(target: Callable[[JsonObject], object]) -> None:
    """It does nothing but run."""
    edited = with_extra_node(target, NODES)

    assert ran(edited) == list(NODES)
    assert "one_more" in edited.__self__.nodes  # type: ignore[union-attr]


def test_the_target_itself_is_not_changed(target: Callable[[JsonObject], object]) -> None:
    """The next call is sound again."""
    without_node(target, ("second",))

    assert ran(target) == list(NODES)


def test_what_is_no_graph_cannot_be_edited() -> None:
    """It says so by None."""
    assert with_loop(lambda inputs: inputs, NODES) is None
