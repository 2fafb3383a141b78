"""Data after an edit; and the edits that lead from one piece of data to another."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from e2i_eval.checks.compare.comparison import ABSENT
from e2i_eval.dataset.update.change import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.compare.comparison import ComparisonRules
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.dataset.update.change import KeyPath

__all__ = ["edited", "edits_between", "identical", "value_of"]


def value_of(data: JsonValue, path: KeyPath) -> JsonValue:
    """Return what is at ``path``.

    Raises:
        KeyError: nothing is.
    """
    for key in path:
        is_there = (isinstance(data, dict) and key in data) or (
            isinstance(data, list) and isinstance(key, int) and 0 <= key < len(data)
        )
        if not is_there:
            raise KeyError(path)
        data = data[key]
    return data


def edited(data: JsonValue, edit: Edit) -> JsonValue:
    """Return ``data`` with one edit made; ``data`` itself stays as it is.

    Raises:
        KeyError: there is no such place.
    """
    if not edit.path:
        return copy.deepcopy(edit.value)
    *way, last = edit.path
    whole: Any = copy.deepcopy(data)
    holder: Any = value_of(whole, tuple(way))
    value = copy.deepcopy(edit.value)
    if isinstance(holder, list) and isinstance(last, int) and edit.kind == "insert" and 0 <= last <= len(holder):
        holder.insert(last, value)
    elif edit.kind == "insert" and isinstance(holder, dict) and last not in holder:
        _put(holder, str(last), value, after=edit.after)
    else:
        value_of(holder, (last,))
        if edit.kind == "remove":
            del holder[last]
        elif edit.kind == "replace":
            holder[last] = value
        else:
            raise KeyError(edit.path)
    return whole


def _put(holder: dict[str, JsonValue], key: str, value: JsonValue, *, after: str) -> None:
    pairs = list(holder.items())
    at = next((at for at, (name, _) in enumerate(pairs, 1) if name == after), len(pairs))
    holder.clear()
    holder.update([*pairs[:at], (key, value), *pairs[at:]])


def identical(one: JsonValue, other: JsonValue) -> bool:
    """Tell whether two pieces of data are the same to a reader of the file: also in their types and their order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    return repr(one) == repr(other) if isinstance(one, float) else bool(one == other)


def edits_between(
    expected: JsonValue, actual: JsonValue, comparison: ComparisonRules, path: KeyPath = ()
) -> Iterator[Edit]:
    """Yield the edits that make ``expected`` what ``actual`` is; what is the same already stays as it is written.

    Of lists the common beginning and end stay. Paths are those of the data as the edits before have left it.
    """
    if comparison.same(expected, actual, path):
        return
    if isinstance(expected, dict) and isinstance(actual, dict):
        yield from _mapping_edits(expected, actual, comparison, path)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _list_edits(expected, actual, comparison, path)
    else:
        yield Edit(kind="replace", path=path, value=actual)


def _mapping_edits(
    expected: dict[str, JsonValue], actual: dict[str, JsonValue], comparison: ComparisonRules, path: KeyPath
) -> Iterator[Edit]:
    for key, value in expected.items():
        here = (*path, key)
        if key in actual:
            yield from edits_between(value, actual[key], comparison, here)
        elif not comparison.same(value, ABSENT, here):
            yield Edit(kind="remove", path=here)
    for key, value in actual.items():
        here = (*path, key)
        if key not in expected and not comparison.same(ABSENT, value, here):
            yield Edit(kind="insert", path=here, value=value)


def _list_edits(
    expected: list[JsonValue], actual: list[JsonValue], comparison: ComparisonRules, path: KeyPath
) -> Iterator[Edit]:
    shorter = min(len(expected), len(actual))
    head = next((at for at in range(shorter) if not comparison.same(expected[at], actual[at], (*path, at))), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if not comparison.same(expected[-1 - at], actual[-1 - at], path)), rest)
    old, new = expected[head : len(expected) - tail], actual[head : len(actual) - tail]
    for at, (one, other) in enumerate(zip(old, new, strict=False), head):
        yield from edits_between(one, other, comparison, (*path, at))
    for at in range(head + len(old) - 1, head + len(new) - 1, -1):
        yield Edit(kind="remove", path=(*path, at))
    for at in range(len(old), len(new)):
        yield Edit(kind="insert", path=(*path, head + at), value=new[at])
