"""The pace: when a request may be sent, agreed between all processes of a session."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from e2i_eval.claude.rate_bucket import OVERLOADED, RateBucket, Reply, reply_of
from e2i_eval.core.json_codec import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from e2i_eval.core.clock import Clock
    from e2i_eval.core.exchange import Exchange

__all__ = ["RateLimiter", "Ticket", "bucket_name"]

POLL_S = 0.02
LONGEST_SLEEP_S = 0.5
"""A pause may be put off by another process meanwhile, or the caller be cancelled."""

LOCK_POLL_S = 0.002
KEY_HEADERS = ("x-api-key", "authorization")


def bucket_name(host: str, headers: Mapping[str, str]) -> str:
    """Return a name for the key of a request that does not reveal the key."""
    key = "\n".join(headers.get(name, "") for name in KEY_HEADERS)
    return hashlib.blake2b(f"{host}\n{key}".encode(), digest_size=8).hexdigest()


class Ticket:
    """The permission to send one request.

    Attributes:
        waited_s: how long it took to get.
    """

    __slots__ = ("_bucket", "_id", "_rate_limiter", "_sent_at_s", "waited_s")

    def __init__(
        self, rate_limiter: RateLimiter, bucket: str, request: str, *, sent_at_s: float, waited_s: float
    ) -> None:
        self._rate_limiter = rate_limiter
        self._bucket = bucket
        self._id = request
        self._sent_at_s = sent_at_s
        self.waited_s = waited_s

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """Take in the head of the response."""
        self._rate_limiter.heard(
            self._bucket, reply_of(status, headers, now_s=self._rate_limiter.now_s()), sent_at_s=self._sent_at_s
        )

    def leave(self, exchange: Exchange) -> None:
        """Give the permission back; a stream that ended in an overload counts as refused."""
        is_refused = (exchange.status or 0) < 300 and exchange.error is not None and exchange.error.type in OVERLOADED  # noqa: PLR2004  a stream's own status
        self._rate_limiter.leave(self._bucket, self._id, Reply(is_refused=is_refused), sent_at_s=self._sent_at_s)


class RateLimiter:
    """Lets requests pass as fast as the API takes them: see :class:`~e2i_eval.claude.rate_bucket.RateBucket`.

    Args:
        folder: folder that the session's processes share.
        clock: gives the time of day, and waits.
        is_alive: returns whether a process runs; what a killed one had under way must not block the others.
    """

    def __init__(self, folder: Path, *, clock: Clock, is_alive: Callable[[int], bool] | None = None) -> None:
        self._file = folder / "pace.json"
        self._lock = FileLock(folder / "pace.lock")
        self._clock = clock
        self._is_alive = is_alive or _is_alive

    def now_s(self) -> float:
        """Return seconds since the epoch."""
        return self._clock.time_s()

    def enter(self, bucket: str, *, is_nested: bool = False) -> Ticket:
        """Wait on this thread until a request may be sent.

        Args:
            bucket: of the request's key.
            is_nested: the case is reading a stream meanwhile: it waits for pauses, but not for its own stream to end.
        """
        began_s = self._clock.elapsed_s()
        while isinstance(step := self._try_enter(bucket, is_nested=is_nested), float):
            self._clock.sleep(step)
        return self._ticket(bucket, step, began_s)

    async def enter_async(self, bucket: str, *, is_nested: bool = False) -> Ticket:
        """As :meth:`enter`, while the event loop goes on."""
        import anyio  # noqa: PLC0415  needed only where it is there already

        began_s = self._clock.elapsed_s()
        # What is waited for happens in other processes, where no event can be set.
        while isinstance(step := self._try_enter(bucket, is_nested=is_nested), float):  # noqa: ASYNC110  as said
            await anyio.sleep(step)
        return self._ticket(bucket, step, began_s)

    def heard(self, bucket: str, reply: Reply, *, sent_at_s: float) -> None:
        """Take in what a response says."""
        self._change(bucket, lambda state: state.heard(reply, sent_at_s=sent_at_s, now_s=self.now_s()))

    def leave(self, bucket: str, request: str, reply: Reply, *, sent_at_s: float) -> None:
        """Take in that a request has ended."""
        self._change(bucket, lambda state: state.heard(reply, sent_at_s=sent_at_s, now_s=self.now_s()).left(request))

    def buckets(self) -> dict[str, RateBucket]:
        """Return the rate buckets as they are now."""
        with self._lock.acquire(poll_interval=LOCK_POLL_S):
            return self._read()

    def _ticket(self, bucket: str, request: str, began_s: float) -> Ticket:
        waited_s = self._clock.elapsed_s() - began_s
        return Ticket(self, bucket, request, sent_at_s=self.now_s(), waited_s=waited_s)

    def _try_enter(self, bucket: str, *, is_nested: bool) -> str | float:
        """Return the id of a request that may be sent, or the seconds after which to try again."""
        try:
            with self._lock.acquire(timeout=0):
                buckets = self._read()
                state = buckets.get(bucket, RateBucket())
                now_s = self.now_s()
                if state.is_paused(now_s):
                    return min(LONGEST_SLEEP_S, max(LOCK_POLL_S, state.paused_until_s - now_s))
                if state.is_full and not is_nested:
                    state = state.without_dead(self._is_alive)
                    if state.is_full:
                        return POLL_S
                request = uuid.uuid4().hex
                self._write({**buckets, bucket: state.entered(request, os.getpid())})
                return request
        except Timeout:
            return LOCK_POLL_S

    def _change(self, bucket: str, change: Callable[[RateBucket], RateBucket]) -> None:
        with self._lock.acquire(poll_interval=LOCK_POLL_S):
            buckets = self._read()
            self._write({**buckets, bucket: change(buckets.get(bucket, RateBucket()))})

    def _read(self) -> dict[str, RateBucket]:
        if not self._file.exists():
            return {}
        return {name: from_json(RateBucket, data) for name, data in json.loads(self._file.read_text("utf-8")).items()}

    def _write(self, buckets: Mapping[str, RateBucket]) -> None:
        """Replace the file in one step: whoever dies meanwhile leaves the old one."""
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({name: to_json(bucket) for name, bucket in buckets.items()}), encoding="utf-8")
        new.replace(self._file)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, and somebody else's
        return True
    return True
