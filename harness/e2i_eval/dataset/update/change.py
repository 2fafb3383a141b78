"""A change: one edit of one file, as a value that is collected, shown and only then made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonValue

__all__ = ["Change", "ChangeKind", "Edit", "EditKind", "KeyPath"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indices from the root of a file; a key may hold dots."""

EditKind = Literal["replace", "insert", "remove"]
"""``insert`` puts a value under a new key, or before the item that has the index now."""

ChangeKind = Literal["create", "fix", "trim"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit of one piece of data; edits of a list of them follow one another.

    Attributes:
        kind: what is done.
        path: where, in the data as the edits before have left it.
        value: what is there afterwards; None for ``remove``.
        after: for a new key of a mapping, the key it follows; empty for the last place.
    """

    kind: EditKind
    path: KeyPath
    value: JsonValue = None
    after: str = ""

    @property
    def dotted(self) -> str:
        """The place as messages write it."""
        return ".".join(map(str, self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One edit of one file, and why.

    Attributes:
        kind: which wish it belongs to.
        edit: what is done.
        before: what is there now; None for what is new.
        reason: one sentence.
    """

    kind: ChangeKind
    edit: Edit
    before: JsonValue
    reason: str
