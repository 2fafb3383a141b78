"""Sequential tests: stop repeating a case as soon as it is decided, without more wrong decisions.

Looking after every repetition and stopping when it looks good would make a test of 5 % a test of 20 %.
Wald's test may be looked at after every one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Conclusion", "Operating", "RateTest", "StoppingRule", "operating"]

Conclusion = Literal["pass", "fail"]


class StoppingRule(Protocol):
    """Says after each repetition whether a case is decided."""

    def decide(self, passed: int, failed: int) -> Conclusion | None:
        """Return the decision; None to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTest:
    """Wald's sequential probability ratio test of a pass rate, as a stopping rule.

    ``passed * log(bad / good) + failed * log((1 - bad) / (1 - good))`` is the log likelihood ratio of bad to good;
    *fail* at ``log((1 - beta) / alpha)``, *pass* at ``log(beta / (1 - alpha))``
    (Wald, Annals of Mathematical Statistics 16, 1945). Wald's bounds: an agent at ``good`` or above is failed
    at most ``alpha / (1 - beta)`` of the time, one at ``bad`` or below is passed at most ``beta / (1 - alpha)``.
    Ending it early leaves *undecided*, which is neither: both error rates only get smaller.
    Repetitions are taken as independent.

    Attributes:
        good: a rate that should pass, above ``bad``; at 1 the first failure decides.
        bad: a rate that should fail, above 0. Between the two nothing is promised.
        alpha: how often a good agent may fail.
        beta: how often a bad agent may pass.
    """

    good: float
    bad: float
    alpha: float
    beta: float

    def __post_init__(self) -> None:
        """Refuse what is no test.

        Raises:
            ValueError: not 0 < bad < good <= 1, or a level is not between 0 and one half.
        """
        if not 0 < self.bad < self.good <= 1:
            msg = f"good = {self.good:g} and bad = {self.bad:g} are not 0 < bad < good <= 1"
            raise ValueError(msg)
        if not (0 < self.alpha < 1 / 2 and 0 < self.beta < 1 / 2):
            msg = f"alpha = {self.alpha:g} and beta = {self.beta:g} must be between 0 and 0.5"
            raise ValueError(msg)

    def decide(self, passed: int, failed: int) -> Conclusion | None:
        """Return the decision after so many repetitions; None while both are possible."""
        ratio = self.log_ratio(passed, failed)
        if ratio >= self.fail_at:
            return "fail"
        return "pass" if ratio <= self.pass_at else None

    def log_ratio(self, passed: int, failed: int) -> float:
        """Return how much likelier these repetitions are at ``bad`` than at ``good``, as a natural logarithm."""
        if failed and self.good == 1:
            return math.inf
        from_failed = failed * math.log((1 - self.bad) / (1 - self.good)) if failed else 0.0
        return passed * math.log(self.bad / self.good) + from_failed

    @property
    def fail_at(self) -> float:
        """The log likelihood ratio from which on it fails."""
        return math.log((1 - self.beta) / self.alpha)

    @property
    def pass_at(self) -> float:
        """The log likelihood ratio down from which it passes."""
        return math.log(self.beta / (1 - self.alpha))

    @property
    def fewest_to_pass(self) -> int:
        """How many repetitions a pass takes at the least, when none of them fails."""
        return math.ceil(self.pass_at / math.log(self.bad / self.good))

    def expected_more(self, passed: int, failed: int) -> int | None:
        """Return how many more repetitions a decision is likely to take, at the rate seen so far.

        The distance to the bound it drifts to over the drift of one repetition (Wald 1945, the average sample number);
        the rate is ``(passed + 1) / (repetitions + 2)``, as the plain one would be 0 or 1 after the first.

        Returns:
            At least 1, 0 when it is decided; None when it drifts nowhere.
        """
        ratio = self.log_ratio(passed, failed)
        if self.decide(passed, failed):
            return 0
        rate = (passed + 1) / (passed + failed + 2)
        drift = rate * self.log_ratio(1, 0) + ((1 - rate) * self.log_ratio(0, 1) if self.good < 1 else 0.0)
        way = (self.pass_at if drift < 0 else self.fail_at) - ratio
        return None if drift == 0 else max(1, math.ceil(way / drift))


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """What a stopping rule does at one true pass rate.

    Attributes:
        passes: chance that it passes.
        fails: chance that it fails.
        undecided: chance that the repetitions end before it is decided.
        repetitions: how many it takes on average.
    """

    passes: float
    fails: float
    undecided: float
    repetitions: float


def operating(rule: StoppingRule, *, rate: float, most: int) -> Operating:
    """Work out what ``rule`` does at a true pass ``rate``, exactly.

    The walk over (passed, failed) is followed repetition by repetition with the chance of every undecided state
    (Aroian, Technometrics 10, 1968); nothing is simulated or approximated.

    Args:
        rule: the stopping rule.
        rate: the true pass rate, 0 to 1.
        most: repetitions after which it is left undecided.
    """
    walking: Mapping[int, float] = {0: 1.0}
    ended: dict[Conclusion, float] = {"pass": 0.0, "fail": 0.0}
    repetitions = 0.0
    for count in range(1, most + 1):
        repetitions += math.fsum(walking.values())
        further: dict[int, float] = defaultdict(float)
        for passed, chance in _step(walking, rate).items():
            conclusion = rule.decide(passed, count - passed)
            if conclusion:
                ended[conclusion] += chance
            else:
                further[passed] = chance
        walking = further
    return Operating(
        passes=ended["pass"],
        fails=ended["fail"],
        undecided=math.fsum(walking.values()),
        repetitions=repetitions,
    )


def _step(walking: Mapping[int, float], rate: float) -> dict[int, float]:
    """Return the chances of each number of passes after one more repetition."""
    further: dict[int, float] = defaultdict(float)
    for passed, chance in walking.items():
        further[passed + 1] += chance * rate
        further[passed] += chance * (1 - rate)
    return further
