"""Which entry of a script answers which request."""

from __future__ import annotations

import itertools

import pytest

from e2i_eval.claude.origin import RequestOrigin
from e2i_eval.claude.script import Script
from e2i_eval.core.case import ScriptedAnswer, ScriptedError
from e2i_eval.core.exchange import Caller


def origin(node: str | None = None, *, branch: int | None = None, step: int = 1) -> RequestOrigin:
    """An origin as LangGraph would give it."""
    namespace = None if node is None else f"{node}:{step}-{branch}"
    return RequestOrigin(caller=Caller(node=node, step=step, namespace=namespace), branch=branch)


def taken(script: Script, *origins: RequestOrigin, prompt: str = "") -> list[int | None]:
    """Positions of the entries that answer."""
    uses = [script.take(each, prompt) for each in origins]
    return [use.position if use else None for use in uses]


def test_entries_of_a_node_come_before_those_for_anybody() -> None:
    """In order within each kind; when a node has none left, it takes the others."""
    script = Script([ScriptedAnswer(), ScriptedAnswer(node="act"), ScriptedAnswer(node="plan"), ScriptedAnswer()])

    assert taken(script, *[origin("plan")] * 4, origin("act")) == [2, 0, 3, None, 1]


def test_a_node_never_takes_anothers() -> None:
    """An entry that names a node is for that node alone."""
    script = Script([ScriptedAnswer(node="act")])

    assert taken(script, origin("plan"), origin()) == [None, None]
    assert [entry.position for entry in script.left_over()] == [0]


def test_contains_skips_what_does_not_fit() -> None:
    """The first entry that fits is taken, not the first one."""
    script = Script([ScriptedAnswer(contains="Bonn"), ScriptedAnswer(contains="Köln"), ScriptedAnswer()])

    assert taken(script, origin(), origin(), prompt="in Köln") == [1, 2]


def test_an_entry_answers_as_often_as_it_says() -> None:
    """And is left over until then."""
    script = Script([ScriptedAnswer(times=2)])

    assert taken(script, origin()) == [0]
    assert len(script.left_over()) == 1
    assert taken(script, origin(), origin()) == [0, None]
    assert script.left_over() == ()


def test_a_retry_repeats_its_error_and_then_moves_on() -> None:
    """The previous entry wins only while it has failures left."""
    script = Script([ScriptedAnswer(), ScriptedAnswer(error=ScriptedError(status=500), times=2)])
    script.take(origin(), "")
    script.take(origin(), "")

    second = script.take(origin(), "", previous=1)
    third = script.take(origin(), "", previous=1)

    assert second is not None
    assert (second.position, second.number) == (1, 1)
    assert third is None


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_tasks_of_a_send_are_dealt_by_their_index(order: tuple[int, ...]) -> None:
    """Whichever task asks first, the i-th takes the i-th entry."""
    script = Script([ScriptedAnswer(node="plan"), *[ScriptedAnswer(node="work")] * 3])
    script.take(origin("plan"), "")

    assert taken(script, *(origin("work", branch=index) for index in order)) == [1 + index for index in order]


def test_a_later_send_is_dealt_from_what_is_left() -> None:
    """The second step of tasks begins where the first ended, also in entries for anybody."""
    script = Script([ScriptedAnswer()] * 4)
    tasks = [origin("work", branch=index, step=step) for step in (1, 2) for index in (1, 0)]

    assert taken(script, *tasks) == [1, 0, 3, 2]


def test_a_task_that_asks_again_takes_the_next_one() -> None:
    """Only the first call of a task is dealt."""
    script = Script([ScriptedAnswer(times=2), ScriptedAnswer()])

    assert taken(script, *[origin("work", branch=1)] * 3, origin("work", branch=0)) == [0, 0, 1, None]


def test_a_retry_of_a_task_stays_with_its_own_failure() -> None:
    """Although the entry of a sibling that has not asked yet comes first."""
    script = Script([ScriptedAnswer(), ScriptedAnswer(error=ScriptedError(status=500), times=2)])
    task = origin("work", branch=1)
    first = script.take(task, "")

    second = script.take(task, "", previous=1)

    assert [use.position for use in (first, second) if use] == [1, 1]
