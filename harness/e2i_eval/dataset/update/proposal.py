"""A proposal: what the evaluation of one case would change in its file, and what a person has to decide."""

from __future__ import annotations

from dataclasses import dataclass

from e2i_eval.dataset.update.change import Change  # noqa: TC001  from_json reads the types at run time

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
