"""Pairs in turns: who comes first, when it is enough, what the estimate is."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from e2i_eval.benchmark.overhead.pairing import Block, BlockPair, PairingPlan, estimate_ms, interleaved, is_enough
from e2i_eval.core.errors import UnknownError
from e2i_eval.testing import ManualClock

if TYPE_CHECKING:
    from e2i_eval.benchmark.overhead.pairing import VariantName

PLAN = PairingPlan(least=8, most=30, budget_s=1_000.0, precision_ms=0.5)


def blocks(clock: ManualClock, added_ms: float, order: list[str], noise: Random | None = None) -> list[BlockPair]:
    """Return pairs whose logged blocks take ``added_ms`` longer."""

    def run(variant: VariantName) -> Block:
        order.append(variant)
        took_ms = 20.0 + (added_ms if variant == "logged" else 0.0) + (noise.gauss(0.0, 4.0) if noise else 0.0)
        clock.sleep(took_ms / 1_000)
        return Block(call_ms=took_ms, drain_ms=3.0)

    return list(interleaved(run, PLAN, order=Random(7), clock=clock))


@pytest.mark.parametrize("added_ms", [0.0, 1.0, 60.0])
def test_an_artificial_overhead_is_found(added_ms: float) -> None:
    """What was added is what is estimated."""
    estimate = estimate_ms(blocks(ManualClock(), added_ms, []))

    assert estimate.value == pytest.approx(added_ms)
    assert estimate.low <= added_ms + 1e-9
    assert estimate.high >= added_ms - 1e-9
    assert estimate.method == "Hodges-Lehmann"


def test_noise_makes_more_pairs() -> None:
    """A steady target needs the fewest pairs, a noisy one the most, and the truth stays within its interval."""
    steady, noisy = blocks(ManualClock(), 5.0, []), blocks(ManualClock(), 5.0, [], Random(1))

    assert len(steady) == PLAN.least
    assert len(noisy) == PLAN.most
    assert estimate_ms(noisy).low < 5.0 < estimate_ms(noisy).high


def test_both_variants_come_first_at_times_and_always_in_the_same_order() -> None:
    """Each pair has both variants; the order is drawn, and drawn again the same."""
    first, again = list[str](), list[str]()
    blocks(ManualClock(), 1.0, first)
    blocks(ManualClock(), 1.0, again)

    pairs = [tuple(first[at : at + 2]) for at in range(0, len(first), 2)]
    assert first == again
    assert set(pairs) == {("plain", "logged"), ("logged", "plain")}


def test_time_ends_a_measurement_but_never_before_there_is_an_interval() -> None:
    """The budget is used up from the start, and the least number of pairs is made all the same."""
    plan = PairingPlan(least=6, most=30, budget_s=0.0, precision_ms=0.0)
    pairs = [BlockPair(plain=Block(call_ms=1.0, drain_ms=0.0), logged=Block(call_ms=2.0, drain_ms=0.0))] * 6

    assert not is_enough(pairs[:5], plan, 100.0)
    assert is_enough(pairs, plan, 100.0)


def test_too_few_pairs_give_no_figure() -> None:
    """Five pairs have no interval of 95 %."""
    pairs = [BlockPair(plain=Block(call_ms=1.0, drain_ms=0.0), logged=Block(call_ms=2.0, drain_ms=0.0))] * 5

    with pytest.raises(UnknownError, match="at least 6 pairs"):
        estimate_ms(pairs)
