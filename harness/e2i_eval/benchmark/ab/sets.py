"""Sets of pairs of one part of a target's time, each made by two processes of its own. Pure.

Two of at most three sets must say that a part is slower. When none does, and none alone can decide, all pairs together
may still show that it is not; they never show that it is, since two processes of the same code differ for good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from e2i_eval.benchmark.ab.set_verdict import Look, pooled
from e2i_eval.core.latency_shift import LatencyShift

if TYPE_CHECKING:
    from e2i_eval.benchmark.ab.set_verdict import SetVerdict
    from e2i_eval.core.latency_shift import LatencyStatus

__all__ = ["MOST", "Sets"]

MAJORITY = 2
"""So many of them decide."""

MOST = 3
"""So many sets are made."""


@dataclass(frozen=True, kw_only=True)
class Sets:
    """What the sets made so far say of one part.

    Attributes:
        first: what the first set says.
        verdict: what that means for the part, corrected over all targets.
        later: what the later sets say.
    """

    first: Look
    verdict: SetVerdict
    later: tuple[Look, ...] = ()

    def and_then(self, look: Look) -> Sets:
        """Return these with one set more; without it, when it was another part that wanted it."""
        return replace(self, later=(*self.later, look)) if self.wants_another else self

    @property
    def wants_another(self) -> bool:
        """Whether a further set can decide: the first is not clear, or two disagree, or both together cannot decide."""
        verdicts = self._verdicts
        if len(verdicts) == 1:
            return self.verdict != "not slower"
        if len(verdicts) >= MOST or verdicts.count("slower") >= MAJORITY:
            return False
        return "slower" in verdicts or not self._is_cleared

    def shift(self, target: str) -> LatencyShift:
        """Return what is reported: the figures of the last set, or of all together where none can decide alone."""
        status, reason = self._outcome
        last = self.later[-1] if self.later else self.first
        said = self._together if self.later and set(self._verdicts) == {"undecided"} else last
        return LatencyShift(
            target=target,
            part=said.part,
            pairs=said.pairs,
            base_ms=said.base_ms,
            head_ms=said.head_ms,
            shift_ms=said.shift_ms,
            floor_ms=said.floor_ms,
            p_value=said.p_value,
            status=status,
            reason=reason,
        )

    @cached_property
    def _verdicts(self) -> list[SetVerdict]:
        return [self.verdict, *(each.verdict() for each in self.later)]

    @cached_property
    def _together(self) -> Look:
        return pooled((self.first, *self.later))

    @property
    def _is_cleared(self) -> bool:
        """Whether no set says slower, and the last one, or all together, that it is not."""
        if "slower" in self._verdicts:
            return False
        return self._verdicts[-1] == "not slower" or self._together.verdict() == "not slower"

    @property
    def _outcome(self) -> tuple[LatencyStatus, str]:
        if not self.later:
            return self._first_outcome
        verdicts, floor = self._verdicts, f"{self.first.floor_ms:.1f} ms"
        seen = f"{_shift(self.first)}, in fresh processes {' and '.join(map(_shift, self.later))}"
        if verdicts.count("slower") >= MAJORITY:
            return "fail", f"slower twice: {seen}; both beyond {floor}"
        if verdicts.count("not slower") >= MAJORITY:
            return "pass", f"seemed slower once, and is not: {seen}"
        if not self._is_cleared:
            return "inconclusive", f"{len(verdicts)} sets cannot distinguish it from the floor of {floor}: {seen}"
        if verdicts[-1] == "not slower":
            return "pass", f"was undecided at first, and is not slower: {seen}"
        return "pass", f"all pairs together are not beyond {floor}, {_shift(self._together)}: {seen}"

    @property
    def _first_outcome(self) -> tuple[LatencyStatus, str]:
        first, floor = _shift(self.first), f"{self.first.floor_ms:.1f} ms"
        if self.verdict == "not slower":
            return "pass", f"{first}: not beyond {floor}"
        what = "seems slower" if self.verdict == "slower" else f"cannot be distinguished from the floor of {floor}"
        return "inconclusive", f"{first}: {what}, and could not be measured again"


def _shift(seen: Look) -> str:
    estimate = seen.shift_ms
    return f"{estimate.value:+.1f} ms ({estimate.low:+.1f} to {estimate.high:+.1f}, {seen.pairs} pairs)"
