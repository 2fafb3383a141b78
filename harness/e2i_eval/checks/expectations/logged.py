"""The checks ``metrics``, ``params`` and ``tags``: what the server keeps of the case."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.text import shown
from e2i_eval.checks.expectations.rule_breach import Breach, breaches, text_breaches
from e2i_eval.checks.expectations.ruled import ruled_verdict, unknown_verdict
from e2i_eval.core.suggestion import nearest, quoted
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from e2i_eval.core.case import Case, ValueRule
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonValue

__all__ = ["METRICS", "PARAMS", "TAGS"]

SHOWN_NAMES = 5


def _judge_metrics(evidence: Evidence) -> Verdict:
    if evidence.logged is None:
        return unknown_verdict("metrics", evidence.unknown)
    values = {name: (value,) for name, value in evidence.logged.metrics.items()}
    return _verdict("metrics", evidence.case, evidence.case.expect.metrics, values, _metric_breaches)


def _judge_params(evidence: Evidence) -> Verdict:
    if evidence.logged is None:
        return unknown_verdict("params", evidence.unknown)
    values = {name: (value,) for name, value in evidence.logged.params.items()}
    return _verdict("params", evidence.case, evidence.case.expect.params, values, text_breaches)


def _judge_tags(evidence: Evidence) -> Verdict:
    if evidence.traces is None:
        return unknown_verdict("tags", evidence.unknown)
    values = _tag_values(evidence)
    rules = evidence.case.expect.tags
    if evidence.logged is None and not rules.keys() <= values.keys():
        return unknown_verdict("tags", evidence.unknown)
    return _verdict("tags", evidence.case, rules, values, text_breaches)


def _tag_values(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    """Return the distinct values of each tag over the traces; of the run for tags that no trace has."""
    values = {name: (value,) for name, value in (evidence.logged.tags if evidence.logged else {}).items()}
    on_traces: dict[str, dict[str, None]] = {}
    for trace in evidence.traces or ():
        for name, value in trace.tags.items():
            on_traces.setdefault(name, {})[value] = None
    return {**values, **{name: tuple(found) for name, found in on_traces.items()}}


def _metric_breaches(rule: ValueRule, value: float) -> tuple[Breach, ...]:
    if not math.isfinite(value):
        return (Breach(part="", message="is not a finite number", expected="a finite number"),)
    return breaches(rule, value)


def _verdict(
    check: str,
    case: Case,
    rules: Mapping[str, ValueRule],
    values: Mapping[str, tuple[JsonValue, ...]],
    breaches_of: Callable[[ValueRule, JsonValue], Iterable[Breach]],
) -> Verdict:
    findings: dict[str, list[Finding]] = {}
    for name, rule in rules.items():
        key = f"expect.{check}.{name}"
        if name not in values:
            missing = Finding(message=_missing(check, name, values), field=f"{check}.{name}", where=case.where(key))
            findings[name] = [missing]
            continue
        findings[name] = [
            Finding(
                message=breach.message,
                field=f"{check}.{name}",
                expected=breach.expected,
                actual=shown(value),
                where=case.where(f"{key}.{breach.part}"),
            )
            for value in values[name]
            for breach in breaches_of(rule, value)
        ]
    return ruled_verdict(check, findings)


def _missing(check: str, name: str, values: Mapping[str, object]) -> str:
    near = nearest(name, values, count=SHOWN_NAMES)
    if near:
        return f"is not logged; the nearest that is: {quoted(near)}"
    more = " …" if len(values) > SHOWN_NAMES else ""
    return f"is not logged; logged {check}: {quoted(sorted(values)[:SHOWN_NAMES])}{more}"


METRICS = NamedCheck(name="metrics", judge=_judge_metrics)
"""Judges cases with ``expect.metrics``."""
PARAMS = NamedCheck(name="params", judge=_judge_params)
"""Judges cases with ``expect.params``."""
TAGS = NamedCheck(name="tags", judge=_judge_tags)
"""Judges cases with ``expect.tags``."""
