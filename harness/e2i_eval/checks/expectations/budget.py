"""The check ``budget``: tokens, calls, cost and latency within the limits of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.expectations.spending import Price, Spending, spending
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2i_eval.core.case import Budget, Case
    from e2i_eval.core.evidence import Evidence

__all__ = ["budget_check"]

NAME = "budget"
TOKEN_LIMITS = frozenset({"input_tokens", "output_tokens", "cost_usd"})
"""Limits on what the usages state."""


def budget_check(price: Price | None) -> NamedCheck:
    """Return the check; ``price`` None leaves every limit on the cost unjudged."""
    return NamedCheck(name=NAME, judge=lambda evidence: _judge(evidence, price))


def _judge(evidence: Evidence, price: Price | None) -> Verdict:
    case = evidence.case
    spent = spending(evidence.exchanges, price)
    limits = _limits(case.expect.budget)
    used = _used(spent, evidence.run.duration_s)
    exceeded = [_exceeded(case, name, limits[name], used[name]) for name in limits if used[name] > limits[name]]
    unknown = list(_unknown(case, spent, frozenset(limits)))
    estimated = " (tokens estimated)" if spent.is_estimated and TOKEN_LIMITS & limits.keys() else ""
    if exceeded:
        reason = f"{len(exceeded)} of {len(limits)} limits exceeded{estimated}"
        return Verdict(check=NAME, status="fail", reason=reason, findings=(*exceeded, *unknown))
    if unknown:
        reason = f"unknown: {unknown[0].message.partition('; ')[0]}"
        return Verdict(check=NAME, status="error", reason=reason, findings=tuple(unknown))
    return Verdict(check=NAME, status="pass", reason=f"all {len(limits)} limits kept{estimated}")


def _limits(budget: Budget) -> dict[str, float]:
    """Return the limits that are set, by name."""
    limits = {name: getattr(budget, name) for name in budget.__slots__}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _used(spent: Spending, duration_s: float) -> dict[str, float]:
    return {
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "calls": spent.calls,
        "cost_usd": spent.cost_usd,
        "latency_ms": duration_s * 1_000,
    }


def _exceeded(case: Case, name: str, limit: float, used: float) -> Finding:
    share = f"{used / limit - 1:.0%} above" if limit else "above"
    return Finding(
        message=f"is {share} the limit",
        field=f"budget.{name}",
        expected=f"at most {limit:.6g}",
        actual=f"{used:.6g}",
        where=case.where(f"expect.budget.{name}"),
    )


def _unknown(case: Case, spent: Spending, limited: frozenset[str]) -> Iterator[Finding]:
    """Yield what is not known and would have to be to call a limit kept; unknown tokens are not zero."""
    if spent.unknown_usage and limited & TOKEN_LIMITS:
        count = len(spent.unknown_usage)
        yield Finding(
            message=f"the usage of {count} request{'s' if count > 1 else ''} is not known; "
            f"{'; '.join(spent.unknown_usage)}; the case used at least what was counted",
            field="budget.usage",
            actual=f"at least {spent.input_tokens} input and {spent.output_tokens} output tokens",
            where=case.where("expect.budget"),
        )
    for model in spent.unpriced if "cost_usd" in limited else ():
        yield Finding(
            message=f"no price is known for model '{model}'; "
            "add it to the file that 'prices' in [tool.e2i_eval] of pyproject.toml names",
            field="budget.cost_usd",
            where=case.where("expect.budget.cost_usd"),
        )
