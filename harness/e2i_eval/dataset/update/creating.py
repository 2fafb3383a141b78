"""Creating: the expectations of a case that has none, from what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.compare.comparison import EXACT
from e2i_eval.checks.compare.diff_path import diff_path
from e2i_eval.dataset.update.change import Change, Edit
from e2i_eval.dataset.update.edited import edits_between, identical
from e2i_eval.dataset.update.observed import observed_nodes, observed_tools

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonObject, JsonValue

__all__ = ["agreed_expectation", "creation", "has_expectations", "observed_expectation"]


def has_expectations(document: JsonObject) -> bool:
    """Tell whether a case file expects anything."""
    return bool(document.get("expect"))


def observed_expectation(evidence: Evidence) -> JsonObject:
    """Return what a case could expect: its output, its nodes, Claude's tool calls, and how often Claude was called."""
    nodes = observed_nodes(evidence)
    calls = len({exchange.call for exchange in evidence.exchanges if exchange.kind == "messages"})
    return {
        "output": evidence.run.output,
        **({"nodes": {"order": "strict", "names": nodes}} if nodes else {}),
        "tools": observed_tools(evidence),
        "budget": {"calls": calls},
    }


def agreed_expectation(observed: Sequence[JsonObject]) -> JsonObject:
    """Return what all repetitions of a case have in common; of the output what differs is ignored, else left out.

    Args:
        observed: what ``observed_expectation`` gave, one a repetition.
    """
    first, *others = observed
    agreed = {
        key: value
        for key, value in first.items()
        if key == "output" or all(identical(value, other.get(key)) for other in others)
    }
    ignored = _differing(first["output"], [other["output"] for other in others])
    if "root" in ignored:
        return {key: value for key, value in agreed.items() if key != "output"}
    if not ignored:
        return agreed
    return {"output": agreed.pop("output"), "ignore": ignored, **agreed}


def _differing(output: JsonValue, others: Sequence[JsonValue]) -> list[str]:
    """Return the DeepDiff paths at which outputs are not the same; of a list of another length that of the list."""
    found: dict[str, None] = {}
    for other in others:
        for edit in edits_between(output, other, EXACT):
            is_item = edit.kind != "replace" and isinstance(edit.path[-1], int)
            found[diff_path(edit.path[:-1] if is_item else edit.path)] = None
    return list(found)


def creation(document: JsonObject, expectation: JsonObject) -> Change:
    """Return the change that writes the expectations into a case file: before its tags, or in place of an empty one."""
    path = ("expect",)
    if "expect" in document:
        edit = Edit(kind="replace", path=path, value=expectation)
    else:
        after = "claude" if "claude" in document else "inputs"
        edit = Edit(kind="insert", path=path, value=expectation, after=after)
    return Change(kind="create", edit=edit, before=document.get("expect"), reason="the case expects nothing yet")
