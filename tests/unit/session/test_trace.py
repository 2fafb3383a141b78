"""What a trace tells about the graph that ran."""

from __future__ import annotations

from e2i_eval.core.trace import Span, Trace


def span(span_id: str, parent_id: str | None, name: str, node: str | None = None, place: str = "a") -> Span:
    """Return a finished span, in a LangGraph node where one is named."""
    metadata = {"langgraph_node": node, "langgraph_checkpoint_ns": place} if node else {}
    return Span(
        span_id=span_id,
        parent_id=parent_id,
        name=name,
        type="CHAIN",
        status="OK",
        started_at_s=1.0,
        duration_s=0.1,
        attributes={"metadata": metadata},
    )


def trace(*spans: Span) -> Trace:
    """Return a trace of ``spans``."""
    return Trace(trace_id="tr-1", state="OK", experiment_id="1", started_at_s=1.0, duration_s=1.0, spans=spans)


def test_nodes_are_the_spans_named_like_their_node() -> None:
    """What runs inside a node is a detail of it."""
    ran = trace(span("1", None, "graph"), span("2", "1", "plan", "plan"), span("3", "2", "ChatAnthropic", "plan"))

    assert ran.nodes() == ("plan",)


def test_a_runnable_called_like_its_node_is_no_second_node() -> None:
    """A reranker in the node `rerank` may be called `rerank`."""
    ran = trace(span("1", None, "graph"), span("2", "1", "rerank", "rerank"), span("3", "2", "rerank", "rerank"))

    assert ran.nodes() == ("rerank",)


def test_a_node_of_a_subgraph_may_be_called_like_the_node_around_it() -> None:
    """It ran in another place, so it is a node of its own."""
    ran = trace(span("1", None, "graph"), span("2", "1", "plan", "plan"), span("3", "2", "plan", "plan", place="a|b"))

    assert ran.nodes() == ("plan", "plan")


def test_a_broken_chain_of_parents_ends() -> None:
    """A store that lost or mixed up spans must not hang its reader."""
    first, second = span("1", "2", "a"), span("2", "1", "b")
    ran = trace(first, second)

    assert [each.name for each in ran.ancestors(first)] == ["b"]
    assert ran.root is None


def test_the_root_is_the_span_whose_parent_is_not_there() -> None:
    """A trace that lost its root still has a first span."""
    ran = trace(span("2", "gone", "plan", "plan"))

    assert ran.root is not None
    assert ran.root.name == "plan"
