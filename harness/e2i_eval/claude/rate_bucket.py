"""A rate bucket: how many requests one key may have under way, and until when it must not send any."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


__all__ = ["RateBucket", "Reply", "reply_of"]

START_LIMIT = 4.0
MAX_LIMIT = 64.0
CUT = 0.5
"""What the limit is multiplied by when the API refuses: additive increase, multiplicative decrease (Chiu and Jain,
"Analysis of the increase and decrease algorithms for congestion avoidance in computer networks", 1989)."""

FULL_SHARE = 0.5
"""The limit grows only while at least so much of it is used: an idle rate bucket proves nothing."""

MAX_PAUSE_S = 300.0
"""Nobody waits longer for a limit that resets tomorrow: such a request is sent, and its refusal reported."""

REFUSED = frozenset({429, 529})
OVERLOADED = frozenset({"overloaded_error", "rate_limit_error"})
OK_STATUSES = range(200, 300)
MS_PER_S = 1_000
LIMITED = ("requests", "tokens", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a response says about the rate limiter.

    Attributes:
        is_refused: the API has too much to do, for this key or at all.
        is_ok: it answered.
        pause_s: how long nothing must be sent; 0 when it does not say.
    """

    is_refused: bool = False
    is_ok: bool = False
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBucket:
    """The requests of one key, of all processes together.

    Attributes:
        limit: how many may be under way, as a fraction; the whole part counts.
        paused_until_s: seconds since the epoch before which nothing is sent.
        cut_at_s: when the limit was cut last, seconds since the epoch.
        under_way: process id by request.
    """

    limit: float = START_LIMIT
    paused_until_s: float = 0.0
    cut_at_s: float = 0.0
    under_way: Mapping[str, int] = field(default_factory=dict)

    def is_paused(self, now_s: float) -> bool:
        """Tell whether nothing may be sent now."""
        return now_s < self.paused_until_s

    @property
    def is_full(self) -> bool:
        """Whether as many requests are under way as may be; one always may."""
        return len(self.under_way) >= max(1, int(self.limit))

    def entered(self, request: str, process: int) -> RateBucket:
        """Return the rate bucket with one more request under way."""
        return replace(self, under_way={**self.under_way, request: process})

    def left(self, request: str) -> RateBucket:
        """Return the rate bucket without a request."""
        return replace(self, under_way={key: pid for key, pid in self.under_way.items() if key != request})

    def without_dead(self, is_alive: Callable[[int], bool]) -> RateBucket:
        """Return the rate bucket without the requests of processes that are gone."""
        return replace(self, under_way={key: pid for key, pid in self.under_way.items() if is_alive(pid)})

    def heard(self, reply: Reply, *, sent_at_s: float, now_s: float) -> RateBucket:
        """Return the rate bucket after a response to a request that was sent at ``sent_at_s``.

        A burst that is refused together cuts the limit once: what was sent before the cut says nothing about it.
        """
        bucket = self
        if reply.pause_s > 0:
            until_s = now_s + min(reply.pause_s, MAX_PAUSE_S)
            bucket = replace(bucket, paused_until_s=max(bucket.paused_until_s, until_s))
        if reply.is_refused and sent_at_s >= bucket.cut_at_s:
            return replace(bucket, limit=max(1.0, bucket.limit * CUT), cut_at_s=now_s)
        if reply.is_ok and len(bucket.under_way) >= bucket.limit * FULL_SHARE:
            return replace(bucket, limit=min(MAX_LIMIT, bucket.limit + 1 / bucket.limit))
        return bucket


def reply_of(status: int, headers: Mapping[str, str], *, now_s: float) -> Reply:
    """Read what a response says about the rate limiter.

    Args:
        status: of the response.
        headers: of the response, with names in lower case.
        now_s: seconds since the epoch, for a response that does not say when it was sent.
    """
    server_s = _instant_s(headers.get("date", ""), now_s)
    pauses_s = [_reset_s(headers, name, server_s) for name in LIMITED]
    if status not in OK_STATUSES:
        pauses_s.append(_retry_after_s(headers, server_s))
    return Reply(is_refused=status in REFUSED, is_ok=status in OK_STATUSES, pause_s=max(0.0, *pauses_s))


def _reset_s(headers: Mapping[str, str], name: str, server_s: float) -> float:
    """Return how long a limit that is used up stays so, by the server's clock; 0 for one that is not."""
    prefix = f"anthropic-ratelimit-{name}"
    if headers.get(f"{prefix}-remaining", "").strip() != "0":
        return 0.0
    try:
        return dt.datetime.fromisoformat(headers.get(f"{prefix}-reset", "")).timestamp() - server_s
    except ValueError:
        return 0.0


def _retry_after_s(headers: Mapping[str, str], server_s: float) -> float:
    for name, unit in (("retry-after-ms", MS_PER_S), ("retry-after", 1)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            value = float(text)
        except ValueError:
            return _instant_s(text, server_s) - server_s
        return value / unit if math.isfinite(value) else 0.0
    return 0.0


def _instant_s(text: str, default_s: float) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return default_s
