"""The check ``trajectory``: from traces to a verdict that shows the step that differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.checks.trajectory import trajectory_check
from e2i_eval.core.evidence import Evidence
from e2i_eval.core.run import Run
from e2i_eval.core.trace import Span, Trace
from e2i_eval.dataset.made_case import make_case
from e2i_eval.report import failure_lines
from e2i_eval.runner.report import CaseResult

if TYPE_CHECKING:
    from e2i_eval.core.case import Case
    from e2i_eval.core.verdict import Verdict


class TraceOf:
    """Builds a trace span by span; each starts one second after the last and takes half a second."""

    def __init__(self) -> None:
        self.spans: list[Span] = [self._span("graph", None, "LangGraph", "CHAIN")]

    def node(self, name: str, step: int, parent: str = "graph") -> str:
        """Add a node's span and return its id."""
        return self._add(parent, name, "CHAIN", metadata={"langgraph_node": name, "langgraph_step": step})

    def asks(self, parent: str, *calls: tuple[str, dict[str, Any]], at_s: float | None = None) -> str:
        """Add the span of a model that asks for tools."""
        content = [{"type": "tool_use", "id": f"t{at}", "name": name, "input": i} for at, (name, i) in enumerate(calls)]
        answer = {"type": "message", "role": "assistant", "content": content}
        return self._add(parent, "model", "CHAT_MODEL", outputs=answer, at_s=at_s)

    def runs(self, parent: str, tool: str, given: object, at_s: float | None = None) -> str:
        """Add the span of a tool that runs."""
        return self._add(parent, tool, "TOOL", inputs=given, at_s=at_s)

    def trace(self) -> Trace:
        """Return it."""
        return Trace(
            trace_id="tr-1", state="OK", experiment_id="0", started_at_s=0.0, duration_s=9.0, spans=tuple(self.spans)
        )

    def _add(self, parent: str, name: str, kind: str, *, at_s: float | None = None, **more: Any) -> str:  # noqa: ANN401  any field
        metadata = {"attributes": {"metadata": more.pop("metadata")}} if "metadata" in more else {}
        span_id = f"s{len(self.spans)}"
        self.spans.append(self._span(span_id, parent, name, kind, at_s=at_s, **metadata, **more))
        return span_id

    def _span(
        self,
        span_id: str,
        parent: str | None,
        name: str,
        kind: str,
        *,
        at_s: float | None = None,
        **more: Any,  # noqa: ANN401  any field
    ) -> Span:
        started = float(len(getattr(self, "spans", ()))) if at_s is None else at_s
        return Span(
            span_id=span_id,
            parent_id=parent,
            name=name,
            type=kind,
            status="OK",
            started_at_s=started,
            duration_s=0.5,
            **more,
        )


def agent() -> TraceOf:
    """Return an agent that plans, looks up an order in a loop of two, and answers."""
    told = TraceOf()
    plan = told.node("plan", 1)
    told.asks(plan, ("lookup_order", {"order_id": 7, "note": "first"}))
    tools = told.node("tools", 2)
    told.runs(tools, "lookup_order", {"order_id": 7, "note": "first", "state": {"user": 1}})
    again = told.node("plan", 3)
    told.asks(again, ("lookup_order", {"order_id": 8}))
    tools = told.node("tools", 4)
    told.runs(tools, "lookup_order", '{"order_id": 8}')
    told.node("answer", 5)
    return told


def judged(expect: dict[str, Any], *traces: Trace, unknown: str = "") -> Verdict:
    """Return the verdict on ``traces``; with ``unknown`` the server could not be asked."""
    case: Case = make_case("support/refund", target="support", inputs={}, expect={"trajectory": expect})
    run = Run(output={}, error=None, started_at_s=0.0, duration_s=0.1)
    assert case.expect.trajectory is not None
    return trajectory_check(case.expect.trajectory).judge(
        Evidence(case=case, run=run, traces=None if unknown else traces, unknown=unknown)
    )


STEP_9 = 'tool lookup_order {"order_id": 9}'
WHOLE = [
    {"node": "plan"},
    {"tool": "lookup_order", "input": {"order_id": 7}, "match": {"note": "any"}},
    {"node": "tools"},
    {"node": "plan"},
    {"tool": "lookup_order", "input": {"order_id": 8}},
    {"node": "tools"},
    {"node": "answer"},
]


@pytest.mark.parametrize(
    ("expect", "status"),
    [
        ({"steps": WHOLE}, "pass"),
        ({"steps": WHOLE[:-1]}, "fail"),
        ({"steps": [WHOLE[1], WHOLE[0], *WHOLE[2:]]}, "fail"),
        ({"mode": "unordered", "steps": WHOLE[::-1]}, "pass"),
        ({"mode": "unordered", "steps": [*WHOLE, WHOLE[0]]}, "fail"),
        ({"mode": "subset", "steps": [WHOLE[1], WHOLE[6]]}, "pass"),
        ({"mode": "subset", "steps": [WHOLE[6], WHOLE[1]]}, "fail"),
        ({"mode": "subset", "in_order": False, "steps": [WHOLE[6], WHOLE[1]]}, "pass"),
        ({"mode": "superset", "steps": [*WHOLE[::-1], {"node": "apologise"}]}, "pass"),
        ({"mode": "superset", "in_order": True, "steps": [{"node": "start"}, *WHOLE]}, "pass"),
        ({"mode": "superset", "in_order": True, "steps": WHOLE[::-1]}, "fail"),
        ({"mode": "superset", "steps": WHOLE[1:]}, "fail"),
        ({"of": "tools", "steps": [WHOLE[1], WHOLE[4]]}, "pass"),
        ({"of": "nodes", "steps": [WHOLE[0], WHOLE[2], WHOLE[3], WHOLE[5], WHOLE[6]]}, "pass"),
        ({"of": "nodes", "steps": []}, "fail"),
    ],
)
def test_each_mode(expect: dict[str, Any], status: str) -> None:
    """What it accepts and what it refuses of the same loop; a tool asked for and run is one step."""
    assert judged(expect, agent().trace()).status == status


