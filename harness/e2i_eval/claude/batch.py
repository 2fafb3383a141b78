"""A batch: many requests sent together and answered within a day, at half price (Anthropic, "Message Batches").

What was sent is kept in a file until its results were read: a session that was interrupted leaves it there, and the
next one waits for the same batch instead of paying for another.
"""

from __future__ import annotations

import importlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from e2i_eval.claude.batch_answer import BatchAnswer
from e2i_eval.claude.budget import BudgetError
from e2i_eval.claude.forwarding import is_forwarding
from e2i_eval.claude.tokens import stated_usage
from e2i_eval.core.errors import E2iError
from e2i_eval.core.exchange import Caller, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from e2i_eval.claude.budget import SessionBudget
    from e2i_eval.core.json_value import JsonObject

__all__ = ["BatchPost", "SentBatches"]

PATH = "/v1/messages/batches"
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
GROWTH = 1.5
LONGEST_S = 24 * 3600.0 + 600.0
"""A batch expires after 24 hours; what is under way then ends within minutes."""

TIMEOUT_S = 120.0
MAX_RETRIES = 4
FOUND = 200
NOT_FOUND = 404


class SentBatches:
    """The file of batches whose results were not read yet: ids of their requests by id of the batch."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, list[str]]:
        """Return the batches; none when there is no file.

        Raises:
            E2iError: the file is damaged.
        """
        if not self._file.exists():
            return {}
        try:
            sent: dict[str, list[str]] = json.loads(self._file.read_text(encoding="utf-8"))["batches"]
            return {str(name): list(map(str, ids)) for name, ids in sent.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            what = f"the file of sent batches is damaged: {type(error).__name__}: {error}"
            raise E2iError(what, where=str(self._file), fix="delete it; its batches are paid for and lost") from error

    def write(self, sent: Mapping[str, list[str]]) -> None:
        """Replace the file in one step; without batches there is none."""
        if not sent:
            self._file.unlink(missing_ok=True)
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"batches": dict(sent)}, indent=1) + "\n", encoding="utf-8")
        new.replace(self._file)


class BatchPost:
    """Sends requests in a batch and waits for its end.

    Args:
        sent: keeps the ids of batches under way.
        budget: counts at half price; None when nobody minds.
        sleep: waits for so many seconds.
        elapsed_s: seconds since any moment.
    """

    def __init__(
        self,
        sent: SentBatches,
        *,
        budget: SessionBudget | None,
        sleep: Callable[[float], None],
        elapsed_s: Callable[[], float],
    ) -> None:
        self._sent = sent
        self._budget = budget
        self._sleep = sleep
        self._elapsed_s = elapsed_s

    def __call__(self, requests: Mapping[str, JsonObject]) -> dict[str, BatchAnswer]:
        """Return a reply for each request, by the request's id.

        Raises:
            E2iError: the file of sent batches is damaged, or a batch does not end.
            anthropic.AnthropicError: the batch could not be sent or read.
        """
        with _client() as client:
            waiting = {name: ids for name, ids in self._sent.read().items() if set(ids) & requests.keys()}
            asked = {each for ids in waiting.values() for each in ids}
            fresh = {name: body for name, body in requests.items() if name not in asked}
            bodies = _without_sampling(client, fresh)
            held, refused = self._held(bodies)
            if held:
                waiting |= self._send(client, {name: bodies[name] for name in held})
            replies = dict(refused)
            for batch_id, ids in waiting.items():
                replies |= self._replies(client, batch_id, ids)
            self._settle(held, requests, replies)
        return {name: replies.get(name, BatchAnswer(error="the batch has no result for it")) for name in requests}

    def _held(self, requests: Mapping[str, JsonObject]) -> tuple[dict[str, str], dict[str, BatchAnswer]]:
        """Set the most that each request can cost aside; those that do not fit are not sent."""
        held: dict[str, str] = {}
        refused: dict[str, BatchAnswer] = {}
        for name, body in requests.items():
            try:
                held[name] = self._budget.hold(body, "messages") if self._budget else ""
            except BudgetError as error:
                refused[name] = BatchAnswer(error=str(error))
        return held, refused

    def _send(self, client: Any, requests: Mapping[str, JsonObject]) -> dict[str, list[str]]:  # noqa: ANN401  the SDK's
        body = {"requests": [{"custom_id": name, "params": params} for name, params in requests.items()]}
        batch_id = str(client.post(PATH, cast_to=object, body=body)["id"])
        self._sent.write({**self._sent.read(), batch_id: list(requests)})
        return {batch_id: list(requests)}

    def _replies(self, client: Any, batch_id: str, ids: list[str]) -> dict[str, BatchAnswer]:  # noqa: ANN401  the SDK's
        if not self._is_ended(client, batch_id):
            return dict.fromkeys(ids, BatchAnswer(error=f"batch {batch_id} is gone"))
        lines = str(client.get(f"{PATH}/{batch_id}/results", cast_to=str)).splitlines()
        read = [json.loads(line) for line in lines if line.strip()]
        self._sent.write({name: each for name, each in self._sent.read().items() if name != batch_id})
        return {str(each["custom_id"]): _reply(each["result"]) for each in read}

    def _is_ended(self, client: Any, batch_id: str) -> bool:  # noqa: ANN401  the SDK's
        """Wait for the end of a batch; False when the API does not know it."""
        sdk: Any = importlib.import_module("anthropic")  # deferred: seconds of CPU
        start_s, wait_s = self._elapsed_s(), FIRST_WAIT_S
        while True:
            try:
                batch = client.get(f"{PATH}/{batch_id}", cast_to=object)
            except sdk.NotFoundError:
                self._sent.write({name: each for name, each in self._sent.read().items() if name != batch_id})
                return False
            if batch["processing_status"] == "ended":
                return True
            if self._elapsed_s() - start_s > LONGEST_S:
                what = f"batch {batch_id} has not ended after {LONGEST_S:g} s"
                raise E2iError(what, fix="run the same command again: it waits for the same batch")
            self._sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, wait_s * GROWTH)

    def _settle(
        self, held: Mapping[str, str], requests: Mapping[str, JsonObject], replies: Mapping[str, BatchAnswer]
    ) -> None:
        for name, key in held.items():
            if self._budget is not None:
                self._budget.settle(key, _exchange(requests[name], replies.get(name)))


@contextmanager
def _client() -> Iterator[Any]:
    """Give a client whose requests pass the wire unseen: a batch belongs to no case."""
    sdk: Any = importlib.import_module("anthropic")  # deferred: seconds of CPU
    before = is_forwarding.set(True)
    try:
        with sdk.Anthropic(timeout=TIMEOUT_S, max_retries=MAX_RETRIES) as client:
            yield client
    finally:
        is_forwarding.reset(before)


def _without_sampling(client: Any, requests: Mapping[str, JsonObject]) -> dict[str, JsonObject]:  # noqa: ANN401  the SDK's
    fields = importlib.import_module("e2i_eval.claude.fields")  # deferred: loads anthropic
    version = str(client.default_headers.get("anthropic-version", ""))
    return {name: fields.without_sampling(body, version=version) for name, body in requests.items()}


def _reply(result: JsonObject) -> BatchAnswer:
    if result.get("type") == "succeeded":
        message = result["message"]
        return BatchAnswer(message=message, usage=stated_usage(message))
    error = result.get("error") or {}
    inner = error.get("error") or error
    said = f": {inner.get('type')}: {inner.get('message')}" if inner else ""
    return BatchAnswer(error=f"the request {result.get('type')} in its batch{said}")


def _exchange(request: JsonObject, reply: BatchAnswer | None) -> Exchange:
    """Return what the budget counts: a request without an answer costs nothing, one whose fate is unknown its bound."""
    is_answered = reply is not None and reply.message is not None
    return Exchange(
        index=0,
        call=0,
        attempt=0,
        caller=Caller(),
        request=request,
        response=reply.message if reply else None,
        status=FOUND if is_answered else NOT_FOUND if reply else None,
        started_at_s=0.0,
        duration_s=0.0,
        usage=reply.usage if reply else None,
        source="api",
    )
