"""The check ``nodes``: the LangGraph nodes that ran, as the traces on the server show."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from e2i_eval.checks.check import NamedCheck
from e2i_eval.checks.compare.alignment import side_by_side
from e2i_eval.checks.compare.arrangement import arranged
from e2i_eval.checks.expectations.ruled import unknown_verdict
from e2i_eval.checks.expectations.span_order import in_order, node_witness
from e2i_eval.core.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e2i_eval.checks.compare.arrangement import Part
    from e2i_eval.checks.expectations.span_order import Witness
    from e2i_eval.core.case import NodeRule
    from e2i_eval.core.evidence import Evidence
    from e2i_eval.core.trace import Trace

__all__ = ["NODES", "nodes_run"]

NAME = "nodes"

ORDERS = {
    "strict": "exactly these, in this order",
    "unordered": "exactly these, in any order",
    "subset": "at least these, in this order",
    "superset": "none but these",
}


def _judge(evidence: Evidence) -> Verdict:
    rule = evidence.case.expect.nodes
    if rule is None:
        return Verdict(check=NAME, status="skip", reason="the case names no nodes")
    if evidence.traces is None:
        return unknown_verdict(NAME, evidence.unknown)
    where = evidence.case.where("expect.nodes")
    if not evidence.traces:
        finding = Finding(message="the server kept no trace of this case", field=NAME, where=where)
        return Verdict(check=NAME, status="fail", reason="no trace records which nodes ran", findings=(finding,))
    ran = _ran(evidence.traces, rule.names)
    if _agrees(rule, ran):
        return Verdict(check=NAME, status="pass", reason=f"{len(ran)} nodes ran: {ORDERS[rule.order]}", score=1.0)
    return Verdict(
        check=NAME,
        status="fail",
        reason=f"other nodes ran than expected ({ORDERS[rule.order]})",
        findings=(
            Finding(
                message=_aligned(rule, ran),
                field=NAME,
                expected=", ".join(rule.names) or "no nodes",
                actual=", ".join(ran) or "no nodes",
                where=where,
            ),
        ),
    )


def _agrees(rule: NodeRule, ran: Sequence[str]) -> bool:
    if rule.order == "strict":
        return tuple(rule.names) == tuple(ran)
    if rule.order == "unordered":
        return Counter(rule.names) == Counter(ran)
    if rule.order == "superset":
        return set(ran) <= set(rule.names)
    rest = iter(ran)
    return all(name in rest for name in rule.names)  # each `in` consumes what it passes


def _aligned(rule: NodeRule, ran: Sequence[str]) -> str:
    if rule.order == "superset":
        return f"not named: {', '.join(dict.fromkeys(name for name in ran if name not in rule.names))}"
    if rule.order == "unordered":
        return side_by_side(sorted(rule.names), sorted(ran))
    return side_by_side(rule.names, ran)


def _ran(traces: Sequence[Trace], names: Sequence[str]) -> tuple[str, ...]:
    """Return the nodes in order; those of one step of one graph ran at once and come in the order named."""
    return tuple(happening.name for happening in arranged(nodes_run(traces), names))


def nodes_run(traces: Sequence[Trace]) -> Part:
    """Return the nodes that ran, those of one step of one graph at once."""
    return in_order(traces, _witnesses)


def _witnesses(trace: Trace) -> tuple[Witness, ...]:
    return tuple(node_witness(span) for span in trace.node_spans())


NODES = NamedCheck(name=NAME, judge=_judge)
"""Judges cases with ``expect.nodes``."""
