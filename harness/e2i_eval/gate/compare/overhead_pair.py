"""Pairs of overheads: what logging costs a call in two runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.json_codec import to_json

if TYPE_CHECKING:
    from e2i_eval.core.overhead_result import OverheadResult
    from e2i_eval.gate.compare.side import Side
    from e2i_eval.gate.runs import RunPair

__all__ = ["OverheadPair", "overhead_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverheadPair:
    """What logging costs a call, in two runs; None where it was not measured.

    Attributes:
        target: what was called.
        case_id: with which input.
        callers: how.
        before: in the first run.
        after: in the other.
        new_differences: what logging changed of answers or lost in the other run, and not in the first.
    """

    target: str
    case_id: str
    callers: str
    before: OverheadResult | None
    after: OverheadResult | None
    new_differences: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the pair as plain JSON."""
        return {
            "target": self.target,
            "case_id": self.case_id,
            "callers": self.callers,
            "before": to_json(self.before) if self.before else None,
            "after": to_json(self.after) if self.after else None,
            "new_differences": list(self.new_differences),
        }


def overhead_pairs(pair: RunPair[Side]) -> tuple[OverheadPair, ...]:
    """Return every measurement of either run, beside the other run's of the same call."""
    before, after = (
        {(each.target, each.case_id, each.callers): each for each in side.report.overheads}
        for side in (pair.base, pair.head)
    )
    pairs = [(key, before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])]
    return tuple(
        OverheadPair(
            target=key[0],
            case_id=key[1],
            callers=key[2],
            before=was,
            after=now,
            new_differences=now.differences if now and not (was and was.differences) else (),
        )
        for key, was, now in pairs
    )
