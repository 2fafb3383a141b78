"""The schedule: which variant is called when, and when it is enough. Knows nothing of processes or clocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from e2i_eval.benchmark.ab.sample import PARTS, VARIANTS, SamplePair
from e2i_eval.benchmark.ab.set_verdict import LEVEL, look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from e2i_eval.benchmark.ab.sample import Sample, VariantName
    from e2i_eval.benchmark.ab.set_verdict import Look
    from e2i_eval.core.clock import Clock

__all__ = ["Pairs", "SchedulePlan", "VariantCalls", "made_pairs"]


class VariantCalls(Protocol):
    """The two revisions of one target, ready to be called."""

    def call(self, variant: VariantName, case_id: str) -> Sample:
        """Call one variant with a case."""

    def disturbance(self) -> str:
        """Say what the machine has done since the last time this was asked; empty when nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """How much is measured.

    Attributes:
        least: so many pairs, unless the time is up.
        step: so many more while undecided.
        most: never more.
        budget_s: no new pair after this time.
        family: how many parts of how many targets the session looks at, for which each look has to be surer.
        spoilt_share: with more of the pairs set aside than this, there is no verdict.
    """

    least: int = 20
    step: int = 10
    most: int = 80
    budget_s: float = 60.0
    family: int = 1
    spoilt_share: float = 0.5

    @property
    def fewest(self) -> int:
        """So many pairs whatever the time: with fewer not even a difference in each of them would be significant."""
        return math.ceil(math.log2(self.family / LEVEL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """A set of pairs.

    Attributes:
        good: those that count.
        spoilt: those set aside because of what the machine did meanwhile.
        plan: how they were made.
        ended: why no more were made: ``decided``, ``most`` or ``budget``.
    """

    good: tuple[SamplePair, ...]
    spoilt: tuple[SamplePair, ...]
    plan: SchedulePlan
    ended: str

    def looks(self) -> tuple[Look, ...]:
        """Return what they say, by part.

        Raises:
            UnknownError: they are too few.
        """
        return tuple(look(self.good, part) for part in PARTS)

    @property
    def is_spoilt(self) -> bool:
        """Whether the machine was too restless to say anything."""
        return len(self.spoilt) > self.plan.spoilt_share * (len(self.good) + len(self.spoilt))


def made_pairs(variants: VariantCalls, case_id: str, plan: SchedulePlan, *, order: Random, clock: Clock) -> Pairs:
    """Call both variants pair by pair, the order in each pair drawn anew, until all parts are decided or it is enough.

    Args:
        variants: what is called.
        case_id: with which case.
        plan: how much.
        order: draws who is first.
        clock: for the budget.
    """
    deadline_s = clock.elapsed_s() + plan.budget_s
    good: list[SamplePair] = []
    spoilt: list[SamplePair] = []
    ended = "most"
    while len(good) + len(spoilt) < plan.most:
        if _is_step(len(good), plan) and _is_decided(good, plan.family):
            ended = "decided"
            break
        if clock.elapsed_s() >= deadline_s and len(good) + len(spoilt) >= plan.fewest:
            ended = "budget"
            break
        pair = _pair(variants, case_id, order)
        (spoilt if pair.disturbance else good).append(pair)
    return Pairs(good=tuple(good), spoilt=tuple(spoilt), plan=plan, ended=ended)


def _pair(variants: VariantCalls, case_id: str, order: Random) -> SamplePair:
    first, second = order.sample(VARIANTS, 2)
    variants.disturbance()
    samples = {first: variants.call(first, case_id), second: variants.call(second, case_id)}
    disturbance = variants.disturbance()
    pair = SamplePair(case_id=case_id, base=samples["base"], head=samples["head"])
    if pair.timed_out or not disturbance:  # a call that never ends is no doing of the machine's
        return pair
    return SamplePair(case_id=case_id, base=pair.base, head=pair.head, disturbance=disturbance)


def _is_step(count: int, plan: SchedulePlan) -> bool:
    return count >= plan.least and (count - plan.least) % plan.step == 0


def _is_decided(pairs: Sequence[SamplePair], family: int) -> bool:
    looks = (look(pairs, part) for part in PARTS)
    return all(each.verdict(each.p_value * family) != "undecided" for each in looks)
