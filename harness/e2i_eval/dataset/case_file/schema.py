"""The JSON Schema of case files, with which editors complete and explain them."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from e2i_eval.dataset.case_file.case_form import CaseForm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from e2i_eval.core.json_value import JsonObject

__all__ = ["case_schema", "known_keys", "write_case_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMED_CHILDREN = ("properties", "$defs")


def case_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that a case file follows; a fresh copy each time."""
    return copy.deepcopy(_schema())


def write_case_schema(path: Path) -> None:
    """Write the schema to ``path``, as ``docs/reference/case.schema.json`` holds it."""
    path.write_text(json.dumps(case_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def known_keys(path: Sequence[str]) -> tuple[str, ...]:
    """Return the keys a case file may have in the mapping at ``path``, e.g. ``("claude", "0")``."""
    nodes = [_schema()]
    for step in path:
        nodes = [child for node in nodes for each in _alternatives(node) for child in _children(each, step)]
    return tuple(dict.fromkeys(key for node in nodes for each in _alternatives(node) for key in each["properties"]))


@cache
def _schema() -> dict[str, Any]:
    return {"$schema": DIALECT, **_tidy(CaseForm.model_json_schema(by_alias=True))}


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop what pydantic adds and a reader does not need: generated titles, and null as the default of a key."""
    tidy: dict[str, Any] = {}
    for key, value in schema.items():
        if key in NAMED_CHILDREN:
            tidy[key] = {name: _tidy(child) for name, child in value.items()}
        elif isinstance(value, dict) and key != "default":
            tidy[key] = _tidy(value)
        elif key in {"anyOf", "oneOf"}:
            tidy[key] = [_tidy(branch) for branch in value]
        elif not (key == "title" and value != CaseForm.model_config["title"]) and (key, value) != ("default", None):
            tidy[key] = value
    return tidy


def _alternatives(node: JsonObject) -> Iterator[dict[str, Any]]:
    """Yield the plain schemas that ``node`` stands for, each with ``properties``."""
    if "$ref" in node:
        yield from _alternatives(_schema()["$defs"][node["$ref"].rpartition("/")[2]])
    branches = [*node.get("anyOf", ()), *node.get("oneOf", ())]
    for branch in branches:
        yield from _alternatives(branch)
    yield {"properties": {}, **node}


def _children(node: JsonObject, step: str) -> Iterator[dict[str, Any]]:
    for child in (node["properties"].get(step), node.get("items"), node.get("additionalProperties")):
        if isinstance(child, dict):
            yield child
