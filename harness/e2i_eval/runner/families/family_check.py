"""The checks of the families: each judges what one declared check evaluated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from e2i_eval.checks import NamedCheck
from e2i_eval.checks.expectations import golden_checks
from e2i_eval.core.case import Expectation, ValueRule
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from e2i_eval.core.case import Case
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.json_value import JsonValue
    from e2i_eval.core.verdict import Status
    from e2i_eval.runner.families.declared import Declared
    from e2i_eval.runner.families.family import Family

__all__ = ["Before", "family_check"]

RULE_CHECKS = {"values", "metrics", "tags"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What is known of the golden case a check starts from.

    Attributes:
        case: the golden case.
        output: what the target answered; None when it raised.
        error: class name of what it raised; empty when it answered.
        status: how the case was judged.
        evidence: all of it; None in a process that has the answer alone.
    """

    case: Case
    output: JsonValue
    error: str
    status: str
    evidence: Evidence | None = None


def family_check(declared: Declared, before: Before) -> NamedCheck:
    """Return the check that judges the evidence of ``declared``, named like its family."""
    judges: dict[Family, Callable[[Declared, Before, Evidence], Verdict]] = {
        "truth": _truth,
        "null": _null,
        "metamorphic": _related,
        "ablation": _ablated,
        "knock-out": _ablated,
        "fresh-process": _related,
        "provenance": _provenance,
    }
    judge = judges[declared.family]
    return NamedCheck(name=declared.family, judge=lambda evidence: judge(declared, before, evidence))


def _truth(declared: Declared, before: Before, evidence: Evidence) -> Verdict:
    """The named values keep a rule that leaves no room for another answer, and the case as a whole passes."""
    rules = before.case.expect.values
    named = {path: rules[path] for path in declared.truths if path in rules}
    open_ended = [path for path in declared.truths if path not in named or not _is_known(named[path])]
    if open_ended:
        findings = tuple(_no_truth(declared, before.case, path) for path in open_ended)
        return Verdict(check="truth", status="fail", reason="the truth is not stated", findings=findings)
    verdict = _by_rules(declared, before.case, replace(before.case.expect, values=named), evidence, {"values"})
    if verdict.status == "pass" and before.status != "pass":
        reason = f"the values are the known ones, but the case {before.case.id} did not pass"
        return replace(verdict, status="fail", reason=reason)
    return verdict


def _is_known(rule: ValueRule) -> bool:
    """Tell whether a rule states an answer: one value, or an interval that is closed on both sides."""
    return rule.has_equals or (rule.min is not None and rule.max is not None)


def _no_truth(declared: Declared, case: Case, path: str) -> Finding:
    message = f"{case.id} has no rule for this value that says what is true: write equals, or both min and max"
    return Finding(message=message, field=f"values.{path}", where=case.where(f"expect.values.{path}") or declared.where)


def _null(declared: Declared, before: Before, evidence: Evidence) -> Verdict:  # noqa: ARG001  as all judges
    return _by_rules(declared, evidence.case, declared.expect, evidence, RULE_CHECKS)


def _related(declared: Declared, before: Before, evidence: Evidence) -> Verdict:
    """The answer relates to that of the golden case as it must."""
    family, relation = declared.family, declared.relation
    if before.error or evidence.run.error is not None:
        return _no_answer(declared, before, evidence)
    assert relation is not None  # noqa: S101  the file gives these families one
    found = relation.breaches(before.output, evidence.run.output, where=declared.where)
    if not found:
        kept = ", ".join(path if path != "." else "the whole output" for path in relation.paths)
        said = {"same": "the same", "change": "another", "increase": "more", "decrease": "less"}[relation.must]
        return Verdict(check=family, status="pass", reason=f"{kept}: {said}, as it must be", score=1.0)
    return Verdict(
        check=family,
        status="fail",
        reason=_broken_relation(declared, before),
        findings=found,
        score=1 - len(found) / len(relation.paths),
    )


def _broken_relation(declared: Declared, before: Before) -> str:
    if declared.family == "fresh-process":
        return f"a new process with another hash seed answers {before.case.id} differently"
    altered = declared.alteration
    changes = [f"{path} = {value!r}" for path, value in altered.change.items()]
    changes += [f"without {path}" for path in altered.remove]
    changes += [f"within {altered.seam}"] if altered.seam else []
    changes += [f"{name}={value}" for name, value in altered.environment.items()]
    return f"the answer to {before.case.id} must {_demanded(declared)} with {', '.join(changes) or 'another script'}"


def _demanded(declared: Declared) -> str:
    must = declared.relation.must if declared.relation else "same"
    return "stay the same" if must == "same" else must


def _no_answer(declared: Declared, before: Before, evidence: Evidence) -> Verdict:
    """Say which of the two answers is missing: without the first there was nothing to compare."""
    raised = evidence.run.error
    if raised is not None:
        reason = f"there is no answer to compare: the target raised {raised.type}: {raised.message}"
        return Verdict(check=declared.family, status="fail", reason=reason)
    reason = f"unknown: {before.case.id} raised {before.error}, so there is no answer to compare with"
    return Verdict(check=declared.family, status="error", reason=reason)


def _ablated(declared: Declared, before: Before, evidence: Evidence) -> Verdict:
    """Answer and log say that something is off, and would not say so when nothing is."""
    verdict = _by_rules(declared, evidence.case, declared.expect, evidence, RULE_CHECKS | _with_error(declared))
    if verdict.status != "pass" or before.evidence is None:
        return verdict
    usual = _by_rules(declared, evidence.case, declared.expect, before.evidence, RULE_CHECKS | _with_error(declared))
    if usual.status == "pass":
        reason = f"the same holds of {before.case.id} with everything on, so this proves nothing"
        return Verdict(check=declared.family, status="error", reason=reason)
    return verdict


def _with_error(declared: Declared) -> set[str]:
    return {"completed"} if declared.expect.error else set()


def _provenance(declared: Declared, before: Before, evidence: Evidence) -> Verdict:
    expect = Expectation(tags={declared.tag: ValueRule(equals=declared.must, has_equals=True)})
    return _by_rules(declared, before.case, expect, evidence, {"tags"}, where=declared.where)


def _by_rules(
    declared: Declared,
    case: Case,
    expect: Expectation,
    evidence: Evidence,
    names: set[str],
    *,
    where: str | None = None,
) -> Verdict:
    """Judge evidence by the golden checks called ``names``, as one verdict of the family."""
    judged = replace(case, expect=expect)
    verdicts = [check.judge(replace(evidence, case=judged)) for check in golden_checks(judged) if check.name in names]
    findings = tuple(finding for verdict in verdicts for finding in verdict.findings)
    wrong = [verdict for verdict in verdicts if verdict.status != "pass"]
    return Verdict(
        check=declared.family,
        status=_worst(verdicts),
        reason="; ".join(f"{verdict.check}: {verdict.reason}" for verdict in wrong or verdicts),
        findings=tuple(replace(finding, where=where) for finding in findings) if where else findings,
        score=min((verdict.score for verdict in verdicts if verdict.score is not None), default=None),
    )


def _worst(verdicts: Sequence[Verdict]) -> Status:
    """Return fail before error before pass; nothing judged is an error."""
    statuses = {verdict.status for verdict in verdicts}
    if "fail" in statuses:
        return "fail"
    return "pass" if statuses == {"pass"} else "error"
