"""A flip: a case that another run gives another verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from e2i_eval.gate.compare.side import Side
    from e2i_eval.gate.runs import RunCase, RunPair

__all__ = ["Flip", "flips_of"]

FlipKind = Literal["broken", "mended", "changed"]
"""``changed``: another verdict, and a pass on neither side, or undecided on one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A case with another verdict.

    Attributes:
        case_id: the case.
        target: its target.
        kind: in which direction.
        before: the verdict in the first run.
        after: the verdict in the other run.
        is_held: it is in quarantine on one side, so it is shown and not judged.
        why: what was wrong with it on the side where it did not pass; the other run's where it passed on neither.
    """

    case_id: str
    target: str
    kind: FlipKind
    before: str
    after: str
    is_held: bool
    why: str


def flips_of(names: Iterable[str], pair: RunPair[Side]) -> tuple[Flip, ...]:
    """Return the cases with another verdict, broken ones first."""
    flips = (_flip(name, pair.base.cases[name], pair.head.cases[name]) for name in names)
    order = ("broken", "mended", "changed")
    return tuple(sorted(filter(None, flips), key=lambda each: (order.index(each.kind), each.case_id)))


def _flip(name: str, before: RunCase, after: RunCase) -> Flip | None:
    if before.status == after.status:
        return None
    kind: FlipKind = "changed"
    if "inconclusive" not in {before.status, after.status} and "pass" in {before.status, after.status}:
        kind = "mended" if after.status == "pass" else "broken"
    return Flip(
        case_id=name,
        target=after.target,
        kind=kind,
        before=before.status,
        after=after.status,
        is_held=before.is_held or after.is_held,
        why=(before if kind == "mended" else after).why,
    )
