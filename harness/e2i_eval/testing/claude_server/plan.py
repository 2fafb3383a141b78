"""The plan of a server: what it answers with, how fast, what goes wrong and how often."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from e2i_eval.core.json_value import JsonObject

__all__ = ["FAULTS", "Fault", "ServerPlan"]

Fault = Literal["rate_limit", "overloaded", "error", "reset", "drop", "error_event", "slow"]
"""How an answer goes wrong.

``rate_limit``: 429 with ``retry-after``. ``overloaded``: 529. ``error``: 500. ``reset``: the connection is reset before
the response. ``drop``: it is reset in the middle of the body. ``error_event``: an SSE error event in the middle of a
stream, a 500 without one. ``slow``: the right answer, late.
"""

FAULTS: tuple[Fault, ...] = get_args(Fault)
WHOLE = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """What a server does; every part may be changed while it runs.

    Attributes:
        seed: decides which requests go wrong; the same seed and the same requests give the same faults.
        fault_rate: share of the requests that go wrong, 0 to 1.
        faults: what may go wrong, each as often as the others.
        latency_s: how long an answer takes; a stream is spread over it.
        slow_s: how long a ``slow`` answer takes.
        retry_after_s: what a ``rate_limit`` says to wait.
        limit_requests: requests allowed in each ``limit_window_s``; 0 limits nothing.
        limit_window_s: seconds after which the count of requests starts anew.
        limit_concurrent: requests that may be under way at once; more get 429. 0 limits nothing.
        hold_after: paid answers after which no further one is given until this is changed; None holds nothing.
        answers: answers to be given in place of the derived one, each ``{"contains": text in the prompt, "content":
            [...], "usage": {...}}`` (``"text"`` stands for one text block); the first that fits is taken.
        batch_s: how long a message batch is in progress.
        keep_alive: connections serve several requests; then an answer counts as paid once it was written.
    """

    seed: int = 0
    fault_rate: float = 0.0
    faults: tuple[Fault, ...] = FAULTS
    latency_s: float = 0.0
    slow_s: float = 1.0
    retry_after_s: float = 1.0
    limit_requests: int = 0
    limit_window_s: float = 60.0
    limit_concurrent: int = 0
    hold_after: int | None = None
    answers: tuple[JsonObject, ...] = ()
    batch_s: float = 0.0
    keep_alive: bool = False

    def fault(self, digest: str, number: int) -> Fault | None:
        """Return what goes wrong with the ``number``-th request (from 0) of a body; None when nothing does."""
        if not self.faults or self._chance(digest, number, "whether") >= self.fault_rate:
            return None
        return self.faults[int(self._chance(digest, number, "which") * len(self.faults))]

    def _chance(self, digest: str, number: int, what: str) -> float:
        """Return a number from 0 up to, not including, 1."""
        text = f"{self.seed}/{digest}/{number}/{what}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) / WHOLE
