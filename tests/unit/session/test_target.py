"""A target is built from what its entry names, and called alike whatever it is."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import sys
import types
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pydantic
import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph

from e2i_eval.checks.coverage.reading import is_graph
from e2i_eval.core.errors import UsageError
from e2i_eval.core.plain import plain
from e2i_eval.runner.config.settings import TargetSettings
from e2i_eval.runner.target import build_target, refuse_wrong_graph
from e2i_eval.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.run import Run


ANY_STATE = cast("Any", dict)


async def shout(inputs: dict[str, str]) -> dict[str, str]:
    """Answer asynchronously."""
    await asyncio.sleep(0)
    return {"answer": inputs["question"].upper()}


def double(inputs: dict[str, int]) -> dict[str, int]:
    """Answer synchronously."""
    return {"answer": inputs["number"] * 2}


def broken() -> None:
    """Raise while building."""
    msg = "no database"
    raise RuntimeError(msg)


def graph(node: object) -> object:
    """Return a compiled graph of one node."""
    builder: Any = StateGraph(ANY_STATE)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


@pytest.fixture(autouse=True)
def entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A module with entries of every kind."""
    module = types.ModuleType("entries")
    module.__dict__.update(
        shout=shout,
        double=double,
        broken=broken,
        number=7,
        factory=lambda: RunnableLambda(double),
        runnable=RunnableLambda(double),
        sync_graph=lambda: graph(double),
        async_graph=lambda: graph(shout),
        uncompiled=lambda: StateGraph(ANY_STATE),
        compiled=graph(double).with_config(tags=["own"]),  # type: ignore[attr-defined]
    )
    monkeypatch.setitem(sys.modules, "entries", module)
    return module


def settings(entry: str, logging: str | None = None) -> TargetSettings:
    """Return a target's settings."""
    return TargetSettings(name="support", entry=entry, where="pyproject.toml:3", logging=logging)


def call(entry: str, **inputs: object) -> Run:
    """Build the target of ``entry`` and call it once."""
    with asyncio.Runner() as runner:
        return build_target(settings(entry)).call(inputs, clock=ManualClock(), runner=runner)


@pytest.mark.parametrize("entry", ["double", "factory", "runnable", "sync_graph"])
def test_synchronous_targets(entry: str) -> None:
    """A callable, a factory, a runnable and a graph are called alike."""
    assert call(f"entries:{entry}", number=4).output == {"answer": 8}


@pytest.mark.parametrize("entry", ["shout", "async_graph"])
def test_asynchronous_targets(entry: str) -> None:
    """A coroutine function and a graph of coroutines are awaited."""
    assert call(f"entries:{entry}", question="why").output == {"answer": "WHY"}


def test_an_error_is_evidence() -> None:
    """What a target raises becomes the run's error, with its bases and its traceback."""
    error = call("entries:double").error

    assert error is not None
    assert (error.type, error.bases[:2]) == ("KeyError", ("LookupError", "Exception"))
    assert "double" in error.traceback


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("nowhere.at_all:build", "entry = 'nowhere.at_all:build' of target 'support' does not import"),
        ("entries:gone", "entries has no 'gone'"),
        ("entries:number", "gives builtins.int, which cannot be called"),
        ("entries:broken", "raised RuntimeError: no database"),
        ("entries:uncompiled", "gives langgraph.graph.state.StateGraph, which cannot be called; call .compile() on it"),
    ],
)
def test_an_entry_that_is_no_target(entry: str, message: str) -> None:
    """Each way in which an entry is wrong has its own message, with the place of the entry."""
    with pytest.raises(UsageError) as caught:
        build_target(settings(entry))

    assert message in str(caught.value)
    assert str(caught.value).startswith("pyproject.toml:3: ")


def test_logging_that_breaks_is_named() -> None:
    """The logging function runs before the target is built, and its failure is its own."""
    with pytest.raises(UsageError, match="logging = 'entries:broken' of target 'support' raised RuntimeError"):
        build_target(settings("entries:double", logging="entries:broken"))


def wrapped(name: str) -> TargetSettings:
    """Return the settings of a target that names the graph it calls."""
    places = {"graph": "pyproject.toml:5"}
    return TargetSettings(
        name="support", entry="entries:double", where="pyproject.toml:3", graph=f"entries:{name}", places=places
    )


@pytest.mark.parametrize("name", ["sync_graph", "compiled"])
def test_a_target_may_name_the_graph_it_calls(name: str) -> None:
    """Compiled, also with a configuration of its own, or as a function that makes it."""
    refuse_wrong_graph(wrapped(name))

    built = build_target(wrapped(name))

    assert is_graph(built.graph)
    assert built.runnable is None


@pytest.mark.parametrize(
    ("name", "message", "is_early"),
    [
        ("gone", "graph = 'entries:gone' of target 'support': entries has no 'gone'", True),
        ("number", "gives builtins.int, no compiled LangGraph graph", True),
        ("double", "gives builtins.function, no compiled LangGraph graph", True),
        ("runnable", "gives langchain_core.runnables.base.RunnableLambda, no compiled LangGraph graph", True),
        ("factory", "gives langchain_core.runnables.base.RunnableLambda, no compiled LangGraph graph", False),
        ("uncompiled", "StateGraph, no compiled LangGraph graph; call .compile() on it", False),
        ("broken", "graph = 'entries:broken' of target 'support' raised RuntimeError: no database", False),
    ],
)
def test_a_graph_that_is_none(name: str, message: str, *, is_early: bool) -> None:
    """Refused at its line: before anything runs, or, where a function must be called to know, when it is built."""
    for refuse in (refuse_wrong_graph, build_target)[0 if is_early else 1 :]:
        with pytest.raises(UsageError) as caught:
            refuse(wrapped(name))

        assert message in str(caught.value)
        assert str(caught.value).startswith("pyproject.toml:5: ")


class Model(pydantic.BaseModel):
    """A pydantic output."""

    number: int = 1


@dataclasses.dataclass
class Record:
    """A dataclass output."""

    model: Model


def test_outputs_become_plain() -> None:
    """Whatever a target returns is compared as plain JSON data."""
    output = {"record": Record(Model()), "array": np.array([1.5, 2.0]), "day": dt.date(2026, 1, 2), "set": {2, 1}}

    assert plain(output) == {
        "record": {"model": {"number": 1}},
        "array": [1.5, 2.0],
        "day": "2026-01-02",
        "set": [1, 2],
    }


class Label(str):
    """A text that is more than a text, as LangChain's is."""

    __slots__ = ()


@pytest.mark.parametrize("value", [Label("Yes."), np.float64(0.5)])
def test_a_value_that_is_more_is_its_plain_value(value: object) -> None:
    """What compares by exact type finds the type that JSON has."""
    assert type(plain(value)) in {str, float}
    assert plain(value) == value
