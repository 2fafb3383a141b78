"""Which call to Claude of one run is which call of another."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.core.behaviour import Behaviour, PromptCall

__all__ = ["CallPair", "call_name", "call_pairs"]

CallPair = tuple["PromptCall | None", "PromptCall | None"]
"""The first run's call and the other's; None where there is none."""

ALIKE = 0.3
"""From this similarity of their prompts on two calls of one node are the same call, changed."""


def call_pairs(before: Sequence[PromptCall], after: Sequence[PromptCall]) -> Iterator[CallPair]:
    """Yield the calls of both sides in pairs, by node.

    Within a node equal prompts belong together; of the rest, calls in order when there are as many on both sides, and
    else those whose prompts are most alike.
    """
    for node in sorted({call.node for call in (*before, *after)}):
        yield from _of_node(
            [call for call in before if call.node == node], [call for call in after if call.node == node]
        )


def call_name(call: PromptCall | None, behaviour: Behaviour) -> str:
    """Return what a person calls a call of a case: ``call 2 (narrate)``."""
    at = next(number for number, each in enumerate(behaviour.calls, 1) if each is call)
    return f"call {at} ({call.node if call and call.node else 'outside any node'})"


def _of_node(before: list[PromptCall], after: list[PromptCall]) -> Iterator[CallPair]:
    left: list[PromptCall] = []
    came = list(after)
    for call in before:
        twin = next((each for each in came if each.prompt == call.prompt), None)
        if twin is None:
            left.append(call)
        else:
            came.remove(twin)
            yield call, twin
    if len(left) == len(came):
        yield from zip(left, came, strict=True)
        return
    yield from _most_alike(left, came)


def _most_alike(before: list[PromptCall], after: list[PromptCall]) -> Iterator[CallPair]:
    ranked = sorted(
        ((_likeness(one, other), at, to) for at, one in enumerate(before) for to, other in enumerate(after)),
        key=lambda rank: (-rank[0], rank[1], rank[2]),
    )
    partner: dict[int, int] = {}
    for likeness, at, to in ranked:
        if likeness >= ALIKE and at not in partner and to not in partner.values():
            partner[at] = to
    for at, call in enumerate(before):
        yield call, after[partner[at]] if at in partner else None
    yield from ((None, call) for to, call in enumerate(after) if to not in partner.values())


def _likeness(one: PromptCall, other: PromptCall) -> float:
    return difflib.SequenceMatcher(None, one.prompt, other.prompt, autojunk=False).ratio()
