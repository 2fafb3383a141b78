"""The cases as the page's own data: compact, bounded, and harmless inside HTML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, overload

from e2i_eval.core.json_codec import to_json
from e2i_eval.report.commands import rerun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from e2i_eval.core.behaviour import Behaviour, PromptCall
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.verdict import Finding, Verdict
    from e2i_eval.runner.report import CaseResult

__all__ = ["MOST_BYTES", "TEXT_CHARS", "case_data", "embedded"]

MOST_BYTES = 8_000_000
"""Of the embedded data: what a browser still opens at once."""

TEXT_CHARS = 4_000
OUTLINE_CHARS = 200
FINDINGS = 40
URGENCY = {"fail": 0, "error": 1, "pass": 2}

ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
"""Inside ``<script>`` only these could end the element or begin a comment; in JSON they mean the same.

One pass each: looking at every character took three quarters of the time of a page of 2,000 cases.
"""


def embedded(data: JsonValue) -> str:
    """Return ``data`` as JSON that can stand inside a ``<script>`` element."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for char, escaped in ESCAPES.items():
        text = text.replace(char, escaped)
    return text


def case_data(cases: Sequence[CaseResult], *, most_bytes: int = MOST_BYTES) -> dict[str, JsonValue]:
    """Return all cases, those that are wrong kept whole first, within ``most_bytes``.

    ``texts`` holds every line of every prompt once: the cases of one target share most of theirs.
    ``trimmed`` counts the cases of which only the outline is here.
    """
    rows = [_outline(case) for case in cases]
    room = most_bytes - _size(rows)
    texts: dict[str, int] = {}
    whole = 0
    for place, case in sorted(enumerate(cases), key=lambda pair: URGENCY[pair[1].status]):
        row, lines = _row(case, texts)
        size = _size(row) - _size(rows[place]) + _size(lines)
        if size > room:
            continue
        room -= size
        whole += 1
        rows[place] = row
        texts |= {line: len(texts) + at for at, line in enumerate(lines)}
    return {"cases": rows, "texts": list(texts), "trimmed": len(cases) - whole}


def _size(value: JsonValue) -> int:
    return len(embedded(value))


def _outline(case: CaseResult) -> dict[str, JsonValue]:
    """Return what the list shows, and of what is wrong one sentence a check."""
    wrong: list[JsonValue] = [
        {"check": each.check, "status": each.status, "reason": each.reason[:OUTLINE_CHARS]}
        for each in case.verdicts
        if each.status in {"fail", "error"}
    ]
    return {**_head(case), "verdicts": wrong, "trimmed": True}


def _head(case: CaseResult) -> dict[str, JsonValue]:
    return {
        "id": case.case_id,
        "repeat": case.repeat,
        "target": case.target,
        "status": case.status,
        "where": case.where,
        "rerun": rerun([case]),
        "run": case.run_id,
        "traces": list(case.trace_ids),
        "measured": {name: round(value, 6) for name, value in _finite(case.measurements)},
    }


def _finite(measurements: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    return ((name, value) for name, value in measurements.items() if abs(value) < float("inf"))


def _row(case: CaseResult, texts: Mapping[str, int]) -> tuple[dict[str, JsonValue], list[str]]:
    """Return all that is shown of a case, and the lines of its prompts that ``texts`` does not have yet."""
    lines: dict[str, int] = {}
    row = {**_head(case), "verdicts": [_verdict(each) for each in case.verdicts]}
    if case.calls:
        row["calls"] = [
            {
                "call": each.call,
                "span": each.span,
                "note": each.note,
                "fields": [
                    [_cut(field.name), _cut(field.wire), _cut(field.server), field.outcome] for field in each.fields
                ],
            }
            for each in case.calls
        ]
    if case.behaviour is not None:
        row["behaviour"] = _behaviour(case.behaviour, lambda line: _index(line, texts, lines))
    return row, list(lines)


def _verdict(verdict: Verdict) -> dict[str, JsonValue]:
    shown = [_finding(each) for each in verdict.findings[:FINDINGS]]
    return {
        "check": verdict.check,
        "status": verdict.status,
        "reason": _cut(verdict.reason),
        **({"score": verdict.score} if verdict.score is not None else {}),
        **({"findings": shown} if shown else {}),
        **({"more": len(verdict.findings) - FINDINGS} if len(verdict.findings) > FINDINGS else {}),
    }


def _finding(finding: Finding) -> dict[str, JsonValue]:
    return {name: _cut(value) for name, value in to_json(finding).items() if value is not None}


def _behaviour(behaviour: Behaviour, index: Callable[[str], int]) -> dict[str, JsonValue]:
    return {
        "nodes": list(behaviour.nodes),
        "loops": [list(each) for each in behaviour.loops],
        "error": behaviour.error,
        "calls": [_call(each, index) for each in behaviour.calls],
    }


def _call(call: PromptCall, index: Callable[[str], int]) -> dict[str, JsonValue]:
    return {
        "node": call.node,
        "model": call.model,
        "input": call.input_tokens,
        "output": call.output_tokens,
        "cache_read": call.cache_read_tokens,
        "cache_write": call.cache_write_tokens,
        "requests": call.requests,
        "tools": list(call.tools),
        "stop": call.stop_reason,
        "prompt": [index(_cut(line)) for line in call.prompt],
    }


def _index(line: str, texts: Mapping[str, int], lines: dict[str, int]) -> int:
    return texts[line] if line in texts else lines.setdefault(line, len(texts) + len(lines))


@overload
def _cut(text: str) -> str: ...


@overload
def _cut(text: None) -> None: ...


def _cut(text: str | None) -> str | None:
    """Return a text short enough for a page; nothing stays nothing."""
    if text is None or len(text) <= TEXT_CHARS:
        return text
    return f"{text[:TEXT_CHARS]}… ({len(text) - TEXT_CHARS:,} more characters, in report.json)"
