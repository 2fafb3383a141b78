"""The book of a server: who asked what how often, and which answers were handed over."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.testing.claude_server.plan import ServerPlan

__all__ = ["RateRefusal", "RequestLog"]

POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRefusal:
    """Why a request is refused: more than the limit allows; ``wait_s`` until it allows one again, None if unknown."""

    wait_s: float | None


@dataclass(slots=True, kw_only=True)
class Body:
    """What became of the requests with one body."""

    asked: int = 0
    paid: int = 0


@dataclass(slots=True)
class RequestLog:
    """Counts; any thread may write.

    An answer is paid once its client has read it to the end: one that was killed before has nothing in hand.
    """

    bodies: dict[str, Body] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    most_under_way: int = 0
    held: int = 0
    window_start_s: float = 0.0
    window_count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, digest: str) -> int:
        """Note a request, and return how many with this body came before."""
        with self.lock:
            body = self.bodies.setdefault(digest, Body())
            body.asked += 1
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            return body.asked - 1

    def end(self, digest: str, outcome: str, *, paid: bool = False) -> None:
        """Note how a request ended: ``200``, ``429``, ``reset``, ``abandoned`` ..."""
        with self.lock:
            self.under_way -= 1
            self.statuses[outcome] += 1
            self.bodies[digest].paid += paid

    def refusal(self, plan: ServerPlan) -> RateRefusal | None:
        """Return why the request that came last is too much; None when it is not."""
        now_s = time.monotonic()
        with self.lock:
            if plan.limit_concurrent and self.under_way > plan.limit_concurrent:
                return RateRefusal(wait_s=None)
            if now_s - self.window_start_s >= plan.limit_window_s:
                self.window_start_s, self.window_count = now_s, 0
            if plan.limit_requests and self.window_count >= plan.limit_requests:
                return RateRefusal(wait_s=self.window_start_s + plan.limit_window_s - now_s)
            self.window_count += 1
            return None

    def limits(self, plan: ServerPlan) -> tuple[int, float]:
        """Return how many requests the window still allows, and the seconds until it ends."""
        with self.lock:
            left = max(0, plan.limit_requests - self.window_count)
            return left, max(0.0, self.window_start_s + plan.limit_window_s - time.monotonic())

    def wait_while_held(self, plan: Callable[[], ServerPlan], is_gone: Callable[[], bool]) -> bool:
        """Wait as long as the plan holds answers back; return whether the client is still there."""
        if not self._is_held(plan()):
            return not is_gone()
        with self.lock:
            self.held += 1
        while self._is_held(plan()) and not is_gone():
            time.sleep(POLL_S)
        with self.lock:
            self.held -= 1
        return not is_gone()

    def to_json(self) -> dict[str, object]:
        """Return all counts as plain JSON."""
        with self.lock:
            return {
                "asked": sum(body.asked for body in self.bodies.values()),
                "paid": sum(body.paid for body in self.bodies.values()),
                "statuses": dict(self.statuses),
                "under_way": self.under_way,
                "most_under_way": self.most_under_way,
                "held": self.held,
                "bodies": {digest: {"asked": body.asked, "paid": body.paid} for digest, body in self.bodies.items()},
            }

    def _is_held(self, plan: ServerPlan) -> bool:
        """Tell whether as many answers are paid or about to be as the plan allows."""
        with self.lock:
            return plan.hold_after is not None and sum(body.paid for body in self.bodies.values()) >= plan.hold_after
