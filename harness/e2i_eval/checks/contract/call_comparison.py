"""Comparing one call with its span, field by field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from e2i_eval.checks.contract.comparison import FieldComparison
from e2i_eval.checks.contract.formats import GAPS
from e2i_eval.checks.contract.model_call import Stated, Tool, canonical
from e2i_eval.checks.contract.prompt_comparison import compare_parts
from e2i_eval.checks.contract.token_comparison import compare_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract.contract import CallRules
    from e2i_eval.checks.contract.model_span import ModelSpan
    from e2i_eval.checks.contract.wire_call import WireCall
    from e2i_eval.core.json_value import JsonValue

__all__ = ["compare_call", "fields_of"]

OWN_GROUPS = frozenset({"model", "max_tokens"})
"""Settings that are field groups of their own; the others are ``sampling``."""

NEVER_UNSENT = frozenset({"temperature", "top_p", "top_k"})
"""Settings that, when logged and not on the wire, misstate how the model was asked.

The others are commonly logged with a library's defaults.
"""

RELATIVE_SLACK = 1e-3
"""Share of a duration by which two clocks may drift apart."""


def compare_call(call: WireCall, span: ModelSpan, rules: CallRules) -> list[FieldComparison]:
    """Return the comparisons that count under ``rules``: what is absent counts where it is demanded."""
    return [each for each in _compared(call, span, rules) if _counts(each, span, rules)]


def _counts(comparison: FieldComparison, span: ModelSpan, rules: CallRules) -> bool:
    if rules.gaps == "accept" and comparison.group in GAPS.get(span.call.form, {}) and _is_nothing(comparison):
        return False
    return comparison.outcome != "missing" or comparison.group in rules.demand


def _is_nothing(comparison: FieldComparison) -> bool:
    return comparison.outcome == "missing" or (comparison.outcome == "differs" and comparison.actual in {"0", ""})


def _compared(call: WireCall, span: ModelSpan, rules: CallRules) -> Iterator[FieldComparison]:
    truth, logged = call.truth, span.call
    yield _status(call, span)
    redacted = re.compile("|".join(rules.redacted)) if rules.redacted else None
    yield from compare_parts(truth.prompt or (), logged.prompt, logged.asked, "prompt", redacted)
    yield from _tools(call, span)
    for name in ("model", *(name for name in truth.settings if name != "model")):
        yield from _setting(name, call, span)
    yield from _unsent(call, span)
    yield from _answer(call, span, redacted)
    yield from _usage(call, span)
    yield from _duration(call, span, rules)
    yield from _node(call, span)


def _status(call: WireCall, span: ModelSpan) -> FieldComparison:
    """An answer cut off without an error may be logged either way; so may an error after a whole answer."""
    error, status = call.final.error, span.span.status
    if error is not None:
        agrees = status == "ERROR"
    else:
        raised = any(event.name == "exception" for event in span.span.events)
        agrees = status in {"OK", "UNSET"} or (status == "ERROR" and (raised or not call.final.complete))
    expected = "OK" if error is None else f"ERROR ({error.type}: {error.message})"
    return FieldComparison.judged("status", "status", agrees=agrees, expected=expected, actual=status)


def _answer(call: WireCall, span: ModelSpan, redacted: re.Pattern[str] | None) -> Iterator[FieldComparison]:
    if call.is_failed:
        return
    truth, logged = call.truth, span.call
    reply = logged.reply if logged.reply is not None or span.span.outputs is not None else ()
    compared = compare_parts(truth.reply or (), reply, logged.answered, "reply", redacted)
    # Of an answer that broke off, a library may keep what had arrived or nothing.
    yield from (each for each in compared if call.is_whole or each.outcome != "missing")
    if truth.message_id and logged.message_id:
        yield _same("completion", "message id", truth.message_id, logged.message_id)
    if truth.stop_reason:
        yield _same("stop_reason", "stop_reason", truth.stop_reason, logged.stop_reason)


def _usage(call: WireCall, span: ModelSpan) -> Iterator[FieldComparison]:
    if call.usage is None or call.is_failed:
        return
    compared = compare_tokens(call.usage, span.span.tokens)
    yield from (each for each in compared if call.is_whole or each.outcome != "missing")
    if call.is_whole:
        for place, usage in span.call.usages:
            if place != "tokens":
                yield from compare_tokens(call.usage, usage, place)


def _tools(call: WireCall, span: ModelSpan) -> Iterator[FieldComparison]:
    sent, logged = call.truth.tools or (), span.call.tools
    if logged is None:
        yield from (_tool(tool, None) for tool in sent)
        return
    named = {tool.name: tool for tool in logged}
    yield from (_tool(tool, named.get(tool.name), listed=True) for tool in sent)
    for name in named.keys() - {tool.name for tool in sent}:
        yield FieldComparison(group="tools", field=f"tool {name}", outcome="unsent", actual=name)


def _tool(sent: Tool, logged: Tool | None, *, listed: bool = False) -> FieldComparison:
    """Compare one tool; a list of tools that lacks one is wrong, no list at all is only silent."""
    field = f"tool {sent.name}"
    if logged is None and listed:
        return FieldComparison.judged(
            "tools", field, agrees=False, expected=sent.name, actual="(not in the list of tools)"
        )
    if logged is None:
        return FieldComparison(group="tools", field=field, outcome="missing", expected=sent.name)
    pairs = [(sent.description, logged.description), (sent.schema, logged.schema)]
    wrong = [pair for pair in pairs if None not in pair and pair[0] != pair[1]]
    expected, actual = wrong[0] if wrong else (None, None)
    return FieldComparison.judged("tools", field, agrees=not wrong, expected=expected, actual=actual)


def _setting(name: str, call: WireCall, span: ModelSpan) -> Iterator[FieldComparison]:
    sent, logged = call.truth.settings.get(name), span.call.settings.get(name, ())
    if not sent:
        return
    accepted = [sent[0].value]
    if name == "model" and call.final.response and call.final.response.get("model"):
        accepted.append(call.final.response["model"])
    group = name if name in OWN_GROUPS else "sampling"
    wrong = [stated for stated in logged if not any(_is_same(name, value, stated.value) for value in accepted)]
    if not logged:
        yield FieldComparison(group=group, field=name, outcome="missing", expected=_text(accepted[0]))
    elif wrong:
        yield _differs(group, name, accepted[0], wrong[0])
    else:
        yield FieldComparison(group=group, field=name, outcome="agrees")


def _unsent(call: WireCall, span: ModelSpan) -> Iterator[FieldComparison]:
    for name in sorted(NEVER_UNSENT - call.truth.settings.keys()):
        for stated in span.call.settings.get(name, ())[:1]:
            actual = f"{_text(stated.value)} (at {stated.place})"
            yield FieldComparison(group="sampling", field=name, outcome="unsent", actual=actual)


def _duration(call: WireCall, span: ModelSpan, rules: CallRules) -> Iterator[FieldComparison]:
    """A span must enclose its call: begin no later and end no earlier than the wire."""
    took_s = call.ended_at_s - call.started_at_s
    slack_s = max(rules.slack_ms / 1e3, RELATIVE_SLACK * took_s)
    late_s = span.span.started_at_s - call.started_at_s
    early_s = call.ended_at_s - span.ended_at_s
    if span.span.duration_s is None:
        return  # an unfinished span is a finding of its own
    agrees = late_s <= slack_s and early_s <= slack_s
    told_s = span.span.duration_s
    note = "" if agrees else f"begins {late_s * 1e3:+.1f} ms after the wire, ends {early_s * 1e3:+.1f} ms before it"
    expected = f"at least {took_s * 1e3:.1f} ms, slack {slack_s * 1e3:.1f} ms"
    actual = f"{told_s * 1e3:.1f} ms"
    yield FieldComparison.judged("duration", "duration", agrees=agrees, expected=expected, actual=actual, note=note)


def _node(call: WireCall, span: ModelSpan) -> Iterator[FieldComparison]:
    if call.final.caller.node is not None:
        yield _same("node", "node", call.final.caller.node, span.node)


def _same(group: str, field: str, expected: str, actual: str | None) -> FieldComparison:
    if actual is None:
        return FieldComparison(group=group, field=field, outcome="missing", expected=expected)
    return FieldComparison.judged(group, field, agrees=expected == actual, expected=expected, actual=actual)


def _differs(group: str, name: str, expected: JsonValue, stated: Stated) -> FieldComparison:
    actual = f"{_text(stated.value)} (at {stated.place})"
    return FieldComparison.judged(group, name, agrees=False, expected=_text(expected), actual=actual)


def _is_same(name: str, sent: JsonValue, logged: JsonValue) -> bool:
    if name == "tool_choice":
        return _choice(sent) == _choice(logged)
    if isinstance(logged, str) and isinstance(sent, (int, float)):
        return logged == _text(sent)
    if isinstance(sent, (list, tuple)) and isinstance(logged, str):
        logged = [logged]
    return canonical(sent) == canonical(logged)


def _choice(value: JsonValue) -> str:
    """Return a tool choice as one word: the tool's name, or the API's ``auto``, ``any``, ``none``."""
    if isinstance(value, dict):
        function = value.get("function")
        inner = function.get("name") if isinstance(function, dict) else value.get("name")
        return str(inner or value.get("type"))
    return "any" if value == "required" else str(value)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else canonical(value)


def fields_of(call: WireCall) -> int:
    """Return how many fields a span of ``call`` would have, to weigh its absence."""
    truth = call.truth
    counts = 4 if call.usage is not None else 0
    return 1 + len(truth.prompt or ()) + len(truth.reply or ()) + len(truth.settings) + counts
