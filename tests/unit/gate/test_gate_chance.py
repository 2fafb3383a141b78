"""Decisions where chance plays a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.decision import Decision
    from e2i_eval.gate.baseline import CaseDiff
    from e2i_eval.runner.report import CaseResult


class Bench(Protocol):
    """The fixture ``bench``."""

    def case(self, name: str, *, status: str = "pass", repeat: int = 0, **measurements: float) -> CaseResult:
        """Make a result."""

    def pair(self, name: str, before: Mapping[str, float], after: Mapping[str, float]) -> CaseDiff:
        """Make a case on both sides."""

    def judge(self, text: str, **parts: Any) -> Decision:  # noqa: ANN401  the parts of a gate input
        """Judge a rule on target ``a``."""

    def judge_all(self, text: str, *, targets: tuple[str, ...], **parts: Any) -> tuple[Decision, ...]:  # noqa: ANN401
        """Judge a rule on several targets."""


def flips(bench: Bench, *, broken: int, fixed: int, same: int, target: str = "a") -> list[CaseDiff]:
    """Return cases whose verdict flipped one way, the other, or not at all."""
    kinds = [(1.0, 0.0)] * broken + [(0.0, 1.0)] * fixed + [(1.0, 1.0)] * same
    return [
        bench.pair(f"{target}/{number}", {"pass_rate": before}, {"pass_rate": after})
        for number, (before, after) in enumerate(kinds)
    ]


@pytest.mark.parametrize(
    ("broken", "fixed", "same", "status"),
    [
        (0, 0, 30, "pass"),
        (1, 0, 30, "pass"),
        (2, 2, 30, "pass"),
        (5, 0, 30, "inconclusive"),
        (7, 0, 30, "fail"),
        (12, 2, 20, "fail"),
        (0, 0, 3, "inconclusive"),
        (3, 0, 0, "inconclusive"),
    ],
)
def test_flipped_verdicts_of_one_target(bench: Bench, broken: int, fixed: int, same: int, status: str) -> None:
    """McNemar: one flip is chance, seven of seven are not, five are too few, three cases can never say anything."""
    pairs = flips(bench, broken=broken, fixed=fixed, same=same)

    decision = bench.judge("pass_rate:-0%", mode="live", pairs=pairs)

    assert decision.status == status, decision
    assert decision.detectable


def test_the_same_flips_are_less_telling_among_twelve_targets(bench: Bench) -> None:
    """Holm: what would fail one target alone is undecided when twelve are looked at."""
    targets = tuple("abcdefghijkl")
    pairs = [
        each
        for target in targets
        for each in flips(bench, broken=7 if target == "a" else 0, fixed=0, same=30, target=target)
    ]

    decisions = bench.judge_all("pass_rate:-0%", targets=targets, mode="live", pairs=pairs)

    assert decisions[0].status == "inconclusive"
    assert {each.status for each in decisions[1:]} == {"pass"}


def test_repeated_cases_are_judged_by_their_means(bench: Bench) -> None:
    """Every case lost a third of its passes: the sign-flip test sees it, an allowance of 40 points allows it."""
    pairs = [bench.pair(f"a/{number}", {"pass_rate": 0.9}, {"pass_rate": 0.6}) for number in range(15)]

    assert bench.judge("pass_rate:-0%", mode="live", pairs=pairs).status == "fail"
    assert bench.judge("pass_rate:-40%", mode="live", pairs=pairs).status == "pass"


def test_tokens_vary_and_are_judged_by_pairs(bench: Bench) -> None:
    """Noise around the same mean passes with an allowance; a third more on every case does not."""
    noise = np.random.default_rng(1).normal(0, 10, 30)
    same = [
        bench.pair(f"a/{i}", {"output_tokens": 100}, {"output_tokens": 100 + float(e)}) for i, e in enumerate(noise)
    ]
    more = [
        bench.pair(f"a/{i}", {"output_tokens": 100}, {"output_tokens": 133 + float(e)}) for i, e in enumerate(noise)
    ]

    assert bench.judge("output_tokens:+10%", mode="live", pairs=same).status == "pass"
    assert bench.judge("output_tokens:+10%", mode="live", pairs=more).status == "fail"


@pytest.mark.parametrize(
    ("passed", "failed", "status"),
    [(95, 5, "pass"), (20, 0, "inconclusive"), (30, 70, "fail"), (80, 20, "inconclusive")],
)
def test_a_floor_is_judged_by_wilsons_interval(bench: Bench, passed: int, failed: int, status: str) -> None:
    """Twenty of twenty do not prove .85: the interval reaches down to .84."""
    cases = [bench.case(f"a/{i}", status="pass" if i < passed else "fail") for i in range(passed + failed)]

    decision = bench.judge("pass_rate:>=0.85", mode="live", cases=cases)

    assert decision.status == status, decision
    assert (decision.fix != "") == (status != "pass")


def rates(bench: Bench, draws: np.random.Generator, *, drop: float) -> Sequence[CaseDiff]:
    """Return eleven agents with twelve cases each; a drop hits every case with that chance."""
    pairs = []
    for target in "abcdefghijk":
        base = draws.random(12) < 0.9
        head = np.where(draws.random(12) < drop, False, draws.random(12) < 0.9)  # noqa: FBT003  NumPy's own
        pairs += [
            bench.pair(f"{target}/{number}", {"pass_rate": float(before)}, {"pass_rate": float(after)})
            for number, (before, after) in enumerate(zip(base, head, strict=True))
        ]
    return pairs


def test_over_all_targets_a_drop_is_seen_that_no_target_shows_and_noise_is_not(bench: Bench) -> None:
    """Clustered by target: of 60 unchanged sessions hardly one fails, of 60 with a drop of 30 points nearly all do."""
    draws = np.random.default_rng(7)
    targets = (*"abcdefghijk", "all")

    def share(drop: float) -> float:
        verdicts = [
            bench.judge_all("pass_rate:-0%", targets=targets, mode="live", pairs=rates(bench, draws, drop=drop))
            for _ in range(60)
        ]
        return sum(any(each.status == "fail" for each in session) for session in verdicts) / 60

    assert share(0.0) <= 2 / 60
    assert share(0.35) >= 0.6
