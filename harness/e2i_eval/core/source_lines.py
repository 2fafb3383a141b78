"""On which line of a TOML or YAML text each key is."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Path", "line_of", "toml_lines", "yaml_lines"]

Path = tuple[str | int, ...]

HEADER = re.compile(r"^\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(#.*)?$")
ASSIGNMENT = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Return the line of ``path``, or of its nearest known parent; 1 when none is known."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def toml_lines(text: str) -> dict[Path, int]:
    """Return the line of every table and key; ``tomllib`` gives none. Keys of inline tables are on their table's."""
    lines: dict[Path, int] = {}
    table: Path = ()
    counts: dict[Path, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header = HEADER.match(line)
        if header and "=" not in header.group(2).partition('"')[0]:
            table = _table(header, counts)
            lines.setdefault(table, number)
        elif assignment := ASSIGNMENT.match(line):
            lines.setdefault((*table, *_keys(assignment.group(1))), number)
    return lines


def yaml_lines(text: str) -> dict[Path, int]:
    """Return the line of every key and list element."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return dict(_nodes(root, ())) if root is not None else {}


def _table(header: re.Match[str], counts: dict[Path, int]) -> Path:
    """Return a header's path, with the index of every list of tables it is in."""
    path: Path = ()
    keys = _keys(header.group(2))
    for depth, key in enumerate(keys, start=1):
        path = (*path, key)
        if header.group(1) == "[[" and depth == len(keys):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _keys(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key, by the parser itself, which knows the quotes."""
    try:
        value = tomllib.loads(f"{dotted} = 1")
    except tomllib.TOMLDecodeError:
        return (dotted,)
    keys: tuple[str, ...] = ()
    while isinstance(value, dict):
        key, value = next(iter(value.items()))
        keys = (*keys, key)
    return keys


def _nodes(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from _nodes(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from _nodes(value, (*path, index))
