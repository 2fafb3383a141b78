"""A cassette: everything one case said to Claude and heard from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2i_eval.claude.cassette.entry import CassetteEntry

__all__ = ["Cassette"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """The recording of one case.

    Attributes:
        case_id: the case.
        recorded: the day its newest entry was recorded, ISO 8601.
        entries: in the order of their requests.
    """

    case_id: str
    recorded: str
    entries: tuple[CassetteEntry, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The models it was recorded with."""
        return tuple(sorted({str(entry.request.get("model", "")) for entry in self.entries}))
