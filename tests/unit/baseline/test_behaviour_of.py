"""What a behaviour holds: the same in every run, and nothing secret."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.behaviour_of import behaviour_of, observed, prompt_measurements
from e2i_eval.core.trace import Logged, Span, Trace
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Exchange

SECRET = "correct-horse-battery-staple"


def test_a_prompt_is_told_line_by_line(asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]) -> None:
    """System prompt, messages, tools and settings are there, in the API's words."""
    tool = {"name": "lookup", "description": "Finds orders.", "input_schema": {"type": "object"}}
    evidence = evidence_of(asked("Where is it?\nNow.", tools=[tool], temperature=0.5, metadata={"user_id": "x"}))

    (call,) = behaviour_of(evidence).calls

    assert call.prompt == (
        *("[system]", "Be brief.", "[user]", "Where is it?", "Now."),
        *("[tool lookup]", "Finds orders.", "{", ' "input_schema": {', '  "type": "object"', " }", "}"),
        *("[settings]", "max_tokens: 100", "temperature: 0.5"),
    )
    assert (call.node, call.model, call.stop_reason) == ("plan", "claude-sonnet-5-5", "end_turn")
    assert (call.input_tokens, call.output_tokens, call.requests) == (10, 2, 1)


def test_the_order_of_parallel_calls_is_not_told(
    asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]
) -> None:
    """Whichever branch asks first, the behaviour is the same."""
    texts = ["north", "south", "east", "west"]
    behaviours = set()
    for seed in range(8):
        random.Random(seed).shuffle(texts)
        exchanges = (asked(text, node=f"ask_{text[0]}", index=at) for at, text in enumerate(texts))
        behaviours.add(behaviour_of(evidence_of(*exchanges)))

    assert len(behaviours) == 1


def test_the_steps_of_a_loop_keep_their_order(
    asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]
) -> None:
    """Calls of one node come in the order of the graph's steps, not of their texts."""
    evidence = evidence_of(asked("z first", step=1, index=0), asked("a second", step=3, index=1))

    assert [call.prompt[3] for call in behaviour_of(evidence).calls] == ["z first", "a second"]


def test_a_retried_call_is_one_call(asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]) -> None:
    """Requests are counted, the call is not told twice."""
    first = replace(asked("Why?"), status=529, response={"type": "error"}, usage=None)
    evidence = evidence_of(first, replace(asked("Why?", index=1), call=0, attempt=1))

    (call,) = behaviour_of(evidence).calls

    assert (call.requests, call.input_tokens) == (2, 10)


def test_ids_that_change_are_not_told(asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]) -> None:
    """Ids of tool calls, of the run, of the trace, and random UUIDs are named by their order."""

    def run(tool_id: str, run_id: str, uuid: str) -> tuple[str, ...]:
        messages = [
            {"role": "user", "content": f"order {uuid} in {run_id}"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": tool_id, "name": "lookup", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": tool_id, "content": f"of {tool_id}"}]},
        ]
        evidence = evidence_of(asked("", messages=messages), logged=Logged(run_id=run_id, status="RUNNING"))
        return behaviour_of(evidence).calls[0].prompt

    one = run("toolu_0001abcd", "0f" * 16, "7f3b2c1d-1111-4aaa-8bbb-000000000001")
    other = run("toolu_0002efgh", "1e" * 16, "7f3b2c1d-1111-4aaa-8bbb-000000000002")

    assert one == other
    assert "order <id 1> in <run>" in one
    assert "[user tool_result #1]" in one


def test_an_id_that_was_given_is_content(asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]) -> None:
    """A UUID of the case's inputs is told: to ask about another one is another behaviour."""
    given = "7f3b2c1d-1111-4aaa-8bbb-000000000001"
    evidence = evidence_of(asked(f"customer {given}"), inputs={"customer": given})

    assert f"customer {given}" in behaviour_of(evidence).calls[0].prompt


