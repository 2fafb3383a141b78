"""The checks on what ran: nodes and tool calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2i_eval.checks.compare.alignment import side_by_side
from e2i_eval.core.case import Expectation, NodeOrder, NodeRule, ToolRule
from e2i_eval.core.exchange import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.trace import Trace
    from e2i_eval.core.verdict import Verdict


def nodes(order: NodeOrder, *names: str) -> Expectation:
    """Return the expectation of ``names``."""
    return Expectation(nodes=NodeRule(order=order, names=names))


@pytest.mark.parametrize(
    ("order", "names", "status"),
    [
        ("strict", "plan act act answer", "pass"),
        ("strict", "plan act answer", "fail"),
        ("strict", "plan act answer act", "fail"),
        ("strict", "", "fail"),
        ("unordered", "answer act plan act", "pass"),
        ("unordered", "answer act plan", "fail"),
        ("unordered", "answer act plan act plan", "fail"),
        ("subset", "plan answer", "pass"),
        ("subset", "act act", "pass"),
        ("subset", "", "pass"),
        ("subset", "answer plan", "fail"),
        ("subset", "act act act", "fail"),
        ("subset", "plan other", "fail"),
        ("superset", "answer act plan other", "pass"),
        ("superset", "plan act", "fail"),
    ],
)
def test_each_order(
    judge: Callable[..., Verdict], node_trace: Callable[..., Trace], order: NodeOrder, names: str, status: str
) -> None:
    """What it accepts and what it refuses, of the same run."""
    trace = node_trace(
        ("a", "graph", "plan", 1), ("b", "graph", "act", 2), ("c", "graph", "act", 3), ("d", "graph", "answer", 4)
    )

    assert judge(nodes(order, *names.split()), traces=(trace,)).status == status


@pytest.mark.parametrize("names", ["plan left right answer", "plan right left answer"])
def test_nodes_of_one_step_are_in_free_order(
    judge: Callable[..., Verdict], node_trace: Callable[..., Trace], names: str
) -> None:
    """Which of two parallel branches starts first differs from run to run."""
    trace = node_trace(
        ("a", "graph", "plan", 1), ("b", "graph", "left", 2), ("c", "graph", "right", 2), ("d", "graph", "answer", 3)
    )

    assert judge(nodes("strict", *names.split()), traces=(trace,)).status == "pass"
    assert judge(nodes("subset", *names.split()[:3]), traces=(trace,)).status == "pass"


def test_nodes_of_different_steps_are_not(judge: Callable[..., Verdict], node_trace: Callable[..., Trace]) -> None:
    """Nor are those that state no step."""
    for steps in ((1, 2), (None, None)):
        trace = node_trace(("a", "graph", "left", steps[0]), ("b", "graph", "right", steps[1]))

        assert judge(nodes("strict", "right", "left"), traces=(trace,)).status == "fail"


@pytest.mark.parametrize("names", ["west load west.fit east load east.fit", "east load east.fit west load west.fit"])
def test_subgraphs_of_parallel_branches_do_not_mix(
    judge: Callable[..., Verdict], node_trace: Callable[..., Trace], names: str
) -> None:
    """Their nodes started in turns, and are read branch by branch."""
    trace = node_trace(
        ("e", "graph", "east", 1),
        ("w", "graph", "west", 1),
        ("w1", "w", "load", 1),
        ("e1", "e", "load", 1),
        ("e2", "e", "east.fit", 2),
        ("w2", "w", "west.fit", 2),
    )

    assert judge(nodes("strict", *names.split()), traces=(trace,)).status == "pass"
    assert judge(nodes("strict", *names.split()[::-1]), traces=(trace,)).status == "fail"


@pytest.mark.parametrize("names", ["fit fit check", "fit check fit"])
def test_branches_that_begin_alike_are_told_apart(
    judge: Callable[..., Verdict], node_trace: Callable[..., Trace], names: str
) -> None:
    """The branch comes first that is all of what was named next."""
    short, *long = ("a", "graph", "fit", 1), ("b", "graph", "fit", 1), ("b1", "b", "check", 1)

    for trace in (node_trace(short, *long), node_trace(*long, short)):
        assert judge(nodes("strict", *names.split()), traces=(trace,)).status == "pass"
        assert judge(nodes("strict", "check", "fit", "fit"), traces=(trace,)).status == "fail"


def test_each_round_of_a_loop_has_its_own_order(
    judge: Callable[..., Verdict], node_trace: Callable[..., Trace]
) -> None:
    """Parallel branches may swap in one round and not in the next."""
    trace = node_trace(
        ("a", "graph", "left", 1), ("b", "graph", "right", 1), ("c", "graph", "left", 2), ("d", "graph", "right", 2)
    )

    assert judge(nodes("strict", "right", "left", "left", "right"), traces=(trace,)).status == "pass"


def test_several_traces_follow_each_other(judge: Callable[..., Verdict], node_trace: Callable[..., Trace]) -> None:
    """In order of their start, whatever order the server lists them in."""
    later = node_trace(("a", "graph", "answer", 1), trace_id="tr-2", at_s=5.0)
    earlier = node_trace(("a", "graph", "plan", 1), at_s=1.0)

    assert judge(nodes("strict", "plan", "answer"), traces=(later, earlier)).status == "pass"


def test_nodes_are_shown_side_by_side(judge: Callable[..., Verdict], node_trace: Callable[..., Trace]) -> None:
    """What is missing and what is too much is marked."""
    trace = node_trace(("a", "graph", "load", 1), ("b", "graph", "interpret", 2), ("c", "graph", "retry", 3))
    verdict = judge(nodes("strict", "load", "estimate", "interpret"), traces=(trace,))
    (finding,) = verdict.findings

    assert verdict.reason == "other nodes ran than expected (exactly these, in this order)"
    assert finding.message == (
        "  expected   ran\n  load       load\n- estimate\n  interpret  interpret\n+            retry"
    )
    assert (finding.expected, finding.actual) == ("load, estimate, interpret", "load, interpret, retry")


def test_nodes_too_many_are_named(judge: Callable[..., Verdict], node_trace: Callable[..., Trace]) -> None:
    """Of a superset, once each."""
    trace = node_trace(("a", "graph", "plan", 1), ("b", "graph", "spy", 2), ("c", "graph", "spy", 3))
    (finding,) = judge(nodes("superset", "plan"), traces=(trace,)).findings

    assert finding.message == "not named: spy"


def test_long_agreement_is_left_out() -> None:
    """Only the neighbourhood of a difference is shown."""
    same = [f"n{at}" for at in range(9)]

    assert side_by_side([*same, "x", *same], [*same, "y", *same]) == (
        "  expected  ran\n  …\n  n7        n7\n  n8        n8\n! x         y\n  n0        n0\n  n1        n1\n  …"
    )


def test_nodes_without_a_server_are_unknown(judge: Callable[..., Verdict]) -> None:
    """Neither pass nor fail; without a trace it is a fail."""
    unknown = judge(nodes("strict", "plan"), traces=None, unknown="the server did not answer within 20 s")
    untraced = judge(nodes("superset", "plan"), traces=())

    assert (unknown.status, unknown.reason) == ("error", "unknown: the server did not answer within 20 s")
    assert (untraced.status, untraced.reason) == ("fail", "no trace records which nodes ran")
    assert [finding.message for finding in untraced.findings] == ["the server kept no trace of this case"]


LOOKUP = ToolRule(name="lookup_order", input={"order_id": 7})
NOTE = ToolRule(name="note")


def test_tools_agree_in_order(judge: Callable[..., Verdict], exchange: Callable[..., Exchange]) -> None:
    """Over several exchanges; an input that is not given is not judged."""
    calls = (exchange(("lookup_order", {"order_id": 7.0}), ("note", {"x": 1})), exchange(index=1))
    verdict = judge(Expectation(tools=(LOOKUP, NOTE)), exchanges=calls)

    assert (verdict.status, verdict.reason) == ("pass", "all 2 tool calls agree")
    assert judge(Expectation(tools=(NOTE, LOOKUP)), exchanges=calls).status == "fail"


def test_no_tools_can_be_demanded(judge: Callable[..., Verdict], exchange: Callable[..., Exchange]) -> None:
    """An empty list is not the same as none."""
    verdict = judge(Expectation(tools=()), exchanges=(exchange(("note", {})),))
    (finding,) = verdict.findings

    assert judge(Expectation(tools=()), exchanges=(exchange(),)).status == "pass"
    assert verdict.reason == "Claude made other tool calls than expected (1 instead of 0)"
    assert (finding.expected, finding.actual) == ("no tool calls", "note")


def test_tools_name_what_differs_in_an_input(judge: Callable[..., Verdict], exchange: Callable[..., Exchange]) -> None:
    """Which call, which argument."""
    verdict = judge(Expectation(tools=(LOOKUP,)), exchanges=(exchange(("lookup_order", {"order_id": 8, "a": 1})),))
    unexpected, changed = verdict.findings

    assert verdict.reason == "2 differences in the inputs of tool calls"
    assert (changed.field, changed.expected, changed.actual) == ("tools.0.input.order_id", "7", "8")
    assert changed.call == "tool call 1, lookup_order"
    assert (unexpected.field, unexpected.message) == ("tools.0.input.a", "was not expected")


def test_tools_of_broken_responses_do_not_count(
    judge: Callable[..., Verdict],
    exchange: Callable[..., Exchange],
    failed_exchange: Callable[..., Exchange],
) -> None:
    """Nor do token counts and errors."""
    calls = (
        exchange(("note", {}), complete=False),
        exchange(("note", {}), index=1, kind="count_tokens"),
        exchange(("note", {}), index=1, error=WireError(type="overloaded_error", message="in the stream")),
        failed_exchange("overloaded_error", status=529, index=2),
        exchange(("lookup_order", {"order_id": 7}), index=3),
    )

    assert judge(Expectation(tools=(LOOKUP,)), exchanges=calls).status == "pass"


def test_tools_of_parallel_callers_are_in_free_order(
    judge: Callable[..., Verdict], exchange: Callable[..., Exchange]
) -> None:
    """Callers of one step; the calls of each caller keep their order."""
    left = exchange(("a", {}), ("b", {}), node="left", step=2)
    right = exchange(("c", {}), node="right", step=2, index=1)
    later = exchange(("d", {}), node="last", step=3, index=2)

    def status(names: str) -> str:
        tools = tuple(ToolRule(name=name) for name in names)
        return judge(Expectation(tools=tools), exchanges=(left, right, later)).status

    assert [status(names) for names in ("abcd", "cabd", "bacd", "abdc")] == ["pass", "pass", "fail", "fail"]


def test_tools_of_callers_without_a_step_keep_their_order(
    judge: Callable[..., Verdict], exchange: Callable[..., Exchange]
) -> None:
    """Code outside any graph has no steps that could be parallel."""
    calls = (exchange(("a", {}), node="first"), exchange(("b", {}), node="second", index=1))
    swapped = Expectation(tools=(ToolRule(name="b"), ToolRule(name="a")))

    assert judge(swapped, exchanges=calls).status == "fail"
