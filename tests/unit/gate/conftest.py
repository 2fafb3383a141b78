"""Sessions and baselines in the small, for the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2i_eval.core.verdict import Verdict
from e2i_eval.gate.baseline import BaselineChange, BaselineDiff, CaseDiff
from e2i_eval.gate.rules.decide import decide
from e2i_eval.gate.rules.gate_input import GateInput
from e2i_eval.gate.rules.rule import parse_rule
from e2i_eval.gate.rules.rulebook import AppliedRule
from e2i_eval.runner.report import CaseResult, Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2i_eval.core.decision import Decision


class Bench:
    """Makes the parts of a session, and judges it."""

    @staticmethod
    def case(name: str, *, status: str = "pass", repeat: int = 0, **measurements: float) -> CaseResult:
        """Return the result of a case ``<target>/<name>``."""
        return CaseResult(
            case_id=name,
            target=name.partition("/")[0],
            nodeid=f"golden/cases/{name}.yaml::{name}",
            where=f"golden/cases/{name}.yaml:1",
            verdicts=(Verdict(check="output", status=status),),  # type: ignore[arg-type]  # one of the four
            measurements={"claude_calls": 1.0, **measurements},
            repeat=repeat,
        )

    @staticmethod
    def pair(name: str, before: Mapping[str, float], after: Mapping[str, float], *changes: BaselineChange) -> CaseDiff:
        """Return a case on both sides."""
        return CaseDiff(case_id=name, target=name.partition("/")[0], before=before, after=after, changes=changes)

    @classmethod
    def judge(cls, text: str, **parts: Any) -> Decision:  # noqa: ANN401  the parts of a gate input
        """Judge one rule on target ``a``."""
        return cls.judge_all(text, targets=("a",), **parts)[0]

    @classmethod
    def judge_all(
        cls,
        text: str,
        *,
        targets: tuple[str, ...],
        mode: str = "mock",
        **parts: Any,  # noqa: ANN401  the parts of a gate input
    ) -> tuple[Decision, ...]:
        """Judge one rule on several targets together.

        ``cases``, ``pairs``, ``missing``, ``added``, ``incomparable``, ``overheads``, ``latency`` make report and
        diff; without ``cases`` the pairs' values are the report's; the rest is the gate input's.
        """
        pairs = tuple(parts.pop("pairs", ()))
        cases = tuple(parts.pop("cases", ())) or tuple(cls.case(each.case_id, **each.after) for each in pairs)
        parts_of_diff = {key: parts.pop(key) for key in ("missing", "added", "incomparable") if key in parts}
        fields = {key: parts.pop(key) for key in ("overheads", "latency") if key in parts}
        diff = BaselineDiff(baseline="main", cases=pairs, **parts_of_diff) if pairs or parts_of_diff else None
        report = Report(session={"claude": mode}, environment={}, cases=cases, **fields)
        rule = parse_rule(text, where="pyproject.toml:7", targets=targets)
        gate_input = GateInput(report=report, diff=diff, no_baseline="" if diff else "there is no baseline", **parts)
        return decide([AppliedRule(rule=rule, target=target) for target in targets], gate_input)


@pytest.fixture
def bench() -> Bench:
    """What makes and judges sessions."""
    return Bench()


@pytest.fixture
def prompt_change() -> BaselineChange:
    """A prompt that grew by a sentence."""
    lines = ("--- accepted", "+++ now", "@@ -1 +1 @@", "-Plan.", "+Plan. Be kind.")
    return BaselineChange(kind="prompt", metric="prompt", before=None, after=None, call="call 1 (plan)", lines=lines)
