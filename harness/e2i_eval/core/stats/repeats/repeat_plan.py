"""A repeat plan: how often the cases of one target run, and how their repetitions count together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.errors import UsageError
from e2i_eval.core.stats.repeats.reducer import ALL_PASS, Reducer, parse_reducer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RepeatPlan", "RepeatWish", "parse_times", "repeat_plans"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatPlan:
    """What is planned for each case of a target.

    Attributes:
        times: the most repetitions, at least 1.
        reducer: how they count together; not used when they are ``exact``.
        exact: Claude answers the same every time (mock, replay), so every repetition must come out the same.
    """

    times: int = 1
    reducer: Reducer = ALL_PASS
    exact: bool = True

    @property
    def is_single(self) -> bool:
        """Whether a case has the status of its one result."""
        return self.times == 1 and (self.exact or self.reducer.kind == "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatWish:
    """What one target's table asks for.

    Attributes:
        times: ``repeat``; None when not given.
        reduce: ``reduce`` as written; None when not given.
        where: ``file:line`` of the table.
    """

    times: int | None
    reduce: str | None
    where: str


def parse_times(value: object) -> int | None:
    """Read ``--e2i-repeat``; None when it was not given.

    Raises:
        UsageError: it is no whole number of at least 1.
    """
    if value is None:
        return None
    if not str(value).isdecimal() or int(str(value)) < 1:
        what = f"--e2i-repeat={value} is no number of repetitions"
        raise UsageError(what, fix="write for example --e2i-repeat=5")
    return int(str(value))


def repeat_plans(
    wishes: Mapping[str, RepeatWish], *, flag: int | None, general: int, exact: bool
) -> dict[str, RepeatPlan]:
    """Return a plan for each target: the flag wins over the target's table, and that over the general key.

    Args:
        wishes: by target.
        flag: ``--e2i-repeat``; None when it was not given.
        general: ``repeat`` of ``[tool.e2i_eval]``.
        exact: Claude answers the same every time.

    Raises:
        UsageError: a reducer is none.
    """
    return {
        name: RepeatPlan(
            times=flag or wish.times or general,
            reducer=parse_reducer(wish.reduce, where=wish.where) if wish.reduce else ALL_PASS,
            exact=exact,
        )
        for name, wish in wishes.items()
    }
