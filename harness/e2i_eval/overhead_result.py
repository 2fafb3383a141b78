"""What logging adds to a call of one target, as measured in pairs with logging on and off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from e2i_eval.estimate import Estimate

if TYPE_CHECKING:
    from e2i_eval.json_value import JsonObject

__all__ = ["OverheadResult"]


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
        differences: what differed between the arms in output, streamed chunks or raised error; empty when nothing did.
    """

    target: str
    case_id: str
    callers: str
    pairs: int
    plain_ms: float
    overhead_ms: Estimate
    drain_ms: float
    differences: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the result as plain JSON."""
        return {**asdict(self), "differences": list(self.differences)}

    @classmethod
    def from_json(cls, data: JsonObject) -> OverheadResult:
        """Read what ``to_json`` wrote."""
        fields = {
            **data,
            "overhead_ms": Estimate.from_json(data["overhead_ms"]),
            "differences": tuple(data["differences"]),
        }
        return cls(**fields)
