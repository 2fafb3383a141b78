"""What logging adds to a call of one target, as measured in pairs with logging on and off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e2i_eval.core.estimate import Estimate  # noqa: TC001  from_json reads the types at run time

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = ["OverheadResult", "highest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverheadResult:
    """One measurement.

    Attributes:
        target: what was called.
        case_id: with which input.
        callers: how it was called: ``one``, ``8 threads``, ``8 tasks``, ``parallel branches``.
        pairs: number of interleaved pairs.
        plain_ms: median time of a call without logging.
        overhead_ms: what the caller waits longer with logging, a call.
        drain_ms: median time from the answer until everything was on the server; the caller does not wait for it.
        differences: what differed between the variants in output, streamed chunks or raised error, and what of
            concurrent calls was lost or mixed up on the server; empty when nothing was.
        conditions: what a reader should know of how it was measured, one sentence each.
        pair_ms: mean time of a call without and with logging, one a pair, in the order of measuring.
    """

    target: str
    case_id: str
    callers: str
    pairs: int
    plain_ms: float
    overhead_ms: Estimate
    drain_ms: float
    differences: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    pair_ms: tuple[tuple[float, float], ...] = ()

    @property
    def is_concurrent(self) -> bool:
        """Whether many callers asked at once."""
        return self.callers[:1].isdigit()

    def metrics(self) -> dict[str, float]:
        """Return the numbers for the target's run; those of several callers have these in their names."""
        infix = "" if self.callers == "one" else "_" + self.callers.replace(" ", "_")
        return {
            f"overhead{infix}_ms": self.overhead_ms.value,
            f"overhead{infix}_high_ms": self.overhead_ms.high,
            f"drain{infix}_ms": self.drain_ms,
        }


def highest(results: Iterable[OverheadResult], target: str) -> dict[str, float]:
    """Return the metrics of ``target``; of several cases called in the same way the highest value counts."""
    found: dict[str, float] = {}
    for result in results:
        if result.target == target:
            found |= {name: max(value, found.get(name, value)) for name, value in result.metrics().items()}
    return found
