"""The check ``rag``: what retrieval found, and what the answer makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.expectations.rule_breach import breaches
from e2i_eval.checks.expectations.ruled import unknown_verdict
from e2i_eval.checks.rag.measured import measured
from e2i_eval.core.errors import UnknownError
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.checks.contract import Contract
    from e2i_eval.checks.rag.measured import RagMeasure
    from e2i_eval.core.case import Case, RagRule
    from e2i_eval.core.evidence import Evidence

__all__ = ["rag_check"]

NAME = "rag"


def rag_check(rule: RagRule, contract: Contract) -> NamedCheck:
    """Return the check that a case asks for by ``expect.rag``.

    Args:
        rule: what is expected.
        contract: what the target logs, which says where the context is.
    """
    return NamedCheck(name=NAME, judge=lambda evidence: _judge(rule, evidence, contract))


def _judge(rule: RagRule, evidence: Evidence, contract: Contract) -> Verdict:
    if evidence.run.error is not None:
        reason = f"there is no answer: the target raised {evidence.run.error.type}"
        return Verdict(check=NAME, status="fail", reason=reason)
    try:
        found = {each.name: each for each in measured(rule, evidence, contract)}
    except UnknownError as error:
        return unknown_verdict(NAME, str(error))
    findings = tuple(finding for name in rule.bounds for finding in _findings(rule, found[name], evidence.case))
    listed = ", ".join(f"{_words(each.name)} {each.value:.2f}" for each in found.values() if each.value is not None)
    if not findings:
        return Verdict(check=NAME, status="pass", reason=listed, score=1.0)
    broken = len({finding.field for finding in findings})
    return Verdict(
        check=NAME,
        status="fail",
        reason=f"{broken} of {len(rule.bounds)} measures out of bounds: {listed or 'nothing could be measured'}",
        findings=findings,
        score=1 - broken / len(rule.bounds),
    )


def _findings(rule: RagRule, measure: RagMeasure, case: Case) -> Iterator[Finding]:
    key = f"{NAME}.{measure.name}"
    if measure.value is None:
        yield Finding(message=measure.why[0], field=key, where=case.where(f"expect.{key}"))
        return
    for breach in breaches(rule.bounds[measure.name], measure.value):
        yield Finding(
            message="\n".join([f"{_words(measure.name)} {breach.message}", *(f"  {line}" for line in measure.why)]),
            field=key,
            expected=breach.expected,
            actual=f"{measure.value:.4g}",
            where=case.where(f"expect.{key}.{breach.part}"),
        )


def _words(name: str) -> str:
    return name.replace("_", " ")
