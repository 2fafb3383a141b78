"""Stopping rules that count: decided as soon as no further repetition can change the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from e2i_eval.core.stats.sequential import StoppingRule

if TYPE_CHECKING:
    from e2i_eval.core.stats.sequential import Conclusion

__all__ = ["AllPass", "OnePasses", "RepeatRule"]


class RepeatRule(StoppingRule, Protocol):
    """A stopping rule that knows how far away a decision is."""

    def expected_more(self, passed: int, failed: int) -> int | None:
        """Return how many more repetitions are likely to decide; None when that cannot be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllPass:
    """Every repetition must pass.

    Attributes:
        needed: how many.
    """

    needed: int

    def decide(self, passed: int, failed: int) -> Conclusion | None:
        """Fail at the first failure, pass when ``needed`` have passed."""
        if failed:
            return "fail"
        return "pass" if passed >= self.needed else None

    def expected_more(self, passed: int, failed: int) -> int | None:
        """Return how many more have to pass."""
        return max(0, self.needed - passed - failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnePasses:
    """Any ``k`` of the planned repetitions must hold one that passes: fewer than ``k`` may fail.

    Attributes:
        k: attempts a user has.
        planned: repetitions to be made; fewer than ``k`` can show that it passes, and not that it fails.
    """

    k: int
    planned: int

    def decide(self, passed: int, failed: int) -> Conclusion | None:
        """Fail at the ``k``-th failure, pass when so many cannot fail any more."""
        if failed >= self.k:
            return "fail"
        return "pass" if passed >= max(1, self.planned - self.k + 1) else None

    def expected_more(self, passed: int, failed: int) -> int | None:
        """Return how many more decide at the latest."""
        return max(0, max(self.k, self.planned) - passed - failed)
