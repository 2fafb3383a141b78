"""Every call on the server, once, and each call's own in its own trace."""

from __future__ import annotations

from typing import Any

from e2i_eval.benchmark.overhead.attribution import MarkedCall, attributed
from e2i_eval.benchmark.overhead.branches import ran_in_parallel
from e2i_eval.core.trace import Span, Trace

CALLS = [MarkedCall(marker=f"logged-{n}", variant="logged", message_ids=frozenset({f"msg_{n}"})) for n in range(4)]
PLAIN = MarkedCall(marker="plain-9", variant="plain")


def span(number: int, **fields: Any) -> Span:  # noqa: ANN401  any field of a span
    """Return a span."""
    given: dict[str, Any] = {"parent_id": None, "type": "CHAIN", "status": "OK", "started_at_s": 0.0, "duration_s": 1.0}
    return Span(span_id=str(number), name=f"node{number}", **{**given, **fields})


def trace(name: str, *spans: Span, **tags: str) -> Trace:
    """Return a trace."""
    return Trace(
        trace_id=name,
        state="OK",
        experiment_id="1",
        started_at_s=0.0,
        duration_s=1.0,
        tags={key.replace("_", "."): value for key, value in tags.items()},
        metadata={},
        spans=spans,
        tokens=None,
        request_preview="",
        response_preview="",
    )


def test_all_is_well_when_each_call_has_its_trace() -> None:
    """By tag, by a span's metadata, and by the id of Claude's answer."""
    traces = [
        trace("t0", e2i_call="logged-0"),
        trace("t1", span(1, attributes={"metadata": {"e2i.call": "logged-1"}})),
        trace("t2", span(2, outputs={"id": "msg_2"})),
        trace("t3", span(3, attributes={"e2i.call": "logged-3"}), e2i_call="logged-3"),
    ]
    found = attributed([*CALLS, PLAIN], traces)

    assert (found.wrong, found.unattributed, found.plain_logged) == ((), 0, 0)


def test_a_lost_call_is_named() -> None:
    """Three of four are there."""
    traces = [trace(f"t{n}", e2i_call=f"logged-{n}") for n in range(3)]

    assert attributed(CALLS, traces).wrong == ("1 of 4 calls are not on the server: logged-3",)


def test_a_call_logged_twice_is_named() -> None:
    """The first call, made alone, leaves one trace; another leaves two."""
    traces = [trace(f"t{n}", e2i_call=f"logged-{min(n, 3)}") for n in range(5)]

    assert attributed(CALLS, traces).wrong == ("1 of 4 calls are on the server more than once: logged-3",)


def test_an_answer_in_anothers_trace_is_named() -> None:
    """The trace says whose it is, and holds what Claude told somebody else."""
    traces = [trace(f"t{n}", e2i_call=f"logged-{n}") for n in range(3)]
    swapped = trace("t3", span(3, outputs={"id": "msg_0"}), e2i_call="logged-3")

    assert attributed(CALLS, [*traces, swapped]).wrong == ("trace t3 holds parts of 2 calls: logged-0, logged-3",)


def test_a_call_without_logging_that_left_a_trace_is_counted() -> None:
    """Then the variants do not differ."""
    traces = [*(trace(f"t{n}", e2i_call=f"logged-{n}") for n in range(4)), trace("p", e2i_call="plain-9")]

    assert attributed([*CALLS, PLAIN], traces).plain_logged == 1


def test_traces_that_name_no_call_are_at_least_counted() -> None:
    """Five traces cannot be of four calls."""
    assert attributed(CALLS, [trace(f"t{n}") for n in range(4)]).wrong == ()
    assert attributed(CALLS, [trace(f"t{n}") for n in range(4)]).unattributed == 4
    assert "5 traces of 4 calls" in attributed(CALLS, [trace(f"t{n}") for n in range(5)]).wrong[0]
    assert attributed(CALLS, []).wrong == (
        "4 of 4 calls are not on the server: logged-0, logged-1, logged-2 and 1 more",
    )


def test_branches_are_nodes_that_overlap() -> None:
    """One after the other is no branch."""
    node = {"parent_id": "root", "duration_s": 1.0}
    one = span(1, **node, attributes={"langgraph_node": "left"})
    beside = span(2, **node, started_at_s=0.5, attributes={"langgraph_node": "right"})
    after = span(3, **node, started_at_s=1.0, attributes={"langgraph_node": "right"})

    assert ran_in_parallel([trace("t", one, beside)])
    assert not ran_in_parallel([trace("t", one, after)])
