"""A comparison on a terminal and in a pull request, kept whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2i_eval.report.comparison import comparison_lines, comparison_markdown

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from tests.unit.comparing.conftest import Maker

    from e2i_eval.gate.compare import RunComparison


def two(make: Maker) -> RunComparison:
    """Compare two runs of which the other breaks one case and fixes another."""
    base = make.run(make.case("shop/a"), make.case("shop/b", "fail"), make.case("desk/a"), name="x")
    head = make.run(make.case("shop/a", "fail"), make.case("shop/b", input_tokens=109.0), make.case("desk/a"), name="y")
    return make.compared(replace(base, overheads=(make.overhead(0.7),)), head)


def three(make: Maker) -> RunComparison:
    """Compare two runs with a first one that is better than either."""
    base, head = (side.report for side in two(make).sides)
    return make.compared(base, head, make.run(make.case("shop/a"), name="z"))


def live(make: Maker) -> RunComparison:
    """Compare two live runs."""
    return make.compared(make.many(9, 12, name="x"), make.many(9, 12, failed=2, name="y"))


def same(make: Maker) -> RunComparison:
    """Compare two runs that do the same."""
    return make.compared(make.run(make.case("shop/a"), name="x"), make.run(make.case("shop/a"), name="y"))


COMPARISONS = {"two": two, "three": three, "live": live, "same": same}


@pytest.mark.parametrize("runs", COMPARISONS)
def test_on_a_terminal(make: Maker, runs: str, screen: SnapshotAssertion) -> None:
    """``e2i-eval compare``."""
    assert "\n".join(comparison_lines(COMPARISONS[runs](make), color=False)) + "\n" == screen


@pytest.mark.parametrize("runs", COMPARISONS)
def test_in_a_pull_request(make: Maker, runs: str, comment: SnapshotAssertion) -> None:
    """``e2i-eval compare --markdown``."""
    assert comparison_markdown(COMPARISONS[runs](make)) == comment
