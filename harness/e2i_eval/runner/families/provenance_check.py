"""The check ``provenance`` on every case of a target: its trace says where an answer comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks import NamedCheck
from e2i_eval.core.suggestion import quoted
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.trace import Trace
    from e2i_eval.runner.families.declared import FamilyPlan

__all__ = ["NAME", "default_checks_of"]

NAME = "provenance-tag"


def default_checks_of(plan: FamilyPlan) -> tuple[NamedCheck, ...]:
    """Return the checks that ``plan`` adds to every evaluation of its target."""
    if not any(check.family == "provenance" for check in plan.checks):
        return ()
    return (NamedCheck(name=NAME, judge=lambda evidence: _judge(plan, evidence)),)


def _judge(plan: FamilyPlan, evidence: Evidence) -> Verdict:
    if evidence.run.error is not None:
        return Verdict(check=NAME, status="skip", reason="the target raised, so no answer comes from anywhere")
    if evidence.traces is None:
        return Verdict(check=NAME, status="error", reason=f"unknown: {evidence.unknown}")
    if not evidence.traces:
        reason = f"there is no trace that says where the answer comes from ({plan.provenance_tag})"
        return Verdict(check=NAME, status="fail", reason=reason)
    findings = tuple(finding for trace in evidence.traces for finding in _findings(plan, trace))
    if findings:
        reason = "a trace does not say where the answer comes from"
        return Verdict(check=NAME, status="fail", reason=reason, findings=findings)
    found = sorted({trace.tags[plan.provenance_tag] for trace in evidence.traces})
    return Verdict(check=NAME, status="pass", reason=f"{plan.provenance_tag} is {quoted(found)}", score=1.0)


def _findings(plan: FamilyPlan, trace: Trace) -> Iterator[Finding]:
    value = trace.tags.get(plan.provenance_tag)
    if value not in plan.provenances:
        yield Finding(
            message="is not logged" if value is None else "is no provenance",
            field=f"tags.{plan.provenance_tag}",
            expected=f"one of {quoted(plan.provenances)}",
            actual=value,
            span=f"trace {trace.trace_id}",
            where=plan.where,
        )
