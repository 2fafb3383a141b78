"""Whatever is asked and answered: logged faithfully it passes, and with any one leaf changed it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from e2i_eval.checks.contract import Contract
from e2i_eval.checks.contract.matching import assign
from e2i_eval.checks.contract.reconciliation import reconcile
from e2i_eval.core.exchange import Caller, Exchange, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.verdict import Verdict

WORDS = st.text(alphabet="abc déf\n<>{}\"'\\1", min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
VALUES = st.one_of(WORDS, st.integers(-9, 9), st.booleans(), st.lists(st.integers(0, 3), max_size=2))
INPUTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=3)
TEXTS = st.builds(lambda text: {"type": "text", "text": text}, WORDS)
USES = st.builds(
    lambda number, name, told: {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": told},
    st.integers(0, 99),
    NAMES,
    INPUTS,
)
RESULTS = st.builds(
    lambda number, text: {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": text},
    st.integers(0, 99),
    WORDS,
)
ASKING = st.one_of(WORDS, st.lists(st.one_of(TEXTS, RESULTS), min_size=1, max_size=3))
ANSWER = st.lists(st.one_of(TEXTS, USES), min_size=1, max_size=3, unique_by=lambda block: block.get("id", id(block)))
TOOLS = st.lists(
    st.builds(lambda name, text: {"name": name, "description": text, "input_schema": {"type": "object"}}, NAMES, WORDS),
    max_size=2,
    unique_by=lambda tool: tool["name"],
)

TOLD_NOT_COMPARED = ("type", "role", "stop_sequence")
"""Keys whose value says how a body is built; changing it makes another kind of body, or says nothing."""


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Exchange, ...]:
    """Return one to three calls, one after the other or at once."""
    count = draw(st.integers(1, 3))
    gap_s = draw(st.sampled_from([0.0, 0.05]))
    return tuple(draw(_exchange(number, 1000 + number * gap_s)) for number in range(count))


@st.composite
def _exchange(draw: st.DrawFn, number: int, started_at_s: float) -> Exchange:
    turns = [draw(ASKING)]
    for _ in range(draw(st.integers(0, 2))):
        turns += [draw(ANSWER), draw(ASKING)]
    messages = [
        {"role": "assistant" if index % 2 else "user", "content": content} for index, content in enumerate(turns)
    ]
    request = {"model": "claude-sonnet-5-5", "max_tokens": draw(st.integers(1, 999)), "messages": messages}
    if draw(st.booleans()):
        request["system"] = draw(st.one_of(WORDS, st.lists(TEXTS, min_size=1, max_size=2)))
    if tools := draw(TOOLS):
        request["tools"] = tools
    usage = Usage(
        input_tokens=draw(st.integers(1, 500)),
        output_tokens=draw(st.integers(1, 500)),
        cache_read_tokens=draw(st.sampled_from([0, 700])),
        cache_write_5m_tokens=draw(st.sampled_from([0, 90])),
    )
    response = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": draw(ANSWER),
        "stop_reason": draw(st.sampled_from(["end_turn", "tool_use", "max_tokens"])),
    }
    return Exchange(
        index=number,
        call=number,
        attempt=0,
        caller=Caller(node=f"node{number}"),
        request=request,
        response=response,
        status=200,
        started_at_s=started_at_s,
        duration_s=0.02,
        usage=usage,
    )


def judged(evidence: Evidence) -> Verdict:
    """Return the oracle's verdict."""
    return reconcile(evidence.exchanges, evidence.traces or (), Contract().calls).verdict(lambda text: text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=exchanges())
def test_what_is_logged_faithfully_passes(
    logged_by_handler: Callable[[tuple[Exchange, ...]], Evidence], asked: tuple[Exchange, ...]
) -> None:
    """No structure of messages raises a false alarm."""
    verdict = judged(logged_by_handler(asked))

    assert (verdict.status, verdict.findings, verdict.score) == ("pass", (), 1.0)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=exchanges(), data=st.data())
def test_any_changed_leaf_fails(
    logged_by_handler: Callable[[tuple[Exchange, ...]], Evidence], asked: tuple[Exchange, ...], data: st.DataObject
) -> None:
    """One value of one span's inputs or outputs is changed."""
    evidence = logged_by_handler(asked)
    trace = (evidence.traces or ())[0]
    index = data.draw(st.integers(1, len(trace.spans) - 1))
    span = trace.spans[index]
    side = data.draw(st.sampled_from(["inputs", "outputs"]))
    told = json.loads(json.dumps(getattr(span, side)))
    path = data.draw(st.sampled_from([path for path in _paths(told) if path[-1] not in TOLD_NOT_COMPARED]))
    _change(told, path)
    assume(told != getattr(span, side))
    spans = (*trace.spans[:index], replace(span, **{side: told}), *trace.spans[index + 1 :])

    verdict = judged(replace(evidence, traces=(replace(trace, spans=spans),)))

    assert verdict.status == "fail", f"{side} at {path} of {span}"
    assert all(each.call or each.span for each in verdict.findings)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _paths(each, (*path, key))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _paths(each, (*path, index))
    else:
        yield path


def _change(value: Any, path: tuple[Any, ...]) -> None:  # noqa: ANN401  any JSON
    for step in path[:-1]:
        value = value[step]
    old = value[path[-1]]
    value[path[-1]] = {str: f"{old}x", bool: not old, int: -1000, list: ["new"]}.get(type(old), "new")


@settings(max_examples=100, deadline=None)
@given(
    costs=st.integers(1, 5).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(0, 20), min_size=columns, max_size=columns), min_size=1, max_size=5
        )
    )
)
def test_the_assignment_is_the_cheapest(costs: list[list[int]]) -> None:
    """Compared with trying all."""
    limit = 15.0
    found = assign([[float(cost) for cost in row] for row in costs], limit)

    total = sum(costs[row][column] for row, column in found.items()) + limit * (len(costs) - len(found))
    assert len(set(found.values())) == len(found)
    assert total == _cheapest(costs, 0, frozenset(), limit)


def _cheapest(costs: list[list[int]], row: int, taken: frozenset[int], limit: float) -> float:
    if row == len(costs):
        return 0.0
    alone = limit + _cheapest(costs, row + 1, taken, limit)
    free = [column for column in range(len(costs[row])) if column not in taken and costs[row][column] < limit]
    return min([alone, *(costs[row][column] + _cheapest(costs, row + 1, taken | {column}, limit) for column in free)])
