"""Determinism: with Claude's answers fixed, two repetitions that differ show a target that is not deterministic."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.behaviour import Behaviour, PromptCall
    from e2i_eval.core.stats.repeats.repetition import Repetition

__all__ = ["REPEATS", "disagreement"]

REPEATS = "repeats"
"""Name of the check."""

SAME = ("claude_calls", "claude_requests", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
"""Measurements that do not depend on time."""

CALL_FIELDS = ("node", "model", "requests", "tools", "stop_reason")
LACKING = "(nothing)"


def disagreement(first: Repetition, other: Repetition) -> Verdict | None:
    """Judge whether ``other`` came out as ``first`` did, in mock or replay.

    Compared are the verdicts of the checks, what the target did (prompts line by line, nodes, tools, errors), and
    calls and tokens. Outputs count through the checks of the case: what it does not look at may differ.

    Returns:
        A failing verdict for ``other``; None when they agree, or one of them could not be judged completely.
    """
    if "error" in {first.status, other.status}:
        return None
    findings = tuple(_differences(first, other))
    if not findings:
        return None
    place = f"repetition {other.repeat + 1} differs from the first in {findings[0].field}"
    reason = f"the target is not deterministic: {place}"
    return Verdict(check=REPEATS, status="fail", reason=reason, findings=findings)


def _differences(first: Repetition, other: Repetition) -> Iterator[Finding]:
    yield from _verdicts(first, other)
    if first.behaviour is not None and other.behaviour is not None:
        yield from _behaviours(first.behaviour, other.behaviour)
    for name in SAME:
        yield from _values(name, first.measurements.get(name), other.measurements.get(name))


def _verdicts(first: Repetition, other: Repetition) -> Iterator[Finding]:
    ours = {verdict.check: verdict.status for verdict in first.verdicts}
    theirs = {verdict.check: verdict.status for verdict in other.verdicts}
    for check in dict.fromkeys((*ours, *theirs)):
        yield from _values(f"the verdict of {check}", ours.get(check), theirs.get(check))


def _behaviours(first: Behaviour, other: Behaviour) -> Iterator[Finding]:
    yield from _values("nodes", first.nodes, other.nodes)
    yield from _values("the error raised", first.error, other.error)
    yield from _values("calls to Claude", len(first.calls), len(other.calls))
    for number, (ours, theirs) in enumerate(zip(first.calls, other.calls, strict=False), 1):
        place = f"call {number} (node {ours.node!r})" if ours.node else f"call {number}"
        yield from _calls(place, ours, theirs)


def _calls(place: str, ours: PromptCall, theirs: PromptCall) -> Iterator[Finding]:
    for field in CALL_FIELDS:
        yield from _values(f"{place} {field}", getattr(ours, field), getattr(theirs, field))
    changed = ((a, b) for a, b in itertools.zip_longest(ours.prompt, theirs.prompt) if a != b)
    for line, other in itertools.islice(changed, 1):
        yield _finding(f"the prompt of {place}", line, other)


def _values(field: str, ours: object, theirs: object) -> Iterator[Finding]:
    if ours != theirs:
        yield _finding(field, ours, theirs)


def _finding(field: str, ours: object, theirs: object) -> Finding:
    return Finding(
        message="two repetitions with the same answers of Claude differ",
        field=field,
        expected=LACKING if ours is None else _text(ours),
        actual=LACKING if theirs is None else _text(theirs),
    )


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
