"""From harvested calls to what answers for Claude: entries of a cassette, and the ``claude:`` part of a case file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from e2i_eval.claude.answer import derived_id, error_body, message_of
from e2i_eval.claude.cassette import CassetteEntry, Piece
from e2i_eval.claude.prompt import compact_json, prompt_text
from e2i_eval.claude.sse import encode_event, message_events
from e2i_eval.core.case import ScriptedAnswer, ScriptedError
from e2i_eval.dataset.case_file.script_form import StopReason
from e2i_eval.dataset.harvest.answer import Failure, HarvestedMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.core.json_value import JsonObject
    from e2i_eval.dataset.harvest.call import HarvestedCall

__all__ = ["entries_of", "script_of"]

OK = 200
EVENT_STREAM = "text/event-stream; charset=utf-8"
DOCUMENT = "application/json"
MIN_MARK_CHARS = 12
STOP_REASONS = frozenset(get_args(StopReason))
FAULTS = {"ConnectError": "connect", "ConnectTimeout": "connect", "ReadTimeout": "drop"}


def entries_of(calls: Sequence[HarvestedCall], seed: str) -> tuple[CassetteEntry, ...]:
    """Return the entries that replay ``calls``; their ids are derived from ``seed``.

    A failed call has an entry for each of its attempts.
    """
    return tuple(entry for number, call in enumerate(calls) for entry in _entries(call, f"{seed}/{number}"))


def script_of(calls: Sequence[HarvestedCall]) -> list[dict[str, Any]]:
    """Return the entries of ``claude:`` that answer ``calls`` in mock mode.

    Calls of one node that overlap ask in another order in every run: a line of the prompt distinguishes them.
    """
    return [{**_head(call, calls), **_scripted(call.answer)} for call in calls if call.answer is not None]


def _entries(call: HarvestedCall, seed: str) -> Iterator[CassetteEntry]:
    answer = call.answer
    if isinstance(answer, HarvestedMessage):
        yield _answered(call, answer, seed)
    elif answer is not None:
        for attempt in range(answer.attempts):
            is_last = attempt == answer.attempts - 1
            stated = answer.request_id if is_last else None
            yield _failed(call, answer, attempt, stated or derived_id("req", f"{seed}/{attempt}"))


def _answered(call: HarvestedCall, answer: HarvestedMessage, seed: str) -> CassetteEntry:
    scripted = ScriptedAnswer(content=answer.content, stop_reason=answer.stop_reason, usage=answer.usage)
    body = message_of(scripted, call.request, seed).body
    is_stream = bool(call.request.get("stream"))
    data = [encode_event(event) for event in message_events(body)] if is_stream else [compact_json(body).encode()]
    return CassetteEntry(
        node=call.node,
        request=call.request,
        status=OK,
        headers={"content-type": EVENT_STREAM if is_stream else DOCUMENT, "request-id": derived_id("req", seed)},
        pieces=tuple(Piece(at_ms=call.took_ms, data=each) for each in data),
        took_ms=call.took_ms,
    )


def _failed(call: HarvestedCall, failure: Failure, attempt: int, request_id: str) -> CassetteEntry:
    took_ms = call.took_ms // failure.attempts
    if failure.status is None:
        error = (failure.kind, failure.message)
        return CassetteEntry(node=call.node, attempt=attempt, request=call.request, error=error, took_ms=took_ms)
    body = error_body(_scripted_error(failure), request_id)
    return CassetteEntry(
        node=call.node,
        attempt=attempt,
        request=call.request,
        status=failure.status,
        headers={"content-type": DOCUMENT, "request-id": request_id},
        pieces=(Piece(at_ms=took_ms, data=compact_json(body).encode()),),
        took_ms=took_ms,
    )


def _scripted_error(failure: Failure) -> ScriptedError:
    return ScriptedError(status=failure.status or 0, type=failure.kind or None, message=failure.message or None)


def _head(call: HarvestedCall, calls: Sequence[HarvestedCall]) -> JsonObject:
    head: dict[str, Any] = {"node": call.node} if call.node else {}
    rivals = [each for each in calls if each is not call and each.node == call.node and _overlap(each, call)]
    if rivals and (mark := _mark(call, rivals)):
        head["contains"] = mark
    return head


def _overlap(one: HarvestedCall, other: HarvestedCall) -> bool:
    return one.started_at_s <= other.ended_at_s and other.started_at_s <= one.ended_at_s


def _mark(call: HarvestedCall, rivals: Sequence[HarvestedCall]) -> str | None:
    """Return a line of the call's prompt that no rival's has; None when there is none."""
    others = [prompt_text(rival.request) for rival in rivals]
    lines = (line.strip() for line in prompt_text(call.request).splitlines())
    own = (line for line in lines if len(line) >= MIN_MARK_CHARS and not any(line in other for other in others))
    return min(own, key=len, default=None)


def _scripted(answer: HarvestedMessage | Failure | None) -> JsonObject:
    if isinstance(answer, HarvestedMessage):
        said: dict[str, Any] = {"content": [dict(block) for block in answer.content]}
        said |= {"stop_reason": answer.stop_reason} if answer.stop_reason in STOP_REASONS else {}
        return {**said, **({"usage": dict(answer.usage)} if answer.usage else {})}
    assert answer is not None  # noqa: S101  calls without an answer are left out above
    times = {"times": answer.attempts} if answer.attempts > 1 else {}
    if answer.status is None:
        return {"fault": FAULTS.get(answer.kind, "drop"), **times}
    error = {"status": answer.status, "type": answer.kind, "message": answer.message}
    return {"error": {name: value for name, value in error.items() if value}, **times}
