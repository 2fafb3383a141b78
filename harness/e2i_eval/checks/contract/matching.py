"""Which span stands for which call: the pairing of least cost."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.checks.contract.model_call import ContentPart
    from e2i_eval.checks.contract.model_span import ModelSpan
    from e2i_eval.checks.contract.wire_call import WireCall

__all__ = ["Matching", "assign", "match"]

UNLIKE = 100.0
"""Cost of a prompt, or of an answer, that has nothing in common."""
UNLOGGED = 40.0
"""Cost of a prompt, or of an answer, the span does not have."""
OTHER_PROMPT = 60.0
"""Added when the prompt is not the very same: the prompts of a conversation contain each other."""
OTHER_ID = 30.0
OTHER_NODE = 60.0
OTHER_STATUS = 20.0
OTHER_TOKENS = 10.0
NOT_AROUND = 3.0
"""Cost of a span that does not enclose the call in time."""
ELSEWHEN = 60.0
"""Cost of a span that does not even overlap it."""
PER_SECOND = 10.0
MOST_FOR_TIME = 10.0
LIMIT = 240.0
"""From this cost on a span is about something else: unlike in prompt and in answer."""
ALIKE = 0.8
CLOCK_SLACK_S = 0.002
WORD = re.compile(r"\w+")


@dataclass(slots=True, kw_only=True)
class Matching:
    """The result of matching.

    Attributes:
        pairs: calls (or single attempts of retried calls) with their spans.
        unlogged: calls without a span.
        attempts: calls of which only some attempts have a span: call, spans found.
        duplicates: spans that repeat a call which has its span already.
        unexplained: spans nobody asked a model for.
    """

    pairs: list[tuple[WireCall, ModelSpan]] = field(default_factory=list)
    unlogged: list[WireCall] = field(default_factory=list)
    attempts: list[tuple[WireCall, int]] = field(default_factory=list)
    duplicates: list[tuple[WireCall, ModelSpan]] = field(default_factory=list)
    unexplained: list[ModelSpan] = field(default_factory=list)


def match(calls: Sequence[WireCall], spans: Sequence[ModelSpan]) -> Matching:
    """Match ``spans`` with ``calls``: one each, spans of failed attempts beside, the rest named."""
    costs = [[_cost(call, span) for span in spans] for call in calls]
    chosen = assign(costs, LIMIT)
    matching = Matching(unlogged=[call for row, call in enumerate(calls) if row not in chosen])
    left = [span for column, span in enumerate(spans) if column not in chosen.values()]
    for row, column in chosen.items():
        attempts = _attempt_spans(calls[row], spans[column], left)
        left = [span for span in left if span not in attempts]
        _add(matching, calls[row], [*attempts, spans[column]])
    _explain(matching, left)
    return matching


def _add(matching: Matching, call: WireCall, spans: list[ModelSpan]) -> None:
    if len(spans) == 1:
        matching.pairs.append((call, spans[0]))
        return
    # A span per attempt: each is compared with its own request, the final one with the final one.
    ordered = sorted(spans, key=lambda span: span.span.started_at_s)
    matching.pairs.extend(zip(call.attempts()[-len(ordered) :], ordered, strict=True))
    if len(ordered) < len(call.exchanges):
        matching.attempts.append((call, len(ordered)))


def _attempt_spans(call: WireCall, chosen: ModelSpan, left: Iterable[ModelSpan]) -> list[ModelSpan]:
    room = len(call.exchanges) - 1
    if not room or _is_around(call, chosen):
        return []
    fits = [span for span in left if _is_attempt(call, span)]
    return sorted(fits, key=lambda span: span.span.started_at_s)[:room]


def _is_attempt(call: WireCall, span: ModelSpan) -> bool:
    within = call.started_at_s - 1 <= span.span.started_at_s <= call.ended_at_s
    return within and span.span.status == "ERROR" and _likeness(_words(call), _asked(span)) >= ALIKE


def _explain(matching: Matching, left: Sequence[ModelSpan]) -> None:
    """Put spans nobody chose where they belong; one that failed before it reached the wire is in order."""
    logged = [call for call, _ in matching.pairs]
    while left:
        # In rounds: a second log of two parallel calls repeats each of them once, a third one again.
        costs = [[_cost(call, span) if _repeats(call, span) else LIMIT for span in left] for call in logged]
        repeated = assign(costs, LIMIT)
        matching.duplicates.extend((logged[row], left[column]) for row, column in repeated.items())
        left = [span for column, span in enumerate(left) if column not in repeated.values()]
        if not repeated:
            break
    matching.unexplained.extend(span for span in left if span.span.status != "ERROR" or span.span.tokens is not None)


def _repeats(call: WireCall, span: ModelSpan) -> bool:
    """Tell whether ``span`` may be a second log of ``call``; one that failed is only if it lasted as long as it."""
    alike = _likeness(_words(call), _asked(span)) >= ALIKE
    return alike and (_is_around(call, span) or span.span.status != "ERROR")


def _cost(call: WireCall, span: ModelSpan) -> float:
    theirs = span.call.message_id
    cost = OTHER_ID if theirs and call.truth.message_id and theirs != call.truth.message_id else 0.0
    cost += _prompt_cost(span, _words(call), _asked(span))
    if call.truth.reply:
        cost += _unlike(_reply_words(call), _answered(span))
    if None not in {call.final.caller.node, span.node} and call.final.caller.node != span.node:
        cost += OTHER_NODE
    if call.is_failed != (span.span.status == "ERROR"):
        cost += OTHER_STATUS
    return cost + _token_cost(call, span) + _time_cost(call, span)


def _prompt_cost(span: ModelSpan, wire: frozenset[str], logged: frozenset[str]) -> float:
    """Compare words, not parts, so that the ways libraries cut messages make no difference; unknown is no other."""
    is_other = bool(logged) and span.call.prompt is not None and wire != logged
    return _unlike(wire, logged) + (OTHER_PROMPT if is_other else 0.0)


def _token_cost(call: WireCall, span: ModelSpan) -> float:
    logged = span.span.tokens
    if logged is None or call.usage is None:
        return 0.0
    same_input = logged.input_tokens in {call.usage.input_tokens, call.usage.total_input_tokens}
    return OTHER_TOKENS * ((not same_input) + (logged.output_tokens != call.usage.output_tokens))


def _time_cost(call: WireCall, span: ModelSpan) -> float:
    apart_s = abs(span.span.started_at_s - call.started_at_s)
    cost = min(MOST_FOR_TIME, PER_SECOND * apart_s) + (0.0 if _is_around(call, span) else NOT_AROUND)
    return cost if _overlaps(call, span) else cost + ELSEWHEN


def _overlaps(call: WireCall, span: ModelSpan) -> bool:
    return span.span.started_at_s <= call.ended_at_s and span.ended_at_s >= call.started_at_s


def _is_around(call: WireCall, span: ModelSpan) -> bool:
    begins = span.span.started_at_s <= call.started_at_s + CLOCK_SLACK_S
    return begins and span.ended_at_s >= call.ended_at_s - CLOCK_SLACK_S


def _unlike(wire: frozenset[str], logged: frozenset[str]) -> float:
    return UNLIKE * (1 - _likeness(wire, logged)) if logged else UNLOGGED


def _likeness(wire: frozenset[str], logged: frozenset[str]) -> float:
    """Return the Jaccard index of two sets of words; of nothing and nothing 1."""
    return len(wire & logged) / len(wire | logged) if wire or logged else 1.0


def _words(call: WireCall) -> frozenset[str]:
    return _of_parts(call.truth.prompt or ())


def _reply_words(call: WireCall) -> frozenset[str]:
    return _of_parts(call.truth.reply or ())


def _asked(span: ModelSpan) -> frozenset[str]:
    return _of_texts(span.call.asked) if span.call.prompt is None else _of_parts(span.call.prompt)


def _answered(span: ModelSpan) -> frozenset[str]:
    if span.call.reply is None:
        return _of_texts(span.call.answered) if span.span.outputs is not None else frozenset()
    return _of_parts(span.call.reply)


def _of_parts(parts: Iterable[ContentPart]) -> frozenset[str]:
    return _of_texts(f"{part.name} {part.text}" for part in parts if part.kind not in {"thinking", "image", "document"})


def _of_texts(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in WORD.findall(text))


def assign(costs: Sequence[Sequence[float]], limit: float) -> dict[int, int]:
    """Return row -> column of the cheapest pairing; a pair that costs ``limit`` or more stays apart.

    A greedy choice would mix up parallel branches that share a prompt.
    """
    pairs = _of_one(costs[0]) if len(costs) == 1 else _of_many([[min(cost, limit) for cost in row] for row in costs])
    return {row: column for row, column in pairs if costs[row][column] < limit}


def _of_one(costs: Sequence[float]) -> list[tuple[int, int]]:
    """Pair the only call of a case, as most have: that needs no half second of import."""
    return [(0, min(range(len(costs)), key=costs.__getitem__))] if costs else []


def _of_many(costs: Sequence[Sequence[float]]) -> Iterator[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]  # noqa: PLC0415  half a second

    rows, columns = linear_sum_assignment(costs) if costs else ((), ())
    return zip(map(int, rows), map(int, columns), strict=True)
