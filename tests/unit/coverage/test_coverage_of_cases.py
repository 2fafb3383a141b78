"""From what each case exercised to what the suite does, and to what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks.coverage import Exercised, GraphFiles, TargetCoverage, cover, coverage_metrics
from e2i_eval.checks.coverage.event import Event, destinations, place_of
from e2i_eval.checks.coverage.exercised import exercised, exercised_by
from e2i_eval.checks.coverage.graph import Graph, GraphPart
from e2i_eval.core.case import Case
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.exchange import Caller, Exchange
from e2i_eval.core.json_codec import from_json, to_json
from e2i_eval.core.run import Run
from e2i_eval.core.trace import Span, Trace

if TYPE_CHECKING:
    from pathlib import Path

GRAPH = Graph(
    parts=(
        GraphPart(kind="nodes", name="load", source="load"),
        GraphPart(kind="nodes", name="work", source="work"),
        GraphPart(kind="nodes", name="decline", source="decline"),
        GraphPart(kind="edges", name="work → END", source="work", target="__end__"),
        GraphPart(kind="branches", name="load → work", source="load", target="work", via="after_load", label="work"),
        GraphPart(
            kind="branches", name="load → decline", source="load", target="decline", via="after_load", label="decline"
        ),
        GraphPart(kind="tools", name="look_up"),
    )
)


def node(name: str, step: int, span_id: str) -> Span:
    """Return a node's span as MLflow keeps it."""
    metadata = {"langgraph_node": name, "langgraph_step": step, "langgraph_checkpoint_ns": f"{name}:{span_id}"}
    return Span(
        span_id=span_id,
        parent_id=None,
        name=name,
        type="CHAIN",
        status="OK",
        started_at_s=float(step),
        duration_s=0.1,
        attributes={"metadata": metadata},
    )


def routed(after: Span, says: object) -> Span:
    """Return the span of a routing function inside a node's."""
    return replace(after, span_id=f"{after.span_id}r", parent_id=after.span_id, name="after_load", outputs=says)


def trace(*ways: str) -> Trace:
    """Return a trace of ``load`` and then the nodes it chose."""
    load = node("load", 1, "1")
    after = [node(way, 2, str(place)) for place, way in enumerate(ways, 2)]
    return Trace(
        trace_id="tr-1",
        state="OK",
        experiment_id="1",
        started_at_s=0.0,
        duration_s=1.0,
        spans=(load, routed(load, list(ways)), *after),
    )


def evidence(*traces: Trace, tool: str = "") -> Evidence:
    """Return evidence with traces, and a call that was offered two tools."""
    exchange = Exchange(
        index=0,
        call=0,
        attempt=0,
        caller=Caller(),
        request={"tools": [{"name": "look_up"}, {"name": "send"}]},
        response={"content": [{"type": "tool_use", "name": tool}] if tool else []},
        status=200,
        started_at_s=0.0,
        duration_s=0.0,
    )
    case = Case(id="shop/one", target="shop", inputs={})
    return Evidence(
        case=case,
        run=Run(output={}, error=None, started_at_s=0.0, duration_s=0.0),
        exchanges=(exchange,),
        traces=traces,
    )


def missing(coverage: TargetCoverage) -> dict[str, tuple[str, ...]]:
    """Return what no case exercises."""
    return {kind: names for kind in ("nodes", "edges", "branches", "tools") if (names := coverage.missing(kind))}


def test_a_trace_tells_which_branch_was_taken() -> None:
    """By the span of the routing function; nothing had to be heard in the process."""
    found = exercised_by(GRAPH, (), evidence(trace("work"), tool="look_up"))

    assert found.in_trace == {"nodes": ("load", "work"), "edges": ("work → END",), "branches": ("load → work",)}
    assert found.in_process == {"tools": ("look_up",)}
    assert found.offered == ("look_up", "send")


def test_without_the_case_its_branch_is_uncovered() -> None:
    """Named, with the node and the tool behind it; with all cases only the tool that nobody calls is."""
    one = exercised_by(GRAPH, (), evidence(trace("work"), tool="look_up"))
    other = exercised_by(GRAPH, (), evidence(trace("decline")))

    assert missing(cover("shop", GRAPH, [one, other])) == {"tools": ("send",)}
    assert missing(cover("shop", GRAPH, [one])) == {
        "nodes": ("decline",),
        "branches": ("load → decline",),
        "tools": ("send",),
    }
    assert missing(cover("shop", GRAPH, [other])) == {
        "nodes": ("work",),
        "edges": ("work → END",),
        "branches": ("load → work",),
        "tools": ("look_up", "send"),
    }


