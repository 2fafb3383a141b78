"""A sample: how long one call of one variant took, split into its parts; and a pair of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from e2i_eval.core.latency_shift import LatencyPart

__all__ = ["PARTS", "VARIANTS", "Sample", "SamplePair", "VariantName"]

VariantName = Literal["base", "head"]
"""``base``: the other revision. ``head``: the working tree."""

VARIANTS: tuple[VariantName, ...] = ("base", "head")
PARTS: tuple[LatencyPart, ...] = ("agent", "claude", "logging")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One call.

    Attributes:
        agent_ms: what the caller waited, less the two other parts.
        claude_ms: scripted delays of Claude, which were counted and not waited.
        logging_ms: in callbacks while the call ran, and then the CPU time of the process until everything was sent.
        drain_ms: adjusted time until everything was sent. Nobody waits for it, and the server's turns of the CPU
            are in it, so that it is shown and not judged.
        timed_out: the call was given up; ``agent_ms`` then is how long it was waited for.
        trouble: why the call does not count: it raised, or its answers do not fit the case; empty when it does.
    """

    agent_ms: float
    claude_ms: float
    logging_ms: float
    drain_ms: float = 0.0
    timed_out: bool = False
    trouble: str = ""

    def part(self, name: LatencyPart) -> float:
        """Return one part in milliseconds."""
        return {"agent": self.agent_ms, "claude": self.claude_ms, "logging": self.logging_ms}[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePair:
    """The same case called in both variants, one right after the other.

    Attributes:
        case_id: which case.
        base: the call on the other revision.
        head: the call on the working tree.
        disturbance: what the machine did meanwhile that makes the pair worthless; empty when nothing.
    """

    case_id: str
    base: Sample
    head: Sample
    disturbance: str = ""

    @property
    def timed_out(self) -> bool:
        """Whether one of the calls was given up."""
        return self.base.timed_out or self.head.timed_out
