"""A proposal: what the evaluation of one case would change in its file, and what a person has to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.dataset.update.change import Change

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject

__all__ = ["Proposal", "Remark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that is not changed, and why.

    Attributes:
        where: ``file:line``.
        text: what a person has to look at, as one sentence.
    """

    where: str
    text: str

    def to_json(self) -> dict[str, str]:
        """Return the remark as plain JSON."""
        return {"where": self.where, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What one case asks for.

    Attributes:
        case_id: ``<target>/<name>``.
        file: its file, relative to the project's folder.
        digest: SHA-256 of the file's bytes when it was read, in hex.
        changes: edits of the file, in the order in which they must be made.
        remarks: what needs a hand.
        unplayed: positions of the entries of its cassette that nobody asked for.
    """

    case_id: str
    file: str
    digest: str
    changes: tuple[Change, ...] = ()
    remarks: tuple[Remark, ...] = ()
    unplayed: tuple[int, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the proposal as plain JSON."""
        return {
            "case_id": self.case_id,
            "file": self.file,
            "digest": self.digest,
            "changes": [change.to_json() for change in self.changes],
            "remarks": [remark.to_json() for remark in self.remarks],
            "unplayed": list(self.unplayed),
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Proposal:
        """Read what ``to_json`` wrote."""
        return cls(
            case_id=data["case_id"],
            file=data["file"],
            digest=data["digest"],
            changes=tuple(map(Change.from_json, data["changes"])),
            remarks=tuple(Remark(**remark) for remark in data["remarks"]),
            unplayed=tuple(data["unplayed"]),
        )
