"""The subject of a pytest item: which target it evaluates, and by which case."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from e2i_eval.plugin.case_item import BrokenCaseItem, CaseItem
from e2i_eval.plugin.family_item import FamilyItem

if TYPE_CHECKING:
    import pytest

__all__ = ["ItemSubject", "subject"]


class ItemSubject(NamedTuple):
    """What an item is about.

    Attributes:
        target: the target's name.
        case_id: the case it will have a result of; empty when that is known only once it has run.
    """

    target: str
    case_id: str


def subject(item: pytest.Item) -> ItemSubject | None:
    """Return what an item evaluates; None for one that evaluates no case."""
    if isinstance(item, CaseItem):
        return ItemSubject(item.case.target, item.case.id)
    if isinstance(item, BrokenCaseItem):
        return ItemSubject(item.name.partition("/")[0], item.name)
    if isinstance(item, FamilyItem):
        return ItemSubject(item.declared.id.partition("/")[0], item.declared.id)
    marker = item.get_closest_marker("e2i")
    return ItemSubject(str(marker.args[0]), "") if marker is not None and marker.args else None