def test_secrets_never_get_in(asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]) -> None:
    """Known secrets and what looks like one are nowhere in the report: prompts, tools, settings, JSON."""
    odd = 'two\nlines "quoted"'
    patient = "PAT-12345678"
    request: dict[str, Any] = {
        "system": f"Use {SECRET}.",
        "messages": [
            {"role": "user", "content": f"key sk-ant-api03-abcdefgh12345678 and {odd}"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "x", "input": {"key": odd}}]},
            {"role": "user", "content": f"Authorization: Bearer abcdef0123456789xyz for {patient}"},
        ],
        "tools": [{"name": "t", "description": SECRET, "input_schema": {"default": odd}}],
        "stop_sequences": [SECRET],
    }
    evidence = evidence_of(asked("", node=SECRET, **request), secrets=(SECRET, odd))

    behaviour = behaviour_of(evidence, {"patient": r"PAT-\d{8}"})

    result = CaseResult(case_id="a/b", target="a", nodeid="n", where="w", verdicts=(), behaviour=behaviour)
    text = json.dumps(Report(session={}, environment={}, cases=(result,)).to_json())
    for planted in (SECRET, "sk-ant-api03", "abcdef0123456789", patient, "quoted", "lines"):
        assert planted not in text
    assert text.count("<secret>") >= 8


def test_a_request_of_an_unknown_form_is_still_told(
    asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]
) -> None:
    """A prompt this version cannot read is compared as it is."""
    one = behaviour_of(evidence_of(asked("", messages=[{"role": "narrator", "content": "once"}])))
    other = behaviour_of(evidence_of(asked("", messages=[{"role": "narrator", "content": "twice"}])))

    assert one != other


def test_what_cannot_be_read_is_an_error_and_not_a_pass(
    asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]
) -> None:
    """A request that breaks the reader costs the case its pass, not its other verdicts."""
    behaviour, (verdict,) = observed(evidence_of(asked("Why?", tools=["no tool"])))

    assert behaviour is None
    assert verdict.status == "error"


def test_parallel_nodes_come_in_a_fixed_order(evidence_of: Callable[..., Evidence]) -> None:
    """Branches of one step come by name, each followed by the nodes inside it; repeated nodes are counted."""

    def trace(*nodes: tuple[str, str, int]) -> Trace:
        spans = (_span(f"s{at}", name, parent, step, at) for at, (name, parent, step) in enumerate(nodes))
        return Trace(trace_id="t", state="OK", experiment_id="0", started_at_s=0.0, duration_s=1.0, spans=tuple(spans))

    one = trace(("plan", "", 1), ("b", "", 2), ("a", "", 2), ("load", "s1", 1), ("load", "s2", 1), ("join", "", 3))
    other = trace(("plan", "", 1), ("a", "", 2), ("b", "", 2), ("load", "s2", 1), ("load", "s1", 1), ("join", "", 3))

    behaviours = {behaviour_of(evidence_of(traces=(each,))) for each in (one, other)}

    (behaviour,) = behaviours
    assert behaviour.nodes == ("plan", "a", "load", "b", "load", "join")
    assert behaviour.loops == (("load", 2),)


def _span(span_id: str, name: str, parent: str, step: int, at: int) -> Span:
    return Span(
        span_id=span_id,
        parent_id=parent or None,
        name=name,
        type="CHAIN",
        status="OK",
        started_at_s=float(at),
        duration_s=0.1,
        attributes={"metadata": {"langgraph_node": name, "langgraph_step": step}},
    )


def test_prompt_tokens_grow_whatever_the_script_states(
    asked: Callable[..., Exchange], evidence_of: Callable[..., Evidence]
) -> None:
    """One more sentence is more prompt, though the scripted usage is the same."""
    short, long = (behaviour_of(evidence_of(asked(text))) for text in ("Why?", "Why? Say so."))

    assert short.calls[0].input_tokens == long.calls[0].input_tokens
    assert prompt_measurements(long)["prompt_tokens"] > prompt_measurements(short)["prompt_tokens"]
    assert prompt_measurements(None) == {}
