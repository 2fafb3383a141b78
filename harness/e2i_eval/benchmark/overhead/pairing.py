"""Pairing: blocks with and without logging in turns, until the difference is known well enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from e2i_eval.core.clock import Clock
    from e2i_eval.core.estimate import Estimate

__all__ = [
    "Block",
    "BlockPair",
    "PairingPlan",
    "VariantName",
    "estimate_cpu_ms",
    "estimate_ms",
    "interleaved",
    "is_enough",
]

VariantName = Literal["plain", "logged"]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some calls of one variant.

    Attributes:
        call_ms: what a caller waited a call, the mean over the block.
        drain_ms: from the last answer until everything logged was on the server; 0 where nothing is logged.
        cpu_ms: CPU time of the whole process a call, what is done until everything is on the server included.
    """

    call_ms: float
    drain_ms: float
    cpu_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPair:
    """Two blocks, one right after the other."""

    plain: Block
    logged: Block

    @property
    def difference_ms(self) -> float:
        """What logging added to a call."""
        return self.logged.call_ms - self.plain.call_ms

    @property
    def cpu_difference_ms(self) -> float:
        """What logging added to the process's CPU time, a call."""
        return self.logged.cpu_ms - self.plain.cpu_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingPlan:
    """How many pairs are made.

    Attributes:
        least: so many in any case, however long they take.
        most: never more.
        budget_s: after this time no further pair is begun.
        precision_ms: an interval of plus and minus so much is good enough.
    """

    least: int
    most: int
    budget_s: float
    precision_ms: float


def interleaved(
    run: Callable[[VariantName], Block], plan: PairingPlan, *, order: Random, clock: Clock
) -> tuple[BlockPair, ...]:
    """Run pairs of blocks, which variant comes first being drawn anew for each pair.

    Whether there are enough is decided by the width of the interval alone, never by where it lies: stopping as soon
    as the answer pleases would shift it.
    """
    start_s = clock.elapsed_s()
    pairs: list[BlockPair] = []
    while not is_enough(pairs, plan, clock.elapsed_s() - start_s):
        first: VariantName = order.choice(("plain", "logged"))
        second: VariantName = "logged" if first == "plain" else "plain"
        blocks = {first: run(first)}
        blocks[second] = run(second)
        pairs.append(BlockPair(plain=blocks["plain"], logged=blocks["logged"]))
    return tuple(pairs)


def is_enough(pairs: Sequence[BlockPair], plan: PairingPlan, elapsed_s: float) -> bool:
    """Tell whether another pair would not be worth its time."""
    if len(pairs) < plan.least:
        return False
    if len(pairs) >= plan.most or elapsed_s >= plan.budget_s:
        return True
    estimate = estimate_ms(pairs)
    return (estimate.high - estimate.low) / 2 <= plan.precision_ms


def estimate_ms(pairs: Sequence[BlockPair]) -> Estimate:
    """Estimate what a caller waits longer a call, in milliseconds.

    Raises:
        UnknownError: there are too few pairs for an interval.
    """
    return _shift([pair.difference_ms for pair in pairs])


def estimate_cpu_ms(pairs: Sequence[BlockPair]) -> Estimate:
    """Estimate what the process computes longer a call, in milliseconds; raises as ``estimate_ms`` does."""
    return _shift([pair.cpu_difference_ms for pair in pairs])


def _shift(differences: Sequence[float]) -> Estimate:
    """Estimate the shift: Hodges-Lehmann over the pairs' differences.

    Hodges and Lehmann, Annals of Mathematical Statistics 34, 1963; see ``e2i_eval.core.stats.shift``.

    Raises:
        UnknownError: there are too few pairs for an interval.
    """
    from e2i_eval.core.stats.shift import hodges_lehmann  # noqa: PLC0415  defers numpy

    return hodges_lehmann(differences, confidence=CONFIDENCE)
