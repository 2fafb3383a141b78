"""The check ``tools``: Claude's tool calls, as seen on the wire."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.alignment import side_by_side
from e2i_eval.checks.compare.arrangement import AtOnce, Happening, InTurn, Part, arranged
from e2i_eval.checks.compare.comparison import EXACT
from e2i_eval.checks.compare.diff_path import dotted_path
from e2i_eval.checks.compare.difference import differences
from e2i_eval.checks.compare.text import shown
from e2i_eval.checks.expectations.output import difference_message
from e2i_eval.core.case import Tolerance
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from e2i_eval.core.case import Case, ToolRule
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.exchange import Exchange
    from e2i_eval.core.json_value import JsonObject

__all__ = ["TOOLS", "tool_calls"]

NAME = "tools"


def _judge(evidence: Evidence) -> Verdict:
    case, rules = evidence.case, evidence.case.expect.tools
    if rules is None:
        return Verdict(check=NAME, status="skip", reason="the case names no tool calls")
    names = [rule.name for rule in rules]
    calls = arranged(tool_calls(evidence.exchanges), names)
    if names != [call.name for call in calls]:
        return Verdict(
            check=NAME,
            status="fail",
            reason=f"Claude made other tool calls than expected ({len(calls)} instead of {len(names)})"
            if len(calls) != len(names)
            else "Claude made other tool calls than expected",
            findings=(_other_calls(case, names, [call.name for call in calls]),),
        )
    findings = tuple(
        finding
        for at, (rule, call) in enumerate(zip(rules, calls, strict=True))
        for finding in _other_input(case, at, rule, call)
    )
    if findings:
        reason = f"{len(findings)} difference{'s' if len(findings) > 1 else ''} in the inputs of tool calls"
        return Verdict(check=NAME, status="fail", reason=reason, findings=findings)
    return Verdict(check=NAME, status="pass", reason=f"all {len(calls)} tool calls agree", score=1.0)


def _other_calls(case: Case, expected: Sequence[str], called: Sequence[str]) -> Finding:
    return Finding(
        message=side_by_side(expected, called),
        field=NAME,
        expected=", ".join(expected) or "no tool calls",
        actual=", ".join(called) or "no tool calls",
        where=case.where("expect.tools"),
    )


def _other_input(case: Case, at: int, rule: ToolRule, call: Happening) -> Iterator[Finding]:
    """Yield what differs in the input of one call; without tolerance, an argument is right or wrong."""
    if rule.input is None:
        return
    for difference in differences(rule.input, call.detail, EXACT):
        key = ".".join(part for part in ("input", dotted_path(difference.path)) if part)
        yield Finding(
            message=difference_message(difference, Tolerance()),
            field=f"tools.{at}.{key}",
            expected=None if difference.kind == "unexpected" else shown(difference.expected),
            actual=None if difference.kind == "missing" else shown(difference.actual),
            call=f"tool call {at + 1}, {rule.name}",
            where=case.where(f"expect.tools.{at}.{key}"),
        )


def tool_calls(exchanges: Iterable[Exchange]) -> Part:
    """Return the tool calls in order; those of different callers in one step of a graph happened at once."""
    whole = (each for each in exchanges if each.kind == "messages" and each.complete and each.error is None)
    steps = groupby(whole, key=lambda exchange: exchange.caller.step if exchange.caller.step is not None else exchange)
    return InTurn(tuple(_at_once(group) for _, group in steps))


def _at_once(exchanges: Iterable[Exchange]) -> Part:
    by_caller: dict[tuple[str | None, str | None], list[Part]] = {}
    for exchange in exchanges:
        caller = (exchange.caller.namespace, exchange.caller.node)
        by_caller.setdefault(caller, []).extend(_tool_calls(exchange.response or {}))
    return AtOnce(tuple(InTurn(tuple(calls)) for calls in by_caller.values() if calls))


def _tool_calls(response: JsonObject) -> Iterator[Happening]:
    for block in response.get("content") or ():
        if isinstance(block, dict) and block.get("type") == "tool_use":
            yield Happening(name=str(block.get("name")), detail=block.get("input"))


TOOLS = NamedCheck(name=NAME, judge=_judge)
"""Judges cases with ``expect.tools``."""
