"""A splice: one edit in the text of a YAML file, with every other letter left as it is.

The text is never written anew from data: comments, key order, quotes, indentation, anchors and line ends of all that is
not edited stay. Afterwards the text is read again; when it does not say exactly what was intended, the edit is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_eval.dataset.case_file.yaml_document import parse_yaml
from e2i_eval.dataset.update.edited import edited, identical
from e2i_eval.dataset.update.spans import SpanError, TextSpan, spans_of
from e2i_eval.dataset.update.yaml_text import WIDTH, block_lines, flow_text, key_text, literal_text, scalar_text

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.dataset.update.change import Edit
    from e2i_eval.dataset.update.spans import Item

__all__ = ["SpliceError", "spliced"]

ANCHOR = re.compile(r"(?:!\S*\s+)?(&\S+\s+)(?:!\S*\s+)?")


class SpliceError(Exception):
    """An edit cannot be made without touching something else; the message says why."""


def spliced(text: str, edit: Edit) -> str:
    """Return ``text`` with one edit made.

    Raises:
        SpliceError: it cannot be made so that everything else stays.
    """
    before = parse_yaml(text)
    if before.problems:
        raise SpliceError(before.problems[0].what)
    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        intended = edited(before.data, edit)
        after = _Splicer(text, newline).splice(edit)
    except (SpanError, KeyError) as error:
        message = f"{edit.dotted}: {error.args[0] if isinstance(error, SpanError) else 'there is no such place'}"
        raise SpliceError(message) from error
    document = parse_yaml(after)
    if document.problems or not identical(document.data, intended):
        message = f"{edit.dotted}: the file is written in a way in which this cannot be changed by itself"
        raise SpliceError(message)
    return after


class _Splicer:
    """Makes edits in one text."""

    def __init__(self, text: str, newline: str) -> None:
        self._text = text
        self._newline = newline
        self._root = spans_of(text)

    def splice(self, edit: Edit) -> str:
        if edit.kind == "replace":
            return self._replaced(edit)
        *way, key = edit.path
        holder = self._root.at(tuple(way))
        if holder.kind not in {"map", "seq"}:
            message = "the value is shared by an anchor" if holder.kind == "alias" else "there is no such place"
            raise SpanError(message)
        if edit.kind == "remove":
            return self._removed(holder, holder.item(key))
        return self._inserted(holder, edit)

    def _replaced(self, edit: Edit) -> str:
        span = self._root.at(edit.path)
        in_flow = any(self._root.at(edit.path[:end]).is_flow for end in range(len(edit.path)))
        start = span.start
        if span.kind != "alias" and (anchor := ANCHOR.match(self._text, start)):
            start = anchor.end(1)  # the anchor stays; if others use it, what they say changes, and that is refused
        new, end = self._new_text(edit, span, start, in_flow=in_flow), span.end
        if new.startswith(self._newline):  # below the line; a comment on it stays on it
            end = self._text.find(self._newline, end) if span.style not in {"|", ">", "block"} else end
            end = len(self._text) if end < 0 else end
            return self._text[:start].rstrip(" ") + self._commented(span.end, end) + new + self._text[end:]
        if start and self._text[start - 1] == ":":
            new = f" {new}"  # the key had nothing behind it
        return self._text[:start] + new + self._text[end:]

    def _commented(self, start: int, end: int) -> str:
        rest = self._text[start:end]
        return rest if rest.lstrip().startswith("#") else ""

    def _new_text(self, edit: Edit, span: TextSpan, start: int, *, in_flow: bool) -> str:
        value = edit.value
        if in_flow or (isinstance(value, dict | list) and not value):
            return flow_text(value) if isinstance(value, dict | list) else _scalar(value, span, in_flow=in_flow)
        if isinstance(value, dict | list):
            return self._block_value(value, edit, start)
        if isinstance(value, str) and span.style == "|":
            indent = self._literal_indent(span)
            if (literal := literal_text(value, indent=indent)) is not None:
                return literal.replace("\n", self._newline)
        return _scalar(value, span, in_flow=False)

    def _literal_indent(self, span: TextSpan) -> int:
        body = self._text[span.start : span.end].splitlines()[1:]
        return next((len(line) - len(line.lstrip(" ")) for line in body if line.strip()), 0)

    def _block_value(self, value: JsonValue, edit: Edit, start: int) -> str:
        """Return a list or mapping for the place behind a key or a dash."""
        line = self._line_start(start)
        text = flow_text(value)
        if start - line + len(text) <= WIDTH or not edit.path or isinstance(edit.path[-1], int):
            return text
        column = self._root.at(edit.path[:-1]).column
        lines = block_lines(value, indent=column, lead="x:", width=0)[1:]
        return self._newline + self._newline.join(lines)

    def _removed(self, holder: TextSpan, item: Item) -> str:
        text, items = self._text, holder.items
        at = items.index(item)
        if len(items) == 1:
            return self._emptied(holder)
        following = items[at + 1] if at + 1 < len(items) else None
        if holder.is_flow:
            if following:
                return text[: item.start] + text[following.start :]
            return text[: items[at - 1].value.end] + text[item.value.end :]
        start = item.start if holder.kind == "map" else self._dash(holder, item)
        line = self._line_start(start)
        if text[line:start].strip():  # the first one, behind a dash: the next one moves up
            if following is None or at:
                message = "it shares its line with something else"
                raise SpanError(message)
            next_start = following.start if holder.kind == "map" else self._dash(holder, following)
            return text[:start] + text[next_start:]
        return text[:line] + text[self._line_end(item.value.end) :]

    def _emptied(self, holder: TextSpan) -> str:
        brackets = "{}" if holder.kind == "map" else "[]"
        start = holder.start
        if holder.is_flow or self._text[self._line_start(start) : start].strip():
            return self._text[:start] + brackets + self._text[holder.end :]
        before = self._text[:start].rstrip()
        if not before.endswith(":"):
            message = "the last one of its list cannot be removed by itself"
            raise SpanError(message)
        return f"{before} {brackets}" + self._text[holder.end :]

    def _inserted(self, holder: TextSpan, edit: Edit) -> str:
        key = edit.path[-1]
        names = [item.key for item in holder.items]
        behind = names.index(edit.after) + 1 if edit.after in names else len(names)
        at = key if isinstance(key, int) else behind
        if holder.is_flow:
            return self._inserted_in_flow(holder, at, _flow_item(key, edit.value))
        if not edit.path[:-1] and self._root.is_flow:
            message = "the file is one mapping in brackets"
            raise SpanError(message)
        lead = "-" if isinstance(key, int) else f"{key_text(key, in_flow=False)}:"
        block = "".join(line + self._newline for line in block_lines(edit.value, indent=holder.column, lead=lead))
        return self._inserted_lines(holder, at, block)

    def _inserted_in_flow(self, holder: TextSpan, at: int, new: str) -> str:
        text, items = self._text, holder.items
        if not items:
            opening = text.index("[" if holder.kind == "seq" else "{", holder.start) + 1
            return text[:opening] + new + text[opening:]
        if at < len(items):
            return text[: items[at].start] + f"{new}, " + text[items[at].start :]
        end = items[-1].value.end
        return text[:end] + f", {new}" + text[end:]

    def _inserted_lines(self, holder: TextSpan, at: int, block: str) -> str:
        text = self._text
        if at == 0:
            first = holder.items[0]
            start = first.start if holder.kind == "map" else self._dash(holder, first)
            line = self._line_start(start)
            if text[line:start].strip():
                message = "its place shares a line with something else"
                raise SpanError(message)
            return text[:line] + block + text[line:]
        end = self._line_end(holder.items[at - 1].value.end)
        before = text[:end]
        if not before.endswith(("\n", "\r")):
            return before + self._newline + block.removesuffix(self._newline) + text[end:]
        return before + block + text[end:]

    def _dash(self, holder: TextSpan, item: Item) -> int:
        """Return where the dash of a list's item stands."""
        at = item.value.start
        while at >= holder.start:
            line = self._line_start(at)
            dash = line + holder.column
            if dash <= item.value.start and self._text[dash : dash + 1] == "-":
                return dash
            at = line - 1
        message = "its dash cannot be found"
        raise SpanError(message)

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Return where the next line begins."""
        return self._text.find("\n", at) + 1 or len(self._text)


def _scalar(value: JsonValue, span: TextSpan, *, in_flow: bool) -> str:
    return scalar_text(value, style=span.style if span.kind == "scalar" else None, in_flow=in_flow)


def _flow_item(key: str | int, value: JsonValue) -> str:
    return flow_text(value) if isinstance(key, int) else f"{key_text(key, in_flow=True)}: {flow_text(value)}"
