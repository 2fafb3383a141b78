"""A YAML document: plain JSON data, and the line of every key in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from e2i_eval.dataset.case_file.problem import Problem
from e2i_eval.dataset.case_file.scalar import MERGE_TAG, CoreLoader, scalar_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.json_value import JsonValue

__all__ = ["YamlDocument", "parse_yaml"]

MAX_DEPTH = 60
MAX_VALUES = 100_000
"""Far above any case; below it a file of nested aliases cannot fill the memory."""

FIXES = (
    ("mapping values are not allowed here", "put a text that contains ': ' in quotes, and each key on its own line"),
    ("that cannot start any token", "put the text in quotes"),
    ("expected alphabetic or numeric character", "put the text in quotes"),
    ("unknown escape character", r"write \\ for a backslash, or use single quotes"),
    ("found unexpected end of stream", "close the quotes"),
    ("but got '<stream end>'", "close the bracket"),
    ("expected <block end>", "indent all keys of one mapping, and all items of one list, equally"),
    ("undefined alias", "define it with & above, or put the text in quotes"),
    ("second occurrence", "give each anchor its own name"),
    ("but found another document", "keep one case a file: remove the line '---'"),
)
"""What to type for the parser's most frequent complaints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlDocument:
    """A YAML document.

    Attributes:
        data: plain JSON data; what could not be read is null in it.
        lines: 1-based line of each key and list item, by dotted path (``claude.0.node``).
        problems: what could not be read.
        unread: dotted paths of the values that could not be read.
    """

    data: JsonValue
    lines: Mapping[str, int]
    problems: tuple[Problem, ...] = ()
    unread: frozenset[str] = frozenset()


def parse_yaml(text: str) -> YamlDocument:
    """Read one YAML document; problems are values of the result, nothing is raised."""
    try:
        loader = CoreLoader(text)
    except yaml.reader.ReaderError as error:
        return _unreadable(Problem(line=_line_at(text, error.position), what=f"{_character(error)} is no text"))
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        return _unreadable(_syntax_problem(error, text))
    except RecursionError:
        return _unreadable(Problem(line=loader.line + 1, what="the YAML is nested too deeply to be a case"))
    except (ValueError, OverflowError):  # the scanner turns "\U00110000" into a character without a look
        return _unreadable(Problem(line=loader.line + 1, what="an escape here stands for no Unicode character"))
    if root is None:
        return _unreadable(Problem(line=1, what="the file is empty", fix="begin with 'schema: 1' and 'inputs:'"))
    return _document(root)


def _unreadable(problem: Problem) -> YamlDocument:
    return YamlDocument(data=None, lines={}, problems=(problem,))


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _character(error: yaml.reader.ReaderError) -> str:
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return f"the control character U+{code:04X}"


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> Problem:
    said = ": ".join(part for part in (error.context, error.problem) if part)
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    begun = error.context_mark.line + 1 if error.context_mark else line
    if _is_indented_by_tab(text, line):
        return Problem(line=line, what="a tab cannot indent YAML", fix="replace the tab by spaces")
    since = f" (it began on line {begun})" if begun != line else ""
    fix = next((fix for words, fix in FIXES if words in said), "check the indentation and the quotes here")
    return Problem(line=line, what=f"not valid YAML: {said}{since}", fix=fix)


def _is_indented_by_tab(text: str, line: int) -> bool:
    return re.match(r" *\t", "".join(text.split("\n")[line - 1 : line])) is not None


def _document(root: yaml.Node) -> YamlDocument:
    walk = _Walk()
    try:
        data = walk.value(root, "")
    except _TooLargeError:
        return _unreadable(Problem(line=1, what=f"the file holds more than {MAX_VALUES} values"))
    return YamlDocument(data=data, lines=walk.lines, problems=tuple(walk.problems), unread=frozenset(walk.unread))


class _TooLargeError(Exception):
    pass


@dataclass(slots=True)
class _Walk:
    """From YAML nodes to JSON data, keeping lines and problems on the way."""

    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    open_nodes: list[yaml.Node] = field(default_factory=list)
    count: int = 0

    def value(self, node: yaml.Node, path: str) -> JsonValue:
        self.count += 1
        if self.count > MAX_VALUES:
            raise _TooLargeError
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if any(node is each for each in self.open_nodes):
            return self._unread(node, path, "the anchor contains itself", "write the value out")
        if len(self.open_nodes) >= MAX_DEPTH:
            return self._unread(node, path, f"nested more than {MAX_DEPTH} levels deep")
        self.open_nodes.append(node)
        try:
            return self._collection(node, path)
        finally:
            self.open_nodes.pop()

    def _scalar(self, node: yaml.ScalarNode, path: str) -> JsonValue:
        try:
            return scalar_value(node)
        except ValueError as error:
            return self._unread(node, path, str(error), "put the text in quotes")

    def _collection(self, node: yaml.Node, path: str) -> JsonValue:
        if node.tag == "tag:yaml.org,2002:map":
            return self._mapping(node, path)
        if node.tag == "tag:yaml.org,2002:seq":
            return [self._item(item, _join(path, str(index))) for index, item in enumerate(node.value)]
        return self._unread(node, path, f"the YAML tag {node.tag} stands for no JSON value", "remove the tag")

    def _item(self, node: yaml.Node, path: str) -> JsonValue:
        self.lines[path] = _line(node)
        return self.value(node, path)

    def _mapping(self, node: yaml.Node, path: str) -> dict[str, JsonValue]:
        merged: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE_TAG:
                merged = {**self._merged(value_node, path), **merged}
        return {**merged, **self._own(node, path)}

    def _merged(self, node: yaml.Node, path: str) -> dict[str, JsonValue]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, JsonValue] = {}
        for source in reversed(sources):  # the first source wins
            value = self.value(source, path)
            if isinstance(value, dict):
                merged |= value
            else:
                self._refuse(source, "'<<' merges mappings only", "give it an alias of a mapping")
        return merged

    def _own(self, node: yaml.Node, path: str) -> dict[str, JsonValue]:
        own: dict[str, JsonValue] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = None if key_node.tag == MERGE_TAG else self._key(key_node, path)
            if key is None:
                continue
            if key in first:
                self._refuse(key_node, f"key '{key}' is given twice, first on line {first[key]}", "keep one of them")
                continue
            first[key] = self.lines[_join(path, key)] = _line(key_node)
            own[key] = self.value(value_node, _join(path, key))
        return own

    def _key(self, node: yaml.Node, path: str) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, "a list or mapping cannot be a key", "put the key in quotes")
            return None
        before = len(self.problems)
        key = self._scalar(node, path)
        if isinstance(key, str):
            return key
        if len(self.problems) > before:
            return None
        written = node.value or "an empty key"
        self._refuse(node, f"key {written} is not text", f'write it in quotes: "{node.value}"')
        return None

    def _unread(self, node: yaml.Node, path: str, what: str, fix: str | None = None) -> None:
        self.unread.add(path)
        self._refuse(node, what, fix)

    def _refuse(self, node: yaml.Node, what: str, fix: str | None = None) -> None:
        self.problems.append(Problem(line=_line(node), what=what, fix=fix))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
