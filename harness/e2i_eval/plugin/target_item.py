"""What is measured of a whole target, as one pytest item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from e2i_eval.plugin.explained_item import ExplainedItem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["TargetItem"]

Found = TypeVar("Found")
"""What a measurement returns."""


class TargetItem(ExplainedItem, Generic[Found]):
    """One target to be measured."""

    kind: ClassVar[str]
    """What the ids of these items begin with."""

    def __init__(self, *, measure: Callable[[str, str], Found], **kwargs: Any) -> None:  # noqa: ANN401  pytest's own arguments
        """Take how to measure: from target and item to what is found."""
        super().__init__(**kwargs)
        self._measure = measure
        self.extra_keyword_matches.add(self.kind)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Point to the configuration, where the target stands."""
        return self.config.rootpath / "pyproject.toml", 0, f"{self.kind}::{self.name}"
