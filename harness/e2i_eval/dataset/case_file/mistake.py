"""A mistake: what pydantic says about a key, in words that say what to type."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from e2i_eval.core.suggestion import did_you_mean, quoted
from e2i_eval.dataset.case_file.problem import Problem
from e2i_eval.dataset.case_file.schema import known_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

    from e2i_eval.core.json_value import JsonValue

__all__ = ["keys_to", "mistake"]

WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
SHOWN_LETTERS = 60
YAML_1_1_BOOLS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}

RULE_GROUPS = {("expect", name) for name in ("values", "metrics", "params", "tags")}

NOTES = {
    "target": "the folder under cases/ names the target; remove the key",
    "id": "the path of the file is the id; remove the key",
    "name": "the file's name is the name; remove the key",
}
"""Keys that people look for on the top level."""


def mistake(error: ErrorDetails, lines: Mapping[str, int]) -> Problem:
    """Return one error of a ``ValidationError`` as a problem of the case file."""
    path = keys_to(error)
    return Problem(line=_line(path, lines), what=_what(error, path), fix=_fix(error, path))


def keys_to(error: ErrorDetails) -> tuple[str, ...]:
    """Return the keys that lead to the error, without the branches of unions that pydantic puts between them."""
    return tuple(str(key) for key in error["loc"] if not re.fullmatch(r"<\w+>|\[key\]", str(key)))


def _line(path: tuple[str, ...], lines: Mapping[str, int]) -> int:
    return next((lines[key] for end in range(len(path), 0, -1) if (key := ".".join(path[:end])) in lines), 1)


def _what(error: ErrorDetails, path: tuple[str, ...]) -> str:
    kind, key, value, said = error["type"], ".".join(path) or "the file", error["input"], error["msg"]
    if kind in {"extra_forbidden", "missing"}:
        return _misnamed(kind, path)
    if kind == "literal_error":
        allowed = error["ctx"]["expected"].replace(" or ", ", ")
        return f"{key} must be one of {allowed}, not {_shown(value)}{did_you_mean(str(value), _words(allowed))}"
    if kind == "union_tag_invalid":
        return f"{key} is of a kind that is no content block here: {_shown(value)}"
    if kind in WANTED or said.startswith("Input should "):
        wanted = f"be {WANTED[kind]}" if kind in WANTED else said.removeprefix("Input should ")
        return f"{key} must {wanted}, not {_shown(value)}"
    return f"{key} {said[0].lower()}{said[1:]}"


def _misnamed(kind: str, path: tuple[str, ...]) -> str:
    within = f" in '{'.'.join(path[:-1])}'" if path[1:] else ""
    if kind == "missing":
        return f"key '{path[-1]}' is missing{within}"
    return f"unknown key '{path[-1]}'{within}{'' if _note(path) else _guess(path)}"


def _note(path: tuple[str, ...]) -> str | None:
    return NOTES.get(path[0]) if len(path) == 1 else None


def _guess(path: tuple[str, ...]) -> str:
    return did_you_mean(path[-1], known_keys(path[:-1]))


def _words(allowed: str) -> list[str]:
    return re.findall(r"'([^']*)'", allowed)


def _shown(value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]}…"


def _fix(error: ErrorDetails, path: tuple[str, ...]) -> str | None:
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        return _note(path) or (None if _guess(path) else f"known here: {quoted(known_keys(path[:-1]))}")
    if kind == "missing":
        return "write 'schema: 1' as the first line" if path == ("schema",) else f"add '{path[-1]}:'"
    if kind == "union_tag_invalid":
        return "give it type: text, thinking, redacted_thinking or tool_use"
    return _retyped(kind, value, path)


def _retyped(kind: str, value: JsonValue, path: tuple[str, ...]) -> str | None:
    """Return how to write ``value`` so that it has the type asked for, where that is clear."""
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f'put it in quotes: "{_shown(value)}"'
    if kind == "bool_type" and str(value).lower() in YAML_1_1_BOOLS:
        return f"write {YAML_1_1_BOOLS[value.lower()]}"
    if kind == "model_type" and isinstance(value, list) and path[:2] in RULE_GROUPS:
        return f"write {{equals: {_shown(value)}}}"
    return None
