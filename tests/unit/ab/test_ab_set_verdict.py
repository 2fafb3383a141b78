"""What pairs say: a slower head is found, an unchanged one is not, and what cannot be decided is said to be so."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.ab.sample import Sample, SamplePair
from e2i_eval.benchmark.ab.schedule import Pairs, SchedulePlan, made_pairs
from e2i_eval.benchmark.ab.set_verdict import FLOOR_MS, LEVEL, adjusted, look, pooled
from e2i_eval.core.errors import UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.benchmark.ab.sample import VariantName
    from e2i_eval.benchmark.ab.set_verdict import Look


class FakeClock:
    """A clock that a call moves on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def time_s(self) -> float:
        """Tell the time."""
        return self.now_s

    def elapsed_s(self) -> float:
        """Tell the time."""
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        """Move on."""
        self.now_s += duration_s


class FakeVariants:
    """Two variants whose calls take 60 ms, noise that remembers itself, and what is added to the head."""

    def __init__(
        self,
        *,
        seed: int,
        noise_ms: float = 1.0,
        head_ms: float = 0.0,
        disturb: Callable[[int], str] = lambda _: "",
        clock: FakeClock | None = None,
    ) -> None:
        self._random = Random(seed)
        self._noise_ms = noise_ms
        self._head_ms = head_ms
        self._disturb = disturb
        self._drift_ms = 0.0
        self._asked = 0
        self.clock = clock or FakeClock()
        self.order: list[VariantName] = []

    def call(self, variant: VariantName, case_id: str) -> Sample:  # noqa: ARG002  a protocol's
        """Take some time."""
        self._drift_ms = 0.9 * self._drift_ms + self._random.gauss(0, self._noise_ms)  # autocorrelated
        tail_ms = 30.0 if self._random.random() < 0.03 else 0.0
        took_ms = 60.0 + abs(self._drift_ms) + tail_ms + (self._head_ms if variant == "head" else 0.0)
        self.order.append(variant)
        self.clock.now_s += took_ms / 1000
        return Sample(agent_ms=took_ms, claude_ms=500.0, logging_ms=1.0)

    def disturbance(self) -> str:
        """Say what was to be said of this pair."""
        self._asked += 1
        return self._disturb(self._asked // 2)


def measured(variants: FakeVariants, plan: SchedulePlan | None = None) -> Pairs:
    """Make pairs of two variants."""
    return made_pairs(variants, "one", plan or SchedulePlan(), order=Random(1), clock=variants.clock)


def verdict_on_agent(pairs: Pairs) -> str:
    """Say where the agent's own code stands."""
    return pairs.looks()[0].verdict()


@pytest.mark.parametrize("seed", range(20))
def test_ten_milliseconds_are_found(seed: int) -> None:
    """The head takes 10 ms more in autocorrelated noise with outliers."""
    assert verdict_on_agent(measured(FakeVariants(seed=seed, head_ms=10.0))) == "slower"


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_found_where_nothing_is(seed: int) -> None:
    """An unchanged head is cleared, quickly."""
    pairs = measured(FakeVariants(seed=seed))

    assert verdict_on_agent(pairs) == "not slower"
    assert len(pairs.good) <= 40


def test_a_shift_below_the_floor_is_no_shift() -> None:
    """Two milliseconds are within what two processes differ by."""
    assert verdict_on_agent(measured(FakeVariants(seed=3, head_ms=2.0))) == "not slower"


def test_a_quicker_head_is_not_slower() -> None:
    """The test has one side."""
    assert verdict_on_agent(measured(FakeVariants(seed=3, head_ms=-20.0))) == "not slower"


def test_much_noise_takes_more_pairs_and_may_stay_undecided() -> None:
    """What cannot be decided after the most pairs is undecided, never a pass."""
    pairs = measured(FakeVariants(seed=5, noise_ms=40.0, head_ms=5.0))

    assert len(pairs.good) == SchedulePlan().most
    assert pairs.ended == "most"
    assert verdict_on_agent(pairs) == "undecided"


def test_the_floor_grows_with_the_call() -> None:
    """Five per cent of a slow call are more than five milliseconds."""
    slow = Sample(agent_ms=400.0, claude_ms=0.0, logging_ms=0.0)
    pairs = [SamplePair(case_id="one", base=slow, head=slow)] * 10

    assert look(pairs, "agent").floor_ms == pytest.approx(20.0)
    assert look(pairs, "logging").floor_ms == FLOOR_MS


def test_too_few_pairs_say_nothing() -> None:
    """An interval needs six."""
    sample = Sample(agent_ms=1.0, claude_ms=0.0, logging_ms=0.0)

    with pytest.raises(UnknownError, match="at least 6 pairs, there are 5"):
        look([SamplePair(case_id="one", base=sample, head=sample)] * 5, "agent")


def test_claude_that_takes_longer_is_found() -> None:
    """Another call to Claude is exact: the same in each pair."""
    base = Sample(agent_ms=60.0, claude_ms=500.0, logging_ms=1.0)
    head = Sample(agent_ms=60.0, claude_ms=900.0, logging_ms=1.0)

    assert look([SamplePair(case_id="one", base=base, head=head)] * 20, "claude").verdict() == "slower"


def test_timeouts_count_as_observations() -> None:
    """A head that hangs in every call is found; left out, it would have been measured in nothing."""
    base = Sample(agent_ms=60.0, claude_ms=0.0, logging_ms=1.0)
    hung = Sample(agent_ms=5000.0, claude_ms=0.0, logging_ms=0.0, timed_out=True)
    pairs = [SamplePair(case_id="one", base=base, head=hung)] * SchedulePlan(family=3).fewest

    assert look(pairs, "agent").verdict() == "slower"


def test_the_order_in_a_pair_is_drawn_and_repeatable() -> None:
    """Neither variant is always first, and the same seed gives the same order."""
    one, other = FakeVariants(seed=1), FakeVariants(seed=2)
    measured(one)
    measured(other)

    firsts = one.order[::2]
    assert one.order == other.order
    assert 4 < firsts.count("base") < 16
    assert all({*pair} == {"base", "head"} for pair in zip(one.order[::2], one.order[1::2], strict=True))


def test_spoilt_pairs_are_set_aside_and_replaced() -> None:
    """One in five pairs is throttled: the others decide."""
    pairs = measured(FakeVariants(seed=1, disturb=lambda asked: "throttled" if asked % 5 == 0 else ""))

    assert len(pairs.good) == 20
    assert pairs.spoilt
    assert not pairs.is_spoilt


def test_a_machine_that_is_never_quiet_gives_no_verdict() -> None:
    """All pairs are throttled."""
    pairs = measured(FakeVariants(seed=1, disturb=lambda _: "throttled"))

    assert pairs.is_spoilt
    assert not pairs.good


def test_the_budget_ends_measuring_but_not_before_it_can_say_anything() -> None:
    """With fewer pairs than the level needs, every verdict would be inconclusive."""
    pairs = measured(FakeVariants(seed=1, noise_ms=40.0), SchedulePlan(budget_s=0.01, family=3))

    assert pairs.ended == "budget"
    assert len(pairs.good) == SchedulePlan(family=3).fewest == 10
    assert 0.5 ** len(pairs.good) * 3 < LEVEL


def look_at(*differences: float) -> Look:
    """Look at pairs whose base takes 60 ms and whose head takes so much longer."""
    pairs = [
        SamplePair(
            case_id="one",
            base=Sample(agent_ms=60.0, claude_ms=0.0, logging_ms=0.0),
            head=Sample(agent_ms=60.0 + difference, claude_ms=0.0, logging_ms=0.0),
        )
        for difference in differences
    ]
    return look(pairs, "agent")


def test_among_many_targets_one_has_to_be_surer() -> None:
    """What would do for one target alone does not for twelve, counting those to come as saying nothing."""
    seen = look_at(*[6.0] * 8)
    alone = adjusted([seen], others=[], family=1)
    among = adjusted([seen], others=[0.9] * 5, family=12)

    assert seen.p_value == pytest.approx(1 / 2**8)
    assert seen.verdict(alone["agent"]) == "slower"
    assert seen.verdict(among["agent"]) == "undecided"
    assert among["agent"] == pytest.approx(12 / 2**8)


def test_pairs_of_several_sets_are_looked_at_as_one() -> None:
    """None of the sets is clear, and all of them are."""
    noise = [-14.0, 13.0, -9.0, 8.0, -4.0, 3.0, 12.0, -13.0, 6.0, -7.0]
    sets = [look_at(*(shift + each for each in noise)) for shift in (1.0, -1.0, 0.5)]
    together = pooled(sets)

    assert {each.verdict() for each in sets} == {"undecided"}
    assert together.verdict() == "not slower"
    assert (together.pairs, together.base_ms) == (30, 60.0)
    assert together.shift_ms.low > max(each.shift_ms.low for each in sets)


def test_a_difference_that_is_no_number_is_refused() -> None:
    """Nothing may be concluded from NaN."""
    base = Sample(agent_ms=1.0, claude_ms=0.0, logging_ms=0.0)
    head = Sample(agent_ms=math.nan, claude_ms=0.0, logging_ms=0.0)

    with pytest.raises(UnknownError, match="no numbers"):
        look([SamplePair(case_id="one", base=base, head=head)] * 10, "agent")