def test_the_step_that_differs_is_shown() -> None:
    """Side by side, marked, with the argument that differs and the step's line or case."""
    steps = [*WHOLE[:4], {"tool": "lookup_order", "input": {"order_id": 9}}, *WHOLE[5:]]

    verdict = judged({"steps": steps}, agent().trace())
    whole, argument = verdict.findings

    assert verdict.reason == "1 step differs: 1 with other arguments (exactly these steps in this order)"
    assert whole.message.splitlines() == [
        f"  {'expected':<{len(STEP_9)}}  taken",
        "  …",
        f"  {'node tools':<{len(STEP_9)}}  node tools",
        f"  {'node plan':<{len(STEP_9)}}  node plan",
        f"! {STEP_9}  {STEP_9.replace('9', '8')}",
        f"  {'node tools':<{len(STEP_9)}}  node tools",
        f"  {'node answer':<{len(STEP_9)}}  node answer",
    ]
    assert (argument.field, argument.expected, argument.actual) == ("trajectory.steps.4.input.order_id", "9", "8")
    assert argument.message.startswith("step 5, tool lookup_order: is another number")
    assert verdict.score == pytest.approx(6 / 7)


def test_missing_and_unexpected_steps_are_told() -> None:
    """A step that was left out, and one that nothing expects."""
    steps = [WHOLE[0], WHOLE[1], WHOLE[2], {"node": "review"}, *WHOLE[3:6]]

    verdict = judged({"steps": steps}, agent().trace())
    lines = verdict.findings[0].message.splitlines()

    assert verdict.reason.startswith("2 steps differ: 1 missing, 1 not expected")
    assert [line.split() for line in lines if line.startswith(("-", "+"))] == [
        ["-", "node", "review"],
        ["+", "node", "answer"],
    ]


def test_a_tool_nobody_asked_for_is_a_step() -> None:
    """So is one that ran with other arguments than the model asked for; a second run of one call is one too."""
    told = TraceOf()
    act = told.node("act", 1)
    told.asks(act, ("pay", {"usd": 5}))
    told.runs(act, "pay", {"usd": 5})
    told.runs(act, "pay", {"usd": 5})
    told.runs(act, "pay", {"usd": 500})
    told.runs(act, "notify", {"input": '{"to": "me"}'})
    steps = [
        {"tool": "pay", "input": {"usd": 5}},
        {"tool": "pay", "input": {"usd": 5}},
        {"tool": "pay", "input": {"usd": 500}},
        {"tool": "notify", "input": {"to": "me"}},
    ]

    assert judged({"of": "tools", "steps": steps}, told.trace()).status == "pass"
    assert judged({"of": "tools", "steps": steps[:1]}, told.trace()).status == "fail"


@pytest.mark.parametrize("order", [["north", "south"], ["south", "north"]])
def test_parallel_branches_may_be_named_in_any_order(order: list[str]) -> None:
    """With the tool calls inside them, which do not move to another branch; calls at the same time are as free."""
    told = TraceOf()
    split = told.node("split", 1)
    told.asks(split, ("x", {}), at_s=1.1)
    told.asks(split, ("y", {}), at_s=1.2)
    for name in ("north", "south"):
        branch = told.node(name, 2)
        told.asks(branch, (f"ask_{name}", {}))
    told.node("join", 3)
    branches = [step for name in order for step in ({"node": name}, {"tool": f"ask_{name}"})]
    calls = [{"tool": "x"}, {"tool": "y"}] if order[0] == "north" else [{"tool": "y"}, {"tool": "x"}]
    mixed = [{"node": order[0]}, {"node": order[1]}, {"tool": "ask_north"}, {"tool": "ask_south"}]

    assert judged({"steps": [{"node": "split"}, *calls, *branches, {"node": "join"}]}, told.trace()).status == "pass"
    assert judged({"steps": [{"node": "split"}, *calls, *mixed, {"node": "join"}]}, told.trace()).status == "fail"
    assert judged({"steps": [*calls, {"node": "split"}, *branches, {"node": "join"}]}, told.trace()).status == "fail"


def test_what_cannot_be_known_is_no_pass() -> None:
    """No answer of the server is an error, no trace a fail."""
    assert judged({"steps": []}, unknown="the server is gone").status == "error"
    assert judged({"steps": []}).status == "fail"


def test_the_reference_shows_what_is_printed() -> None:
    """The block in trajectory.md is what a report says of such a case."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "trajectory.md").read_text(encoding="utf-8")
    told = TraceOf()
    plan = told.node("plan", 1)
    told.asks(plan, ("lookup_order", {"order_id": 8}))
    told.node("act", 2)
    told.node("answer", 3)
    steps = [{"node": "plan"}, {"tool": "lookup_order", "input": {"order_id": 9}}, {"node": "act"}, {"node": "answer"}]

    verdict = judged({"steps": steps}, told.trace())
    _, _, *printed = failure_lines(
        CaseResult(case_id="support/refund", target="support", nodeid="", where="", verdicts=(verdict,))
    )

    assert "\n".join(["```text", *printed, "```"]) in page
