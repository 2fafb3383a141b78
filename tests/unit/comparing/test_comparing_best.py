"""The best of several runs, as far as the numbers decide it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.comparing.conftest import Maker

    from e2i_eval.gate.compare import Best


def _best(make: Maker, *runs: tuple[int, float], mode: str = "mock") -> Best:
    """Compare runs of 20 cases of one target, each with some failures and a cost a case."""
    made = [
        make.run(
            *(make.case(f"support/{i:02d}", "fail" if i < failed else "pass", cost_usd=cost) for i in range(20)),
            mode=mode,
            name=str(place),
        )
        for place, (failed, cost) in enumerate(runs)
    ]
    best = make.compared(*made).best
    assert best is not None
    return best


def test_two_runs_have_no_best(make: Maker) -> None:
    """They have better and worse."""
    run = make.run(make.case("support/a"))

    assert make.compared(run, run).best is None


@pytest.mark.parametrize(
    ("runs", "letter", "reason"),
    [
        (((2, 0.1), (0, 0.9), (1, 0.1)), "B", "B passes the most cases"),
        (((1, 0.3), (1, 0.1), (2, 0.01)), "B", "A, B pass equally many cases, and B is the cheapest of them"),
        (((1, 0.1), (1, 0.1), (2, 0.1)), "", "A, B pass equally many cases, and A, B cost the same"),
    ],
)
def test_quality_comes_first_then_cost(
    make: Maker, runs: tuple[tuple[int, float], ...], letter: str, reason: str
) -> None:
    """In mock, where every difference is definite."""
    best = _best(make, *runs)

    assert (best.letter, best.reason) == (letter, reason)


def test_the_front_names_who_beats_whom(make: Maker) -> None:
    """As good and cheaper, or better and not dearer."""
    best = _best(make, (2, 0.1), (0, 0.9), (2, 0.2), (1, 0.1))

    assert [each.beaten_by for each in best.candidates] == [("D",), (), ("A", "D"), ()]


def test_live_runs_that_are_alike_have_no_best(make: Maker) -> None:
    """The cheapest is named, and not called the best."""
    best = _best(make, (2, 0.3), (5, 0.1), (2, 0.2), mode="live")

    assert best.letter == ""
    reason = "the quality of A, B, C cannot be distinguished, so none is the best; B is the cheapest of them"
    assert best.reason == reason
    assert best.candidates[0].rate is not None


def test_a_live_run_that_is_clearly_ahead_is_the_best(make: Maker) -> None:
    """Though it is the dearest."""
    assert _best(make, (18, 0.1), (0, 0.9), (19, 0.1), mode="live").letter == "B"


def test_an_unknown_cost_decides_nothing(make: Maker) -> None:
    """It might be the lowest."""
    case = make.case("support/a")
    unpriced = replace(case, measurements={"input_tokens": 1.0})
    best = make.compared(*(make.run(each, name=str(i)) for i, each in enumerate((case, unpriced, case)))).best

    assert best is not None
    assert (best.letter, best.candidates[1].cost_usd) == ("", None)
    assert "the cost of one of them is unknown" in best.reason


def test_runs_of_other_modes_have_no_best(make: Maker) -> None:
    """Scripted answers say nothing of what Claude would answer."""
    runs = [make.run(make.case("support/a"), mode=mode, name=mode) for mode in ("mock", "live", "replay")]
    best = make.compared(*runs).best

    assert best is not None
    assert best.letter == ""
