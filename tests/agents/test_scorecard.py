"""The scorecard judges: it counts right, notices an agent that is wrong, and its table in the docs is about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from e2i.scorecard.__main__ import main
from e2i.scorecard.claim import Claim, answer, rate
from e2i.scorecard.claims import CLAIMS, gap_analyzer

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUTH = Path(__file__).parents[2] / "docs" / "reference" / "truth.md"


def test_rate_counts_every_verdict_of_every_world() -> None:
    """Two verdicts a world, one of them good in every third world; Wilson's interval of 14 of 20."""
    claim = Claim(agent="a", text="t", judge=lambda seed: iter([True, seed % 5 < 2]), at_least=0.0)
    found = rate(claim, range(10))

    assert (found.held, found.asked, found.share) == (14, 20, 0.7)
    assert (found.low, found.high) == pytest.approx((0.4810, 0.8545), abs=1e-4)


def test_no_world_is_no_rate() -> None:
    """A claim that was never judged does not hold by default."""
    with pytest.raises(ValueError, match="nothing was asked"):
        rate(CLAIMS[0], [])


def test_a_wrong_agent_loses_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gaps in another order than planted, or one left out, is noticed."""
    right = gap_analyzer.CLAIMS[0]
    monkeypatch.setattr(
        "e2i.scorecard.claims.gap_analyzer.answer", lambda *args, **asked: _turned(answer(*args, **asked))
    )

    assert list(right.judge(1000)) == [False]
    monkeypatch.undo()
    assert list(right.judge(1000)) == [True]


def test_command_prints_rates_and_fails_for_a_broken_claim(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row a claim; exit 0 while they hold, 1 when one does not, 2 for an agent of which nothing is claimed."""
    monkeypatch.setattr("e2i.scorecard.__main__.ProcessPoolExecutor", _Here)
    holds = Claim(agent="one", text="holds", judge=lambda _: iter([True]), at_least=1.0)
    breaks = Claim(agent="two", text="breaks", judge=lambda _: iter([True, False]), at_least=0.6)
    monkeypatch.setattr("e2i.scorecard.__main__.CLAIMS", (holds, breaks))

    assert main(["--seeds", "2", "--agent", "one"]) == 0
    assert main(["--seeds", "2"]) == 1
    assert main(["--agent", "three"]) == 2
    printed = capsys.readouterr()
    assert "| two | breaks | 2 of 4 | 0.500 | 0.150 to 0.850 |" in printed.out
    assert "known are one, two" in printed.err


def test_every_claim_stands_in_the_docs_and_holds_there() -> None:
    """The published table has a row for each claim of today, and none whose rate breaks it."""
    rows = [line.split(" | ") for line in TRUTH.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    published = {(row[0].removeprefix("| "), row[1]): row[3] for row in rows if len(row) == 5}

    assert list(published) == [("agent", "claim"), *((claim.agent, claim.text) for claim in CLAIMS)]
    for claim in CLAIMS:
        assert float(published[claim.agent, claim.text]) >= claim.at_least


class _Here:
    """A pool of this process, so that the test's claims reach it."""

    def __init__(self, _jobs: int) -> None:
        """Start nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End nothing."""

    @staticmethod
    def map(judge: Any, numbers: list[int]) -> Iterator[Any]:  # noqa: ANN401  as a pool's
        """Judge one after the other."""
        return map(judge, numbers)


def _turned(output: dict[str, Any]) -> dict[str, Any]:
    return {**output, "gaps": output["gaps"][::-1]}
