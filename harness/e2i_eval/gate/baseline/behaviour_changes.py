"""What a target does differently from what was accepted: its path and its calls to Claude."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from e2i_eval.gate.baseline.diff import BaselineChange
from e2i_eval.gate.runs.call_pairs import call_name, call_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.core.behaviour import Behaviour, PromptCall

__all__ = ["behaviour_changes"]

CONTEXT_LINES = 1
OF_A_CALL = ("model", "tools", "stop_reason", "requests")
TOKENS_OF_A_CALL = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def behaviour_changes(before: Behaviour | None, after: Behaviour | None) -> Iterator[BaselineChange]:
    """Yield what differs; a behaviour that only one side knows is a difference."""
    if before is None or after is None:
        if before is not after:
            known, unknown = "observed", "not observed"
            pair = (unknown, known) if before is None else (known, unknown)
            yield BaselineChange(kind="path", metric="behaviour", before=pair[0], after=pair[1])
        return
    yield from _path(before, after)
    several = max(len(before.calls), len(after.calls)) > 1
    for accepted, made in call_pairs(before.calls, after.calls):
        yield from _call(accepted, made, before, after, several=several)


def _path(before: Behaviour, after: Behaviour) -> Iterator[BaselineChange]:
    if before.nodes != after.nodes:
        lines = _unified(before.nodes, after.nodes)
        yield BaselineChange(
            kind="path", metric="nodes", before=list(before.nodes), after=list(after.nodes), lines=lines
        )
    if before.loops != after.loops:
        yield BaselineChange(kind="path", metric="loops", before=dict(before.loops), after=dict(after.loops))
    if before.error != after.error:
        yield BaselineChange(kind="path", metric="error", before=before.error or None, after=after.error or None)


def _call(
    accepted: PromptCall | None, made: PromptCall | None, before: Behaviour, after: Behaviour, *, several: bool
) -> Iterator[BaselineChange]:
    if accepted is None or made is None:
        there = "asked" if accepted else None
        here = "asked" if made else None
        name = call_name(accepted, before) if accepted else call_name(made, after)
        lines = _unified(accepted.prompt if accepted else (), made.prompt if made else ())
        yield BaselineChange(kind="call", metric="call", before=there, after=here, call=name, lines=lines)
        return
    name = call_name(made, after)
    if accepted.prompt != made.prompt:
        yield BaselineChange(
            kind="prompt",
            metric="prompt",
            before=accepted.input_tokens,
            after=made.input_tokens,
            call=name,
            lines=_unified(accepted.prompt, made.prompt),
        )
    # of a case's only call the tokens are the case's own
    for field in (*OF_A_CALL, *(TOKENS_OF_A_CALL if several else ())):
        if (there := getattr(accepted, field)) != (here := getattr(made, field)):
            yield BaselineChange(kind="call", metric=field, before=_plain(there), after=_plain(here), call=name)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _unified(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """Return a unified diff without the two lines that would name files."""
    return tuple(difflib.unified_diff(before, after, n=CONTEXT_LINES, lineterm=""))[2:]
