"""Comparing prompts and answers, part by part."""

from __future__ import annotations

import json
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from e2i_eval.checks.contract.comparison import FieldComparison
from e2i_eval.checks.contract.formats.leaves import text_leaves

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.checks.contract.comparison import Outcome
    from e2i_eval.checks.contract.model_call import ContentPart
    from e2i_eval.core.json_value import JsonValue

__all__ = ["compare_parts"]

UNRECORDED_KINDS = frozenset({"thinking", "image", "document"})
"""Kinds of part that cannot be found as text."""

Side = Literal["prompt", "reply"]

CONTAINMENT = "the span's form is unknown, so every text on the wire must occur somewhere in it"
LEAST_SHARE = 1 / 3


def compare_parts(
    truth: Sequence[ContentPart],
    logged: Sequence[ContentPart] | None,
    texts: Sequence[str],
    side: Side,
    redacted: re.Pattern[str] | None = None,
) -> Iterator[FieldComparison]:
    """Yield a comparison for each part of ``truth``, and for each part of ``logged`` that was never sent.

    ``logged`` None means that the span's form is unknown: every text is then looked for in ``texts``.
    What matches ``redacted`` in ``logged`` may be any text.
    """
    if logged is None:
        yield from _contained(truth, texts, side)
        return
    if not any(part.kind == "thinking" for part in logged):
        truth = [part for part in truth if part.kind != "thinking"]
    if len(truth) != len(logged) and _joined(truth) == _joined(logged):
        truth = logged = _one_text(truth)
    yield from _aligned(truth, logged, side, redacted)


def _aligned(
    truth: Sequence[ContentPart], logged: Sequence[ContentPart], side: Side, redacted: re.Pattern[str] | None
) -> Iterator[FieldComparison]:
    keys, logged_keys = [part.key for part in truth], [part.key for part in logged]
    for _, start, end, from_, to in SequenceMatcher(None, keys, logged_keys, autojunk=False).get_opcodes():
        both = min(end - start, to - from_)
        for offset in range(both):
            yield _compared(truth, start + offset, logged[from_ + offset], side, redacted)
        for index in range(start + both, end):
            yield _compared(truth, index, None, side, None)
        for part in logged[from_ + both : to]:
            group, field = _group(part, side), f"{_what(part, side)} beside those on the wire"
            yield FieldComparison(group=group, field=field, outcome="unsent", actual=str(part))


def _compared(
    truth: Sequence[ContentPart], index: int, logged: ContentPart | None, side: Side, redacted: re.Pattern[str] | None
) -> FieldComparison:
    part = truth[index]
    group, field = _group(part, side), _field(truth, index, side)
    if logged is None:
        return FieldComparison(group=group, field=field, outcome="missing", expected=str(part))
    expected, actual = _shown(part, logged), _shown(logged, part)
    return FieldComparison.judged(group, field, agrees=part.agrees(logged, redacted), expected=expected, actual=actual)


def _shown(part: ContentPart, other: ContentPart) -> str:
    """Show the part, and what it is when that is the difference."""
    if (part.role, part.kind) != (other.role, other.kind):
        return f"{part.role} {part.kind}: {part}"
    return f"{part} (id {part.id})" if part.key == other.key and part.id else str(part)


def _contained(truth: Sequence[ContentPart], texts: Sequence[str], side: Side) -> Iterator[FieldComparison]:
    everything = [" ".join(text.split()) for text in texts]
    for index, part in enumerate(truth):
        if part.kind in UNRECORDED_KINDS:
            continue
        group, field = _group(part, side), _field(truth, index, side)
        absent = next((text for text in _texts(part) if not _occurs(text, everything)), None)
        if absent is None:
            yield FieldComparison(group=group, field=field, outcome="agrees")
            continue
        nearest = _nearest(absent, texts)
        outcome: Outcome = "missing" if nearest is None else "differs"
        yield FieldComparison(
            group=group, field=field, outcome=outcome, expected=absent, actual=nearest, note=CONTAINMENT
        )


def _texts(part: ContentPart) -> list[str]:
    if part.kind == "tool_use":
        return [part.name, *text_leaves(_decoded(part.text))]
    return [part.text]


def _decoded(text: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _occurs(text: str, everything: Iterable[str]) -> bool:
    wanted = " ".join(text.split())
    return any(wanted in each for each in everything)


def _nearest(text: str, texts: Iterable[str]) -> str | None:
    """Return the logged text that shares most words with ``text``; None when none shares a third."""
    words = set(text.split())
    scored = [(len(words & set(each.split())) / (len(words) or 1), each) for each in texts]
    best, nearest = max(scored, default=(0.0, ""))
    return nearest if best > LEAST_SHARE else None


def _joined(parts: Sequence[ContentPart]) -> list[tuple[str, str, str, str]]:
    return [(part.role, part.kind, part.name, "".join(part.text.split())) for part in _one_text(parts)]


def _one_text(parts: Sequence[ContentPart]) -> list[ContentPart]:
    """Return ``parts`` with neighbouring texts of one role joined: libraries split and join them freely."""
    joined: list[ContentPart] = []
    for part in parts:
        before = joined[-1] if joined else None
        if before and part.kind == before.kind == "text" and part.role == before.role:
            joined[-1] = replace(before, text=f"{before.text}\n{part.text}")
        else:
            joined.append(part)
    return joined


def _group(part: ContentPart, side: Side) -> str:
    if part.kind == "thinking":
        return "thinking"
    if side == "reply":
        return "tool_calls" if part.kind == "tool_use" else "completion"
    return "system_prompt" if part.role == "system" else "messages"


def _field(truth: Sequence[ContentPart], index: int, side: Side) -> str:
    part = truth[index]
    if side == "reply" or part.role == "system":
        return _what(part, side)
    number = sum(each.role != "system" for each in truth[: index + 1])
    return f"message part {number} ({_what(part, side)})"


def _what(part: ContentPart, side: Side) -> str:
    if side == "reply":
        return f"tool call {part.name}" if part.kind == "tool_use" else f"completion {part.kind}"
    return "system prompt" if part.role == "system" else f"{part.role} {part.kind} {part.name}".strip()