def test_what_only_the_process_heard_is_said() -> None:
    """Spans made by hand carry no metadata; the part counts, and the report says how it is known."""
    bare = replace(trace("work"), spans=tuple(replace(span, attributes={}) for span in trace("work").spans))
    heard = (
        Event(id="1", parent="", name="load", node="load", step=1, namespace="load:1", is_node=True),
        Event(
            id="2",
            parent="1",
            name="after_load",
            node="load",
            step=1,
            namespace="load:1",
            is_node=False,
            said=("work",),
        ),
    )
    found = exercised_by(GRAPH, heard, evidence(bare))
    coverage = cover("shop", GRAPH, [found])

    assert found.in_trace == {}
    assert {part.name: part.known for part in coverage.parts if part.cases} == {
        "load": "process",
        "load → work": "process",
    }


def test_what_is_unknown_is_never_whole() -> None:
    """A target that was never built, a graph that cannot be read, a run of which nothing is known."""
    whole = exercised_by(GRAPH, (), evidence(trace("work", "decline"), tool="look_up"))
    whole = replace(whole, offered=("look_up",))

    assert cover("shop", GRAPH, [whole]).is_whole
    assert not cover("shop", GRAPH, [whole, None]).is_whole
    assert not cover("shop", None, [None]).is_whole
    assert not cover("shop", Graph(why_none="broken", is_broken=True), [None]).is_whole
    assert not cover("shop", Graph(why_none="a callable"), [None]).has_graph
    assert not cover("shop", replace(GRAPH, notes=("one does not declare",)), [whole]).is_whole


def test_the_server_gets_shares_and_counts() -> None:
    """Of the target's own kinds alone."""
    coverage = cover("shop", GRAPH, [exercised_by(GRAPH, (), evidence(trace("work"), tool="look_up"))])

    assert coverage_metrics([coverage], "shop") == {
        "coverage.nodes": 2 / 3,
        "coverage.nodes_missing": 1.0,
        "coverage.edges": 1.0,
        "coverage.edges_missing": 0.0,
        "coverage.branches": 0.5,
        "coverage.branches_missing": 1.0,
        "coverage.tools": 0.5,
        "coverage.tools_missing": 1.0,
    }
    assert coverage_metrics([coverage], "other") == {}


def test_all_survives_the_way_between_processes(tmp_path: Path) -> None:
    """As plain JSON, and as a file."""
    found = exercised_by(GRAPH, (), evidence(trace("work"), tool="look_up"))
    coverage = cover("shop", GRAPH, [found])
    files = GraphFiles(tmp_path)
    files.write("a/b", GRAPH)

    assert from_json(Exercised, to_json(found)) == found
    assert from_json(TargetCoverage, to_json(coverage)) == coverage
    assert files.read("a/b") == GRAPH
    assert files.read("other") is None


def test_where_an_output_leads() -> None:
    """Labels and LangGraph's objects as the server keeps them; a state of like keys is no destination."""
    assert destinations(["a", {"send": "b", "arg": {}}, {"node": "c", "arg": 1}]) == ("a", "b", "c")
    assert destinations({"goto": ["d"], "update": None}) == ("d",)
    assert destinations(True) == ("True",)  # noqa: FBT003  a label
    assert destinations({"goto": "e", "node": "f"}) == ()
    assert place_of("outer:1|2|inner:3|leaf:4") == "outer/inner"


@pytest.mark.parametrize(
    ("steps", "waits", "is_taken"),
    [
        ((1, 2), False, True),
        ((1, 3), False, False),
        ((1, 3), True, True),
        ((2, 1), True, False),
        ((1, 1), False, False),
    ],
)
def test_an_edge_leads_to_the_next_step(steps: tuple[int, int], *, waits: bool, is_taken: bool) -> None:
    """Both its ends may run without it; one that joins or is deferred may take longer."""
    edge = GraphPart(kind="edges", name="a → b", source="a", target="b", waits=waits)
    ran = [
        Event(id=name, parent="", name=name, node=name, step=step, namespace=f"{name}:1", is_node=True)
        for name, step in zip("ab", steps, strict=True)
    ]

    assert exercised([edge], ran) == ({edge} if is_taken else set())
