"""Message batches of a server: many requests handed in at once, answered together later."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2i_eval.core.json_value import JsonObject

__all__ = ["Batches"]

EXPIRES_S = 86_400.0


@dataclass(slots=True, kw_only=True)
class _Batch:
    id: str
    created_s: float
    ready_s: float
    results: list[JsonObject]
    is_canceled: bool = False


@dataclass(slots=True)
class Batches:
    """The batches of one server, in memory.

    Attributes:
        answer: returns the result of one request's ``params``: ``{"type": "succeeded", "message": ...}`` or an error.
    """

    answer: Callable[[JsonObject], JsonObject]
    _batches: dict[str, _Batch] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, body: JsonObject, *, takes_s: float, url: str) -> dict[str, Any]:
        """Take a batch in and return it as the API shows it.

        Raises:
            ValueError: it has no requests, or two of the same ``custom_id``.
        """
        requests = body.get("requests") or []
        ids = [str(each.get("custom_id", "")) for each in requests]
        if not ids or len(set(ids)) < len(ids) or "" in ids:
            message = "requests: needs at least one, each with a custom_id of its own"
            raise ValueError(message)
        results: list[JsonObject] = [
            {"custom_id": each["custom_id"], "result": self.answer(each["params"])} for each in requests
        ]
        now_s = time.time()
        with self._lock:
            batch_id = f"msgbatch_{len(self._batches) + 1:024d}"
            batch = _Batch(id=batch_id, created_s=now_s, ready_s=now_s + takes_s, results=results)
            self._batches[batch_id] = batch
        return _shown(batch, url)

    def shown(self, batch_id: str, url: str) -> dict[str, Any] | None:
        """Return a batch as the API shows it; None when there is none."""
        batch = self._batches.get(batch_id)
        return _shown(batch, url) if batch else None

    def all_shown(self, url: str) -> dict[str, Any]:
        """Return all batches, newest first."""
        data = [_shown(batch, url) for batch in reversed(self._batches.values())]
        first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return {"data": data, "has_more": False, "first_id": first, "last_id": last}

    def cancel(self, batch_id: str, url: str) -> dict[str, Any] | None:
        """End a batch that is in progress without answers."""
        batch = self._batches.get(batch_id)
        if batch is None:
            return None
        if batch.ready_s > time.time():
            batch.is_canceled = True
            batch.ready_s = time.time()
            batch.results = [{**each, "result": {"type": "canceled"}} for each in batch.results]
        return _shown(batch, url)

    def results(self, batch_id: str) -> list[JsonObject] | None:
        """Return the results, last one first, as the API promises no order; None when there are none yet."""
        batch = self._batches.get(batch_id)
        return list(reversed(batch.results)) if batch and batch.ready_s <= time.time() else None


def _shown(batch: _Batch, url: str) -> dict[str, Any]:
    is_ended = batch.ready_s <= time.time()
    kinds = [each["result"]["type"] for each in batch.results] if is_ended else []
    counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if is_ended else "in_progress",
        "request_counts": {"processing": 0 if is_ended else len(batch.results), **counts},
        "created_at": _instant(batch.created_s),
        "expires_at": _instant(batch.created_s + EXPIRES_S),
        "ended_at": _instant(batch.ready_s) if is_ended else None,
        "archived_at": None,
        "cancel_initiated_at": _instant(batch.ready_s) if batch.is_canceled else None,
        "results_url": f"{url}/v1/messages/batches/{batch.id}/results" if is_ended else None,
    }


def _instant(time_s: float) -> str:
    return dt.datetime.fromtimestamp(time_s, dt.UTC).isoformat()
