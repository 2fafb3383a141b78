"""Spans: where in the text of a YAML file each value stands, to the letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from e2i_eval.dataset.case_file.scalar import MERGE_TAG, CoreLoader

if TYPE_CHECKING:
    from e2i_eval.dataset.update.change import KeyPath

__all__ = ["Item", "SpanError", "TextSpan", "spans_of"]

BLOCK_STYLES = ("|", ">")


class SpanError(Exception):
    """A place in a file cannot be found, or not be changed without changing another one."""


@dataclass(frozen=True, slots=True)
class Item:
    """A key with its value, or an item of a list.

    Attributes:
        key: the key; None in a list.
        start: of the key, or in a list of the value.
        value: what stands there.
    """

    key: str | None
    start: int
    value: TextSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpan:
    """A value in the text.

    Attributes:
        kind: what it is; an alias (``*name``) is opaque.
        start: of its first letter, an anchor or a tag before it included.
        end: behind its last letter, without the comment or the lines that follow.
        column: of its first letter; for lists and mappings in block style that of the dashes or keys.
        style: of a scalar, as PyYAML has it: None (plain), ``'``, ``"``, ``|``, ``>``; of a list or mapping ``flow`` or
            ``block``.
        items: of a list or mapping.
    """

    kind: str
    start: int
    end: int
    column: int
    style: str | None
    items: tuple[Item, ...] = ()

    @property
    def is_flow(self) -> bool:
        """Whether it is a list or mapping in brackets."""
        return self.style == "flow"

    def item(self, key: str | int) -> Item:
        """Return an item by key or index.

        Raises:
            SpanError: it does not stand here.
        """
        if self.kind == "alias":
            message = "the value is shared by an anchor"
            raise SpanError(message)
        found = [each for at, each in enumerate(self.items) if key in (each.key, at if self.kind == "seq" else None)]
        if not found:
            message = f"'{key}' is not in the file itself"
            raise SpanError(message)
        return found[0]

    def at(self, path: KeyPath) -> TextSpan:
        """Return the value at ``path``.

        Raises:
            SpanError: it is not in the text.
        """
        here = self
        for key in path:
            here = here.item(key).value
        return here


def spans_of(text: str) -> TextSpan:
    """Return the spans of a YAML text.

    Raises:
        SpanError: it is no YAML.
    """
    try:
        root = _Loader(text).get_single_node()
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise SpanError(str(error)) from error
    if root is None:
        message = "the file is empty"
        raise SpanError(message)
    return _span(root, text)


class _Loader(CoreLoader):
    """Keeps an alias as it is; PyYAML would put its value there, with the place of the anchor."""

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401  PyYAML's own protocol
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            return yaml.ScalarNode("alias", event.anchor, event.start_mark, event.end_mark, style="*")
        return super().compose_node(parent, index)


def _span(node: yaml.Node, text: str) -> TextSpan:
    start, end, column = node.start_mark.index, node.end_mark.index, node.start_mark.column
    if isinstance(node, yaml.ScalarNode):
        if node.style in BLOCK_STYLES:
            end = start + len(text[start:end].rstrip())
        kind = "alias" if node.tag == "alias" else "scalar"
        return TextSpan(kind=kind, start=start, end=end, column=column, style=node.style)
    if isinstance(node, yaml.MappingNode):
        items = tuple(Item(_key(key), key.start_mark.index, _span(value, text)) for key, value in node.value)
        first = node.value[0][0] if node.value else node
        kind = "map"
    else:
        items = tuple(Item(None, span.start, span) for span in (_span(each, text) for each in node.value))
        first, kind = node, "seq"
    if getattr(node, "flow_style", False):
        return TextSpan(kind=kind, start=start, end=end, column=column, style="flow", items=items)
    column = first.start_mark.column if kind == "map" else _dash_column(text, start)
    return TextSpan(kind=kind, start=start, end=items[-1].value.end, column=column, style="block", items=items)


def _key(node: yaml.Node) -> str | None:
    return node.value if isinstance(node, yaml.ScalarNode) and node.tag != MERGE_TAG else None


def _dash_column(text: str, start: int) -> int:
    """Return the column of the first dash; the node begins there unless an anchor stands before it."""
    at = start
    while text[at : at + 1] not in {"-", ""}:
        at = text.find("\n", at) + 1 or len(text)
        at += len(text[at:]) - len(text[at:].lstrip(" \r\n"))
        if text[at : at + 1] == "#":
            continue
    return at - (text.rfind("\n", 0, at) + 1)
