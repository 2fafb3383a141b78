"""Conditions: what a reader should know of how a figure was made, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.benchmark.overhead.pairing import estimate_cpu_ms, estimate_ms

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from e2i_eval.benchmark.overhead.pairing import BlockPair, PairingPlan
    from e2i_eval.benchmark.overhead.transparency import Transparency

__all__ = ["beside", "computed", "ignored", "imprecise", "unattributed"]


def computed(pairs: Sequence[BlockPair]) -> str:
    """Say what logging adds to the process's CPU time, which is steadier than waiting."""
    cpu = estimate_cpu_ms(pairs)
    interval = f"{cpu.low:+.2f} to {cpu.high:+.2f}"
    return f"CPU time of the process: {cpu.value:+.2f} ms a call ({interval}), export included"


def imprecise(pairs: Sequence[BlockPair], plan: PairingPlan) -> tuple[str, ...]:
    """Say that the interval is wider than it should be, and why no further pair was made."""
    estimate = estimate_ms(pairs)
    half_ms = (estimate.high - estimate.low) / 2
    if half_ms <= plan.precision_ms:
        return ()
    end = f"{plan.budget_s:g} s were used up" if len(pairs) < plan.most else f"{plan.most} pairs were made"
    return (f"{end} before the interval was within ±{plan.precision_ms:g} ms; it is ±{half_ms:.1f} ms",)


def unattributed(count: int) -> tuple[str, ...]:
    """Say that some traces could be of any call."""
    return (f"{count} traces name no call: they were counted, but not assigned to calls",) if count else ()


def beside(running: Collection[str]) -> tuple[str, ...]:
    """Say what other processes of the session ran meanwhile."""
    return (f"beside it ran, in other workers: {', '.join(sorted(running))}",) if running else ()


def ignored(transparency: Transparency) -> tuple[str, ...]:
    """Say what was left out when the variants were compared."""
    return tuple(
        f"not compared, as it differs between two calls without logging: {each}" for each in transparency.not_compared
    )
