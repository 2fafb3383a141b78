"""A baseline as JSON: short enough to be reviewed, and locked against edits by hand.

The layout is made for diffs: keys in a fixed order, one line for what a case measured, one for its nodes, one for each
of its calls. The prompts stand in a document of their own, each section once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from e2i_eval.core.behaviour import Behaviour, PromptCall
from e2i_eval.core.prompt_table import PromptTable, section_key
from e2i_eval.gate.baseline.accepted import Acceptance, Baseline
from e2i_eval.gate.runs import RunCase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["SCHEMA", "baseline_from", "baseline_texts", "digest", "sections_from"]

SCHEMA = 1

CALL_DEFAULTS: Mapping[str, JsonValue] = {
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "requests": 1,
    "tools": [],
}
"""What most calls have, left out of their line."""


def baseline_texts(baseline: Baseline) -> tuple[str, str]:
    """Return the text of the baseline's file and of the file with its prompts."""
    table = PromptTable()
    cases = {name: _case(case, table) for name, case in baseline.cases.items()}
    sections = {key: list(lines) for key, lines in table.sections.items()}
    head: dict[str, JsonValue] = {
        "schema": SCHEMA,
        "name": baseline.name,
        "accepted": asdict(baseline.acceptance),
        "claude": baseline.mode,
        "prices": baseline.prices,
        "environment": dict(sorted(baseline.environment.items())),
        "prompts": digest(sections),
    }
    locked = {**head, "cases": cases}
    prompts = {"schema": SCHEMA, "sections": sections}
    main = _lines({**head, "digest": digest(locked)}, "cases", cases)
    return main, json.dumps(prompts, indent=1, ensure_ascii=False) + "\n"


def digest(value: JsonValue) -> str:
    """Return the SHA-256 of a value as canonical JSON: layout does not count, content does."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def sections_from(document: JsonObject) -> PromptTable:
    """Read the document with the prompts.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is no such document.
    """
    table = PromptTable(document["sections"])
    wrong = [key for key, lines in table.sections.items() if section_key(lines) != key]
    if wrong:
        raise ValueError(wrong[0])
    return table


def baseline_from(document: JsonObject, table: PromptTable) -> Baseline:
    """Read a baseline's document.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is no such document.
    """
    return Baseline(
        name=document["name"],
        acceptance=Acceptance(**document["accepted"]),
        mode=document["claude"],
        prices=document["prices"],
        environment=dict(document["environment"]),
        cases={name: _case_from(name, case, table) for name, case in document["cases"].items()},
    )


def _case(case: RunCase, table: PromptTable) -> dict[str, JsonValue]:
    result: dict[str, JsonValue] = {"result": {"status": case.status, "pass_rate": case.pass_rate}}
    if case.repeats > 1:
        result["result"] |= {"repeats": case.repeats, "unstable": list(case.unstable)}
    result["measured"] = {name: _short(value) for name, value in case.measured.items()}
    if case.behaviour is None:
        return {**result, "nodes": None, "calls": []}
    if case.behaviour.error:
        result["result"]["error"] = case.behaviour.error
    result["nodes"] = list(case.behaviour.nodes)
    result["calls"] = [_call(call, table) for call in case.behaviour.calls]
    return result


def _call(call: PromptCall, table: PromptTable) -> dict[str, JsonValue]:
    fields = {
        "node": call.node,
        "model": call.model,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cache_read_tokens": call.cache_read_tokens,
        "cache_write_tokens": call.cache_write_tokens,
        "requests": call.requests,
        "tools": list(call.tools),
        "stop_reason": call.stop_reason,
        "prompt": " ".join(table.add(call.prompt)),
    }
    return {key: value for key, value in fields.items() if key not in CALL_DEFAULTS or value != CALL_DEFAULTS[key]}


def _case_from(name: str, case: JsonObject, table: PromptTable) -> RunCase:
    result = case["result"]
    return RunCase(
        target=name.partition("/")[0],
        status=result["status"],
        pass_rate=result["pass_rate"],
        repeats=result.get("repeats", 1),
        measured=dict(case["measured"]),
        behaviour=None if case["nodes"] is None else _behaviour_from(case, table),
        unstable=tuple(result.get("unstable", ())),
    )


def _behaviour_from(case: JsonObject, table: PromptTable) -> Behaviour:
    nodes = tuple(case["nodes"])
    counts = {node: nodes.count(node) for node in nodes}
    return Behaviour(
        calls=tuple(_call_from(call, table) for call in case["calls"]),
        nodes=nodes,
        loops=tuple(sorted((node, count) for node, count in counts.items() if count > 1)),
        error=case["result"].get("error", ""),
    )


def _call_from(call: JsonObject, table: PromptTable) -> PromptCall:
    fields = {**CALL_DEFAULTS, **call}
    return PromptCall(**{**fields, "prompt": table.prompt(fields["prompt"].split()), "tools": tuple(fields["tools"])})


def _short(value: float) -> float:
    """Write a whole number without its zero; equal numbers give equal text."""
    return int(value) if value.is_integer() else value


def _lines(head: Mapping[str, JsonValue], key: str, cases: Mapping[str, JsonObject]) -> str:
    top = [f" {_json(name)}: {_json(value)}," for name, value in head.items()]
    rows = ",\n".join(f"  {_json(name)}: {{\n{_case_lines(case)}\n  }}" for name, case in cases.items())
    return "\n".join(["{", *top, f" {_json(key)}: {{", rows, " }", "}", ""])


def _case_lines(case: JsonObject) -> str:
    return ",\n".join(f"   {_json(name)}: {_value(value)}" for name, value in case.items())


def _value(value: JsonValue) -> str:
    """Write a value on one line; a list of objects one a line."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {_json(each)}" for each in value) + "\n   ]"
    return _json(value)


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
