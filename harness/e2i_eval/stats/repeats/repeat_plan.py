"""A repeat plan: how often the cases of one target run, and how their repetitions count together."""

from __future__ import annotations

from dataclasses import dataclass

from e2i_eval.stats.repeats.reducer import ALL_PASS, Reducer

__all__ = ["RepeatPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatPlan:
    """What is planned for each case of a target.

    Attributes:
        times: the most repetitions, at least 1.
        reducer: how they count together; not used when they are ``exact``.
        exact: Claude says the same every time (mock, replay), so every repetition must come out the same.
    """

    times: int = 1
    reducer: Reducer = ALL_PASS
    exact: bool = True

    @property
    def is_single(self) -> bool:
        """Whether a case is simply what its one result says."""
        return self.times == 1 and (self.exact or self.reducer.kind == "all")
