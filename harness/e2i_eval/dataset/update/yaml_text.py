"""A value as YAML text, in the style of what stood there before."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.update.edited import identical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.json_value import JsonValue

__all__ = ["WIDTH", "block_lines", "flow_text", "key_text", "literal_text", "scalar_text"]

WIDTH = 120
"""What is longer than a line goes on lines of its own."""

STEP = 2
"""Spaces that a level is indented by where nothing shows how the file does it."""


def scalar_text(value: JsonValue, *, style: str | None = None, in_flow: bool) -> str:
    """Return a scalar on one line: in ``style`` when it can be written so, plain when it can, or else in quotes.

    Args:
        value: text, a number, a bool or None.
        style: of what stood there, as PyYAML names it.
        in_flow: it is within brackets.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if not isinstance(value, str):
        return json.dumps(value)
    return next(each for each in _candidates(value, style) if _reads_as(each, value, in_flow=in_flow))


def _candidates(value: str, style: str | None) -> Iterator[str]:
    single = "'" + value.replace("'", "''") + "'"
    double = json.dumps(value, ensure_ascii=False)
    is_line = "\n" not in value and "\r" not in value
    if style == "'" and is_line:
        yield single
    if style == '"':
        yield double
    if is_line:
        yield value
    yield double
    yield json.dumps(value)  # what no file may hold as it is, escaped


def _reads_as(text: str, value: str, *, in_flow: bool) -> bool:
    """Tell whether a text is read as ``value`` where it would stand, the last item and not the last."""
    if text == "" or "\n" in text:
        return False
    whole, expected = (f"k: [{text}, {{k: {text}}}]", [value, {"k": value}]) if in_flow else (f"k: {text}", value)
    document = parse_yaml(whole + "\n")
    return not document.problems and identical(document.data, {"k": expected})


def key_text(key: str, *, in_flow: bool) -> str:
    """Return a key of a mapping."""
    plain = f"{key}: 1"
    document = parse_yaml(f"{{{plain}}}" if in_flow else plain)
    is_plain = key and "\n" not in key and not document.problems and identical(document.data, {key: 1})
    return key if is_plain else scalar_text(key, style='"', in_flow=True)


def flow_text(value: JsonValue) -> str:
    """Return a value in brackets, on one line."""
    if isinstance(value, dict):
        pairs = (f"{key_text(key, in_flow=True)}: {flow_text(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow_text, value)) + "]"
    return scalar_text(value, in_flow=True)


def block_lines(value: JsonValue, *, indent: int, lead: str = "", width: int = WIDTH) -> list[str]:
    """Return a value as lines; the first begins with ``lead`` (``key:`` or ``-``), itself at column ``indent``.

    What fits on a line with its lead stands there in brackets; a mapping or a list that does not goes below.
    """
    room = width - indent - len(lead) - 1
    if not isinstance(value, dict | list) or not value:
        text = flow_text(value) if isinstance(value, dict | list) else scalar_text(value, in_flow=False)
        return [" " * indent + f"{lead} {text}"]
    if len(text := flow_text(value)) <= room and not _is_deep(value):
        return [" " * indent + f"{lead} {text}"]
    return [" " * indent + lead, *_below(value, indent + STEP)]


def _below(value: JsonValue, indent: int) -> list[str]:
    if isinstance(value, dict):
        pairs = [(f"{key_text(key, in_flow=False)}:", each) for key, each in value.items()]
        return [line for key, each in pairs for line in block_lines(each, indent=indent, lead=key)]
    lines: list[str] = []
    for each in value:
        if isinstance(each, dict) and each and len(flow_text(each)) > WIDTH - indent - STEP:
            first, *rest = _below(each, indent + STEP)
            lines += [" " * indent + "- " + first.lstrip(), *rest]
        else:
            lines += block_lines(each, indent=indent, lead="-")
    return lines


def _is_deep(value: JsonValue) -> bool:
    """Tell whether brackets in brackets in brackets would have to be read."""
    return any(
        isinstance(inner, dict | list) and inner
        for each in _children(value)
        for child in _children(each)
        for inner in (child, *_children(child))
    )


def _children(value: JsonValue) -> list[JsonValue]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def literal_text(value: str, *, indent: int) -> str | None:
    """Return a text as a literal block (``|``) indented by ``indent``; None when it cannot be written so."""
    body = value.removesuffix("\n")
    if not body.strip() or body.endswith("\n") or body[0] in " \n" or (not body.isascii() and "\x85" in body):
        return None
    header = "|" if value.endswith("\n") else "|-"
    lines = [" " * indent + line if line else "" for line in body.split("\n")]
    text = "\n".join([header, *lines])
    document = parse_yaml(f"k: {text}\n") if indent else None
    return text if document and not document.problems and identical(document.data, {"k": value}) else None
